"""Every command, program, file and value that the documents show is what a reader gets, and every name in them is there."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from fhirconv.cli import main
from tests import docs_commands
from tests.docs_commands import PAGES, ROOT, SUITES, blocks, tokens

LANGUAGES = {"console", "python", "output", "json", "yaml", "toml", "text"}
OF_A_READER = {  # files that a reader brings along, by the name that pages give them
    "case.yaml": "fixtures/cases/minimal-labs.yaml",
    "export.json": "fixtures/bundles/nakagawa-2022.r4.json",
}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", [page for page in PAGES if any(not block.suite for block in blocks(page))])
def test_page_shows_what_a_reader_gets(page: str, tmp_path: Path) -> None:
    for name, fixture in OF_A_READER.items():
        (tmp_path / name).write_bytes((ROOT / fixture).read_bytes())
    docs_commands.follow(page, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run_or_read(page: str) -> None:
    """A language that nobody runs is none; what is data can be read; who runs the block of a suite knows of its page."""
    reads = {"json": docs_commands._values, "yaml": yaml.compose, "toml": tomllib.loads}
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block.place}: {block.language!r} is none of {sorted(LANGUAGES)}"
        assert block.language != "text" or block.file[0], f"{block.place}: nothing says where this text is from"
        assert not block.suite or page in SUITES[block.suite], f"{block.place}: add the page to that suite"
        assert reads.get(block.language, len)(block.text), f"{block.place}: holds nothing"


def written(page: str) -> list[tuple[int, str]]:
    """Line and text of all code that no block fences: code within a sentence, and the forms of commands, a line each."""
    found = []
    for token in tokens(page):
        line = (token.map or [0])[0] + 1
        if token.type == "code_block":
            found += [(line + number, text) for number, text in enumerate(token.content.splitlines())]
        found += [(line, child.content) for child in token.children or () if child.type == "code_inline"]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    """Of what a link leads to within a page the site's build knows more."""
    of_a_page = [child for token in tokens(page) for child in token.children or ()]
    links = [str(child.attrGet("href") or child.attrGet("src") or "") for child in of_a_page]
    files = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [name for name in files if not ((ROOT / page).parent / name).exists()] == []


def test_the_readme_leads_to_every_document() -> None:
    """A code host has no navigation. What the site makes of the program, and of README and CONTRIBUTING, is left out."""
    documents = {f"docs/{name}" for name in re.findall(r"\]\(([a-z-]+\.md)\)", _text("docs/index.md"))}
    assert documents
    assert sorted(documents - set(re.findall(r"\]\(([^)#]+)", _text("README.md")))) == []


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_are_there(page: str) -> None:
    for line, text in written(page):
        for words in re.split(r" \| | && |: ", text.partition("  #")[0]):
            if wrong := unknown(words.split()):
                pytest.fail(f"{page}:{line}: {words!r}: there is no {wrong}")


def unknown(words: list[str]) -> str:
    """What a command names and is not there; empty for what is no command of this repository."""
    match words:
        case ["fhirconv", *rest]:
            return _no_command(rest)
        case ["make", target, *_]:
            return "" if target in TARGETS or "=" in target else f"target {target}"
        case ["python", "-m", module, *_]:
            return "" if importlib.util.find_spec(module) else f"module {module}"
        case ["python", path, *_] if path.endswith(".py"):
            return "" if (ROOT / path).exists() else path
    return ""


def _no_command(words: list[str]) -> str:
    """What is not there of the words after `fhirconv`; `start|stop` are two commands."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and words[0].islower() and not words[0].startswith("-"):
        names, *words = words
        for name in names.replace("\\", "").split("|"):
            below = command.get_command(click.Context(command), name)
            if below is None:
                return f"command {name}"
        command = below
    options = {option for param in command.params for option in param.opts + param.secondary_opts}
    named = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(words))
    return next((f"option {option}" for option in named if option not in options | {"--help", "-h", "--version"}), "")
