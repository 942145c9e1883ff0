"""A page as a reader finds it: its elements, texts and links."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple


class Element(NamedTuple):
    """A start tag."""

    tag: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """The parsed page. `texts` by id holds all text within; `text` is that of the whole, without style and script."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.within: dict[str, str] = {}  # text of style and script
        self.text = ""
        self._open = ""
        self.feed(source)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open = ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "script"):
            self.within[self._open] = self.within.get(self._open, "") + data
        else:
            self.text += data

    def all(self, tag: str) -> list[Element]:
        """The elements with this tag."""
        return [one for one in self.elements if one.tag == tag]

    def values(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [one.attributes[name] for one in self.elements if name in one.attributes]
