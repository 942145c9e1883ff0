"""What is in a picture, layer by layer, as Vega-Lite takes it: a layer has a name (a class in the SVG, coloured by
charts.css) and rows. Without charts.css all is drawn in the colour of the text around it."""

from __future__ import annotations

from typing import Any

from fhirconv.report.charts.lettering import SIZE, SMALL, written
from fhirconv.report.charts.scale import LEFT, RIGHT, WIDTH, Scale

BAR = 10  # px, the height of a bar

_INK = "currentColor"
_OUTLINE = {"stroke": _INK, "strokeWidth": 1.5, "cornerRadius": 3}
_TEXT = {"type": "text", "fill": _INK, "baseline": "middle", "align": {"expr": "datum.align"}}
_POINT = {"type": "point", "size": 64, "stroke": _INK, "strokeWidth": 1.5, "opacity": 1}
_BLOCK, _FEWEST = 16, 6  # of what fades: px of a block with the gap behind it; blocks

# From the back to the front. A name may go on with '_' and what it is of: 'solid_therapy'.
_MARKS: dict[str, dict[str, Any]] = {
    "band": {"type": "rect", "fill": _INK, "fillOpacity": 0.1},
    "bound": {"type": "rule", "stroke": _INK, "strokeWidth": 1, "strokeDash": [6, 3]},
    "zero": {"type": "rule", "stroke": _INK, "strokeWidth": 1, "strokeOpacity": 0.6},
    "lane": {"type": "rule", "stroke": _INK, "strokeWidth": 1, "strokeOpacity": 0.4},
    "begin": {"type": "rule", "stroke": _INK, "strokeWidth": 1, "strokeDash": [2, 2]},
    "beginning": {"type": "rule", "stroke": _INK, "strokeWidth": 2},
    "line": {"type": "line", "stroke": _INK, "strokeWidth": 1.5, "strokeJoin": "round"},
    "fade": {"type": "rule", "stroke": _INK, "strokeWidth": BAR + 1.5},
    "open": {"type": "rule", "stroke": _INK, "strokeWidth": 2, "strokeDash": [5, 3]},
    "maybe": {"type": "rect", "fill": _INK, "fillOpacity": 0.25, **_OUTLINE},
    "reckoned": {"type": "rect", "fill": _INK, "fillOpacity": 0.1, "strokeDash": [3, 2], **_OUTLINE},
    "not": {"type": "rect", "fillOpacity": 0, **_OUTLINE},
    "solid": {"type": "rect", "fill": _INK, **_OUTLINE, "cornerRadius": 0},  # what fades goes on from its edge
    "tick": {"type": "rule", "stroke": _INK, "strokeWidth": 2},
    "whisker": {"type": "rule", "stroke": _INK, "strokeWidth": 2},
    "cap": {**_POINT, "shape": "stroke", "angle": 90},
    "mark": {**_POINT, "fill": _INK},
    "guess": {**_POINT, "fillOpacity": 0},
    "flag": {**_TEXT, "fontSize": SMALL, "fontWeight": "bold", "dy": {"expr": "datum.dy"}},
    "small": {**_TEXT, "fontSize": SMALL},
    "label": {**_TEXT, "fontSize": SIZE},
    "head": {**_TEXT, "fontSize": SIZE, "fontWeight": "bold"},
    "hit": {"type": "rect", "aria": True, "fill": "transparent"},
    "spot": {"type": "point", "aria": True, "fill": "transparent", "stroke": _INK, "strokeWidth": 0, "size": 240, "opacity": 1},
}
_AXIS = {
    "labelColor": _INK,
    "labelFontSize": SMALL,
    "labelOverlap": False,  # else it would hang on the fonts of the machine
    "labelBound": False,
    "tickRound": False,
    "translate": 0,
    "labelFlush": False,
    "titleColor": _INK,
    "titleFontSize": SMALL,
    "titleFontWeight": "normal",
    "titleY": 32,
    "tickColor": _INK,
    "domainColor": _INK,
    "gridColor": _INK,
    "gridOpacity": 0.12,
}


def fading(length: float) -> list[float]:
    """The dashes of a line of so many px: less and less of it."""
    count = max(round(length / _BLOCK), _FEWEST)
    return [round(length / count * part / count, 1) for at in range(count) for part in (count - at, at)]


class Sheet:
    """A picture in the making. Places along x are days; along y px from the top, or values where a row says `value`."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self.links = 0

    def put(
        self, layer: str, start: float, y: float | None, end: float | None = None, y2: float | None = None, **more: Any
    ) -> None:
        """Something in px along y. None: a line is broken here."""
        self._put(layer, "y", start, y, end, y2, more)

    def put_value(
        self, layer: str, start: float, y: float | None, end: float | None = None, y2: float | None = None, **more: Any
    ) -> None:
        """Something in values along y. None: a line is broken here."""
        self._put(layer, "value", start, y, end, y2, more)

    def write(self, layer: str, day: float, y: float, text: str, align: str = "left") -> None:
        """Words, beginning (or, with align 'right', ending) at a day."""
        self.put(layer, day, y, text=written(text), align=align)

    def _put(
        self,
        layer: str,
        y_name: str,
        start: float,
        y: float | None,
        end: float | None,
        y2: float | None,
        more: dict[str, Any],
    ) -> None:
        row = {"x": self._scale.at(start), y_name: y}
        if end is not None:
            row["x2"] = self._scale.at(end)
        if y2 is not None:
            row[y_name + "2"] = y2
        self.links += "href" in more
        self._rows.setdefault(layer, []).append(row | more)

    def spec(self, height: float, above: float, below: float, value: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole specification. `above` and `below` the plot is room for words; `value` is the y axis of values."""
        names = sorted(self._rows, key=lambda name: (list(_MARKS).index(name.partition("_")[0]), name))
        return {
            "width": WIDTH,
            "height": height,
            "autosize": {"type": "none"},
            "padding": {"left": LEFT, "right": RIGHT, "top": above, "bottom": below},
            "background": None,
            "config": {"view": {"stroke": None}, "axis": _AXIS},
            "resolve": {"scale": {"y": "independent"}} if value is None else {},
            "layer": [self._layer(name, value) for name in names],
        }

    def _layer(self, name: str, value: dict[str, Any] | None) -> dict[str, Any]:
        rows = self._rows[name]
        kinds: dict[str, dict[str, Any]] = {
            "x": self._scale.encoding(),
            "y": {"type": "quantitative", "scale": None, "axis": None},
            "value": {"type": "quantitative"} | (value or {}),
            "shape": {"type": "nominal", "scale": None},
            "dash": {"type": "nominal", "scale": None},
            **{each: {"type": "nominal"} for each in ("text", "href", "description")},
        }
        channels = {"value": "y", "dash": "strokeDash"}
        encoding = {channels.get(key, key): {"field": key} | kinds[key] for key in kinds if key in rows[0]}
        encoding |= {key.replace("value", "y"): {"field": key} for key in ("x2", "y2", "value2") if key in rows[0]}
        return {
            "name": name,
            "data": {"values": rows},
            "mark": _MARKS[name.partition("_")[0]],
            "encoding": encoding,
        }
