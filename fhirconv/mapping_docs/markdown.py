"""Pages as Markdown (CommonMark with tables), for a site of documentation."""

from __future__ import annotations

import re

from fhirconv.issues import printable
from fhirconv.mapping_docs.pages import (
    Block,
    Bullets,
    Code,
    Heading,
    Inline,
    Link,
    Page,
    Paragraph,
    Words,
    anchor,
    inlines,
)

SUFFIX = ".md"
_MARKS = re.compile(r"[\\`*_{}\[\]<>|#~$]")
_TICKS = re.compile("`+")


def written(page: Page) -> str:
    """A page; the way back to the first one stands on top."""
    top = "" if page.name == "index" else f"{_text(Link('Mapping reference', 'index'))}\n\n"
    return f"# {_plain(page.title)}\n\n{top}" + "\n".join(_block(block) for block in page.blocks)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_plain(block.text)}\n"
    if isinstance(block, Paragraph):
        return f"{_line(block.words)}\n"
    if isinstance(block, Bullets):
        return "".join(f"- {_line(item)}\n" for item in block.items)
    rows = [f"| {' | '.join(map(_line, row))} |\n" for row in (block.heads, *block.rows)]
    return "".join((rows[0], "|" + "---|" * len(block.heads) + "\n", *rows[1:]))


def _line(words: Words) -> str:
    return "".join(map(_text, inlines(words)))


def _text(one: Inline) -> str:
    if isinstance(one, Code):
        return _code(one.text)
    if isinstance(one, Link):
        place = f"#{anchor(one.at)}" if one.at else ""
        return f"[{_plain(one.text)}](<{one.url or f'{one.page}{SUFFIX}{place}'}>)"
    return _plain(one)


def _code(text: str) -> str:
    """A code span: fenced by more ticks than stand in it. A '|' would end the cell of a table."""
    fence = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return fence + blank + printable(text).replace("|", "\\|") + blank + fence


def _plain(text: str) -> str:
    return _MARKS.sub(lambda found: "\\" + found.group(), printable(text))
