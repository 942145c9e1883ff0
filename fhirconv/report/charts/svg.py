"""A Vega-Lite specification -> SVG that stands in a page: no id, no style, no script, nothing that leads out of it.

Vega's own SVG is complete; what is changed here is what a page needs: links within the page (Vega puts an address before
them), their names where a screen reader and a pointer find them, and less text.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import vl_convert

_VEGA_LITE = "6.4"  # stated, since "the newest" would change with the library
_LINK = "{http://www.w3.org/1999/xlink}href"
_FRAME = {"background", "foreground"}  # what Vega draws around groups: nothing here
_DROPPED = ("role", "aria-roledescription", "aria-hidden", "pointer-events", "font-family", "stroke-miterlimit")
_INHERITED = (
    *("fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray"),
    *("font-size", "font-weight", "text-anchor", "pointer-events"),
)
_LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")


def drawn(spec: dict[str, Any], name: str) -> str:
    """The picture as SVG, named as a whole for who cannot see it. The same specification gives the same bytes."""
    return _cleaned(vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE, allowed_base_urls=[]), name)


def _cleaned(svg: str, name: str) -> str:
    root = ET.fromstring(svg)  # noqa: S314  (made by Vega: no document type, no entities)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for element in list(root.iter()):
        _clean(element)
    for group in root.iter("g"):
        _say_once(group)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "chart",
        "role": "group",
        "aria-label": name,
        "font-family": "sans-serif",
        **{name: root.attrib[name] for name in ("width", "height", "viewBox")},
    }
    return ET.tostring(root, encoding="unicode")


def _clean(element: ET.Element) -> None:
    """Changes one element and drops those below it that draw nothing."""
    for child in list(element):
        if child.get("class") in _FRAME:
            element.remove(child)
        elif element.tag != "a":
            child.attrib.pop("aria-label", None)  # Vega names everything; who reads by names is to hear each fact once
    for name in _DROPPED:
        element.attrib.pop(name, None)
    for name, value in element.attrib.items():
        if name in ("d", "transform", "x2", "y2"):
            element.set(name, _LONG.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value))
    if element.get("opacity") == "1":
        del element.attrib["opacity"]
    if element.tag == "a":
        _name_link(element)
    elif element.tag == "g" and element.get("class", "").startswith("mark-") and element.find(".//a") is None:
        element.set("aria-hidden", "true")  # the links say it all
    if element.get("class"):
        element.set("class", element.get("class", "").rpartition(" ")[2])


def _say_once(group: ET.Element) -> None:
    """What all shapes of a group have in common, the group has."""
    shapes = [child[-1] if child.tag == "a" else child for child in group]
    if any(shape.tag == "g" for shape in shapes) or not shapes:
        return
    for name, value in list(shapes[0].attrib.items()):
        if name in _INHERITED and all(shape.get(name) == value for shape in shapes):
            group.set(name, value)
            for shape in shapes:
                del shape.attrib[name]


def _name_link(link: ET.Element) -> None:
    """Leads only within the page, and says where: as its name, and as what a pointer shows."""
    link.set("href", "#" + link.attrib.pop(_LINK).partition("#")[2])
    shape = link[0]
    link.set("aria-label", shape.attrib.pop("aria-label"))
    shape.set("pointer-events", "all")  # it is not painted
    title = ET.Element("title")
    title.text = link.get("aria-label")
    link.insert(0, title)
