"""What a page of the mapping reference consists of. How it is written, in HTML or Markdown, is for others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias


class Code(NamedTuple):
    """Text as it stands in a file or in FHIR."""

    text: str


class Link(NamedTuple):
    """Leads to a page of the reference, and there to the heading `at`; or, with `url`, elsewhere."""

    text: str
    page: str = ""
    at: str = ""
    url: str = ""


Inline: TypeAlias = str | Code | Link
Words: TypeAlias = Inline | Iterable["Words"]


class Heading(NamedTuple):
    """A heading of level 2 or lower; links lead to it by its text."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Words."""

    words: Words


class Bullets(NamedTuple):
    """A list."""

    items: tuple[Words, ...]


class Table(NamedTuple):
    """A table; `title` says what is in it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Words, ...], ...]


Block: TypeAlias = Heading | Paragraph | Bullets | Table


class Page(NamedTuple):
    """A page; `name` is that of its file, without suffix. Its blocks do not depend on the form that is written."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def inlines(words: Words) -> Iterator[Inline]:
    """Words that are nested in others, one after the other."""
    if isinstance(words, str | Code | Link):
        yield words
    else:
        for one in words:
            yield from inlines(one)


def joined(words: Iterable[Words], between: str = ", ") -> Words:
    """Words with something between them."""
    made: list[Words] = []
    for one in words:
        made += [between, one] if made else [one]
    return made


def table(title: str, heads: str, rows: Iterable[tuple[Words, ...]]) -> list[Block]:
    """A table of what is there, its heads parted by '|'; none of nothing."""
    found = tuple(rows)
    return [Table(title, tuple(heads.split("|")), found)] if found else []


def anchor(heading: str) -> str:
    """What a Markdown heading is known by in an address: code hosts and MyST make it so, several headings may have one."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
