"""The elements and attributes that a narrative may have, and where they may stand.

Source: txt-1 (https://hl7.org/fhir/R4/narrative.html: HTML 4.0 chapters 7 to 11 without 9.4, chapter 15, links and
images). R4 leaves it to HTML which element may stand in which; the rules here are those that HL7's validator applies.
"""

from __future__ import annotations

from typing import NamedTuple


class Element(NamedTuple):
    """Where an element may stand. Without `parents` anywhere; without `children` it may hold anything.

    `is_text`: no block stands in it, at any depth; `is_once`: it does not stand in itself; `is_empty`: it holds nothing.
    """

    parents: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    is_text: bool = False
    is_once: bool = False
    is_empty: bool = False


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ROWS = _set("tr")
_TABLE = _set("table")

ELEMENTS: dict[str, Element] = {
    **dict.fromkeys(_set("div blockquote"), Element()),
    **dict.fromkeys(_set("p h1 h2 h3 h4 h5 h6 pre address span"), Element(is_text=True)),
    **dict.fromkeys(
        _set("a b em i strong small big sub sup code tt dfn q var abbr acronym cite bdo kbd samp"),
        Element(is_text=True, is_once=True),
    ),
    **dict.fromkeys(_set("br img hr area"), Element(is_empty=True)),
    **dict.fromkeys(_set("ul ol"), Element(children=_set("li"))),
    "li": Element(parents=_set("ul ol")),
    "dl": Element(children=_set("dt dd")),
    **dict.fromkeys(_set("dt dd"), Element(parents=_set("dl"), is_text=True)),
    "table": Element(children=_set("caption col colgroup thead tfoot tbody tr")),
    "caption": Element(parents=_TABLE, is_text=True),
    "colgroup": Element(parents=_TABLE),
    "col": Element(parents=_set("table colgroup")),
    **dict.fromkeys(_set("thead tfoot tbody"), Element(parents=_TABLE, children=_ROWS)),
    "tr": Element(parents=_set("table thead tfoot tbody"), children=_set("th td")),
    **dict.fromkeys(_set("th td"), Element(parents=_set("tr"))),
    "map": Element(children=_set("area")),
}

BLOCKS = _set("div pre table ul ol")
"""Elements that do not stand in an element of text."""

PARAGRAPH_BLOCKS = BLOCKS | _set("p blockquote")
"""Elements that do not stand in a p."""

GLOBAL_ATTRIBUTES = _set(
    "title style class id lang xml:lang xml:space dir accesskey tabindex span width align valign char charoff abbr axis"
    " headers scope rowspan colspan"
)

OWN_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": _set("href name charset type hreflang rel rev shape coords"),
    "area": _set("shape coords href nohref alt"),
    "blockquote": _set("cite"),
    "img": _set("src alt longdesc height usemap ismap border"),
    "map": _set("name"),
    "pre": _set("space"),
    "q": _set("cite"),
    "table": _set("summary border frame rules cellspacing cellpadding"),
    "td": _set("nowrap"),
}
