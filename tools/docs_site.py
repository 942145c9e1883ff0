"""Sphinx's part of the docs site: docs/ as it stands on a code host, with what is made of the program put in.

`docs/*.md` are plain Markdown, whose links work on a code host too. When Sphinx reads them,
- a line `<!-- made of the program: NAME -->` becomes what `docs_reference` makes;
- a page of COPIES becomes the file of the repository that it stands for, and links to such files lead to these pages;
- the headings of index.md, each with a list of links below it, become the navigation.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from docs_reference import MADE, write_mapping
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
COPIES = {"overview": "README.md", "contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
_LINK = re.compile(r"\]\((?![a-z]+:|[#<])([^)#\s]+)")
_MARK = re.compile(r"^<!-- made of the program: ([a-z ]+) -->$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("builder-inited", lambda _: write_mapping(Path(app.srcdir) / "reference" / "mapping"))
    app.connect("source-read", _read)
    app.connect("autodoc-process-signature", _without_defaults_of_python)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _without_defaults_of_python(*event: Any) -> tuple[str, str] | None:
    """A default that a dataclass makes has no name: `<factory>` is no Python, and Sphinx would give up on the signature."""
    *_, signature, returned = event
    return (signature.replace("<factory>", "..."), returned) if signature else None


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    """Replaces the text of a page by what the site shows."""
    page = Path(app.srcdir) / f"{name}.md"
    origin = ROOT / COPIES[name] if name in COPIES else page
    app.env.note_dependency(origin)
    text = _moved(origin.read_text(encoding="utf-8"), origin, page)
    text = _MARK.sub(lambda mark: MADE[mark[1]](), text)
    source[0] = navigation(text) if name == app.config.root_doc else text


def _moved(text: str, origin: Path, page: Path) -> str:
    """Links that led from `origin` lead from `page`, and to the pages of COPIES in place of their files."""
    pages = {ROOT / file: ROOT / "docs" / f"{name}.md" for name, file in COPIES.items()}

    def move(link: re.Match[str]) -> str:
        target = (origin.parent / link[1]).resolve()
        return f"]({os.path.relpath(pages.get(target, target), page.parent)}"

    return _LINK.sub(move, text)


def navigation(text: str) -> str:
    """The text, with a hidden toctree for each heading that has links below it."""
    for heading in re.findall(r"^## .*\n(?:.*\n)*?(?=## |\Z)", text, re.MULTILINE):
        title = heading.partition("\n")[0].removeprefix("## ")
        pages = re.findall(r"^- \[([^]]*)\]\(([^)]+)\.md\)", heading, re.MULTILINE)
        if pages:
            entries = "\n".join(f"{words} <{page}>" for words, page in pages)
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"
    return text
