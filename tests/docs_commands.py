"""What the documents tell a reader to type: found, done from the top of a page to its end, and compared with the page.

The language of a fenced block says what it is:
    console   commands after `$ ` and what they print, both streams as a terminal shows them
    python    a program; `EXPRESSION  # VALUE` shows a value, a block `output` after it what it prints
    others    data or text
Words after the language say more:
    live, spark      only that suite of tests has what the block needs; it goes through the whole page, this block included
    write=NAME       the reader makes a file of the block
    file=NAME        the file NAME holds this, and nothing else
    part=NAME        it holds this among other things
A line `…` stands for any lines left out.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if path.parent.name != "mapping"  # which the build of the site makes
)
SUITES = {
    "live": ("README.md", "docs/push.md", "docs/tutorial.md"),
    "spark": ("docs/spark.md",),
}  # the pages that each looks after
FILE_WORDS = ("write", "file", "part")
PATIENCE_S = 600
_VALUE = re.compile(r"^(\S.*?) +# ('[^']*'|-?\d[\d.]*|True|False|None|\[.*\]|\{.*\})(?:;.*)?$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `suite` is empty where nothing more than this machine is needed."""

    page: str
    line: int
    language: str
    suite: str
    file: tuple[str, str]  # one of FILE_WORDS and the name, or two empty ones
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def tokens(page: str) -> list[Token]:
    """The page as CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))


def blocks(page: str, suite: str | None = None) -> list[Block]:
    """All fenced blocks of a page in order, or those of one suite."""
    found = [_block(page, token) for token in tokens(page) if token.type == "fence"]
    return [block for block in found if suite is None or block.suite == suite]


def _block(page: str, token: Token) -> Block:
    language, *words = token.info.split() or [""]
    suites = [word for word in words if word in SUITES]
    files = [
        (kind, name) for kind, equals, name in (word.partition("=") for word in words) if kind in FILE_WORDS and name
    ]
    assert token.map
    place = f"{page}:{token.map[0] + 1}"
    assert len(suites) + len(files) == len(words), f"{place}: {token.info!r} has a word that nothing here understands"
    assert len(suites) < 2, f"{place}: {token.info!r}: one suite runs a block"
    assert len(files) < 2, f"{place}: {token.info!r}: a block is one file"
    return Block(page, token.map[0] + 1, language, "".join(suites), (files or [("", "")])[0], token.content)


def follow(page: str, folder: Path, suite: str = "", changed: Callable[[str], str] = str) -> None:
    """Does in `folder` what a page says, from its top to its end, but for what only other suites can.

    `folder` gets the fixtures of this repository. `changed` may put another server's address into a text.
    """
    for name in ("fixtures", "mappings"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir(exist_ok=True)
    todo = [block._replace(text=changed(block.text)) for block in blocks(page) if block.suite in ("", suite)]
    for block, after in zip(todo, [*todo[1:], None], strict=True):
        do(block, folder, after.text if after and after.language == "output" else "")


def do(block: Block, folder: Path, output: str = "") -> None:
    """Types what a block shows, in `folder`, and compares; `output` is what its program prints."""
    if block.language == "console":
        for command, expected in commands(block.text):
            _compare(block, run(["sh", "-c", command], folder), expected)
    elif block.language == "python":
        _compare(block, run([sys.executable, "-c", _checking(block)], folder), output)
    if block.file[0]:
        {"write": _write, "file": _same, "part": _part}[block.file[0]](block, folder / block.file[1])


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    assert text.startswith("$ "), "a console begins with '$ ' and a command"
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        typed = re.match(r"(?:.*\\\n)*.*\n", step)
        assert typed
        yield typed[0], step[typed.end() :]


def run(words: list[str], folder: Path) -> str:
    """What a terminal shows; `fhirconv` and `python` are those of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
    ).stdout


def _checking(block: Block) -> str:
    """The program, which now ends where a value is not the one that the page shows."""

    def check(shown: re.Match[str]) -> str:
        expression, value = shown[1], ast.literal_eval(shown[2])
        ast.parse(expression, mode="eval")
        return f"assert ({expression}) == {value!r}, ({expression})"

    return _VALUE.sub(check, block.text)


def _compare(block: Block, said: str, expected: str) -> None:
    assert "…\n…" not in expected, f"{block.place}: one line '…' is enough"
    lines = ["(?:.*\n)*?" if line == "…" else re.escape(line) + "\n" for line in expected.splitlines()]
    if said and not said.endswith("\n"):
        said += "\n"
    assert re.fullmatch("".join(lines), said), f"{block.place}: the page shows\n{expected}\nand this is said\n{said}"


def _write(block: Block, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def _same(block: Block, path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    if block.language == "json":
        assert _values(content) == _values(block.text), f"{block.place}: {path.name} holds\n{content}"
    else:
        assert content == block.text, f"{block.place}: {path.name} holds\n{content}"


def _part(block: Block, path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    if block.language == "json":
        [part] = _values(block.text)
        there = part in _everything(_values(content))
    elif block.language == "toml":
        there = _entries(block.text) != [] and all(entry in _entries(content) for entry in _entries(block.text))
    else:
        there = f"\n{block.text}" in f"\n{content}"
    assert there, f"{block.place}: this does not stand in {path.name}"


def _values(text: str) -> list[Any]:
    """The JSON values that a text holds one after the other."""
    decoder, values, at = json.JSONDecoder(), [], 0
    while rest := text[at:].lstrip():
        value, end = decoder.raw_decode(rest)
        values.append(value)
        at = len(text) - len(rest) + end
    return values


def _everything(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _everything(item)


def _entries(text: str) -> list[tuple[str, Any]]:
    """Each entry of the tables and lists at the top of a TOML text."""
    top = tomllib.loads(text).items()
    return [(key, entry) for key, value in top for entry in (value.items() if isinstance(value, dict) else value)]
