"""Reads a picture as a reader does: what stands where, in px, and which days and values the ticks say that these are."""

from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e-?\d+)?"
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_UNITS = {"days": 1.0, "months": 30.4375, "years": 365.25}


class Shape(NamedTuple):
    """A shape of a layer; for a rectangle and a line its extent, for a mark its middle, for text where it begins."""

    layer: str
    tag: str
    x: float
    y: float
    x2: float
    y2: float
    text: str
    element: ET.Element
    link: str
    name: str


class Ruler(NamedTuple):
    """From px to what ticks say, through the two ticks that are farthest apart."""

    first: tuple[float, float]
    last: tuple[float, float]

    def at(self, px: float) -> float:
        (one, said), (two, said_too) = self
        return said + (px - one) / (two - one) * (said_too - said)

    def px(self, said: float) -> float:
        return Ruler(self.first[::-1], self.last[::-1]).at(said)


class Seen:
    """An SVG, taken apart."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.shapes = list(_shapes(self.root, 0.0, 0.0, "", "", ""))

    def of(self, layer: str) -> list[Shape]:
        return [shape for shape in self.shapes if shape.layer == layer]

    @property
    def links(self) -> list[Shape]:
        return [shape for shape in self.shapes if shape.link]

    def texts(self) -> list[str]:
        return [shape.text for shape in self.shapes if shape.tag == "text"]

    def ticks(self) -> list[tuple[float, float]]:
        """px and day (of a relative axis: days from its zero) of each tick of the time axis."""
        labels = [
            shape for shape in self.of("role-axis-label") if shape.element.get("text-anchor", "middle") == "middle"
        ]
        labels = [shape for shape in labels if shape.y == max(label.y for label in labels)]
        title = next((shape.text for shape in self.of("role-axis-title")), "")
        if not title:
            return list(_dated(labels))
        unit = _UNITS[title.split()[0]]
        return [(shape.x, float(shape.text.replace("−", "-").replace(",", "")) * unit) for shape in labels]

    def days(self) -> Ruler:
        ticks = self.ticks()
        return Ruler(ticks[0], ticks[-1])

    def values(self) -> Ruler:
        lowest = max(shape.y for shape in self.of("role-axis-label"))
        labels = [shape for shape in self.of("role-axis-label") if shape.y < lowest]
        ticks = [(shape.y - 4, float(shape.text.replace("−", "-").replace(",", ""))) for shape in labels]
        return Ruler(ticks[0], ticks[-1])


def _dated(labels: list[Shape]) -> Iterator[tuple[float, float]]:
    """Labels of dates and, between them, of hours."""
    day = next(_day(shape.text) for shape in labels if ":" not in shape.text) - 1
    for shape in labels:
        hour, clock, minute = shape.text.partition(":")
        day = day if clock else _day(shape.text)
        yield shape.x, day + (int(hour) / 24 + int(minute) / 1440 if clock else 0)


def _day(text: str) -> float:
    if re.fullmatch(r"\d{4}", text):
        text += "-01-01"
    elif found := re.fullmatch(r"([A-Z][a-z]{2}) (\d{4})", text):
        text = f"{found[2]}-{_MONTHS.index(found[1]) + 1:02}-01"
    return float((datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days)


def _shapes(element: ET.Element, x: float, y: float, layer: str, link: str, name: str) -> Iterator[Shape]:
    for found in re.findall(rf"translate\(({_NUMBER}),({_NUMBER})\)", element.get("transform", "")):
        x, y = x + float(found[0]), y + float(found[1])
    tag = element.tag.removeprefix(SVG)
    layer = element.get("class", "").removesuffix("_marks") or layer if tag == "g" else layer
    if tag == "a":
        link, name = element.get("href", ""), element.get("aria-label", "")
    if tag in ("path", "line", "text"):
        yield _shape(element, tag, x, y, layer, link, name)
    for child in element:
        yield from _shapes(child, x, y, layer, link, name)


def _shape(element: ET.Element, tag: str, x: float, y: float, layer: str, link: str, name: str) -> Shape:
    x2, y2 = x + float(element.get("x2", 0)), y + float(element.get("y2", 0))
    begin = re.match(rf"M({_NUMBER}),({_NUMBER})h({_NUMBER})v({_NUMBER})h", element.get("d", ""))
    rounded = re.match(rf"M({_NUMBER}),({_NUMBER})", element.get("d", "")) if element.get("transform") is None else None
    if begin:
        x, y = x + float(begin[1]), y + float(begin[2])
        x2, y2 = x + float(begin[3]), y + float(begin[4])
    elif rounded and layer != "line_series":
        x, x2, y, y2 = _box(element.get("d", ""), x, y)
    return Shape(layer, tag, x, y, x2, y2, element.text or "", element, link, name)


def _box(path: str, x: float, y: float) -> tuple[float, float, float, float]:
    """The extent of a rounded rectangle: Vega draws it by M L C, all absolute."""
    points = [(float(a), float(b)) for a, b in re.findall(rf"({_NUMBER}),({_NUMBER})", path)]
    across, down = zip(*points, strict=True)
    return x + min(across), x + max(across), y + min(down), y + max(down)
