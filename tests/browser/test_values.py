"""What a page shows of results is what the Bundle says: in the tables, and in the places of the marks, measured in px.

The Bundle is read here as plain JSON, by nothing of fhirconv.
"""

from __future__ import annotations

import calendar
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .cases import PAGES
from .conftest import Made
from .opened import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHARTED = ("made-up-lab-series", "bundle", "uneven", "relative")
_CLOSE_PX = 1.0
_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}
_OFFSET = "http://hl7.org/fhir/StructureDefinition/cqf-relativeDateTime"

# Every chart in the order of the page: its axis, its links with the middle of what can be pointed at, the ticks of its
# axes with the words beside them, and its table. A tick is where its line is: the middle of a text is that of its box,
# which stands otherwise about its letters in each font.
_CHARTS = """() => [...document.querySelectorAll('figure')].map(figure => {
    const middle = one => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
    const svg = figure.querySelector('svg');
    const axes = [...svg.querySelectorAll('.role-axis')].map(axis => {
        const words = [...axis.querySelectorAll('.role-axis-label text')];
        return [...axis.querySelectorAll('.role-axis-tick line')].map((line, at) => ({
            text: words[at].textContent, at: middle(line), word: words[at].getBoundingClientRect().toJSON() }));
    });
    return {
        title: figure.querySelector('figcaption').textContent,
        axis: figure.closest('section').querySelector('h3').id,
        box: [svg.getBoundingClientRect().left, svg.getBoundingClientRect().right],
        links: [...svg.querySelectorAll('a')].map(one => [one.getAttribute('href'), one.getAttribute('aria-label'), ...middle(one)]),
        ticks: axes,
        rows: [...figure.nextElementSibling.querySelectorAll('tbody tr')].map(row =>
            [row.querySelector('a').getAttribute('href'), ...[...row.cells].map(cell => cell.textContent.trim())]),
    };
})"""


class Result(NamedTuple):
    """A laboratory result of a Bundle, in the words that a table has for it."""

    when: str
    result: str
    reference: str


class Place(NamedTuple):
    """Where a result belongs: days on its axis, and its value."""

    day: float
    value: float


def bundle_of(made: Made, name: str) -> dict[str, Any]:
    """The Bundle of a case, as `fhirconv convert` writes it; numbers as they are written."""
    (given,) = PAGES[name](made(name).parent)
    text = Path(given).read_text(encoding="utf-8")
    if '"Bundle"' not in text:
        command = [sys.executable, "-m", "fhirconv", "convert", given]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found: dict[str, Any] = json.loads(text, parse_float=str, parse_int=str)
    return found


def numeric_results(bundle: dict[str, Any]) -> dict[str, list[tuple[Result, Place]]]:
    """The laboratory results with a number, by the title of the chart that shows them."""
    found = defaultdict(list)
    for entry in bundle["entry"]:
        one = entry["resource"]
        if "valueQuantity" in one and "laboratory" in json.dumps(one.get("category", [])):
            amount = one["valueQuantity"]
            number = amount.get("comparator", "") + amount["value"]
            flags = [it["text"] for it in one.get("interpretation", [])]
            said = Result(time_words(one), ", ".join([f"{number} {amount['unit']}", *flags]), reference_words(one))
            found[f"{one['code']['text']} ({amount['unit']})"].append(
                (said, Place(day_of(one), float(amount["value"])))
            )
    return found


def time_words(resource: dict[str, Any]) -> str:
    """The time as the Bundle states it; '' for one that hangs on an event."""
    return str(resource.get("effectiveDateTime", ""))


def reference_words(resource: dict[str, Any]) -> str:
    for stated in resource.get("referenceRange", []):
        low, high = (stated.get(end, {}).get("value") for end in ("low", "high"))
        return f"{low} – {high}" if low and high else f"from {low}" if low else f"up to {high}"
    return "not stated"


def day_of(resource: dict[str, Any]) -> float:
    """The middle of the time of a result, in days: of its year, its month, its day; or by its offset from an event."""
    if "effectiveDateTime" in resource:
        return middle_of(resource["effectiveDateTime"])
    (stated,) = (one for one in resource["_effectiveDateTime"]["extension"] if one["url"] == _OFFSET)
    said = {one["url"]: one for one in stated["extension"]}
    offset = said["offset"]["valueDuration"]
    side = -1 if said["relationship"]["valueCode"].startswith("before") else 1
    return side * float(offset["value"]) * _DAYS[offset["code"]]


def middle_of(text: str) -> float:
    """'2020' is the middle of that year, in days since 1970; a moment by the clock of its own zone."""
    if "T" in text:
        return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)
    year, month, day = (*map(int, text.split("-")), 0, 0)[:3]
    first = date(year, month or 1, day or 1).toordinal() - date(1970, 1, 1).toordinal()
    length = 1 if day else calendar.monthrange(year, month)[1] if month else 366 if calendar.isleap(year) else 365
    return first + length / 2


@pytest.fixture(scope="module")
def charts(browser: Browser, made: Made) -> dict[str, list[dict[str, Any]]]:
    """The charts of each page, as they stand in the browser."""
    found = {}
    for name in CHARTED:
        with opened(browser, made(name), viewport={"width": 1400, "height": 900}) as page:
            page.open_details()
            found[name] = page.page.evaluate(_CHARTS)
    return found


Charts = dict[str, list[dict[str, Any]]]


@pytest.mark.parametrize("name", CHARTED)
def test_tables_say_what_the_bundle_says(charts: Charts, made: Made, name: str) -> None:
    expected = numeric_results(bundle_of(made, name))
    shown = {chart["title"]: chart["rows"] for chart in charts[name]}
    assert expected
    for title, results in expected.items():
        rows = Counter(Result(*cells) for _, *cells in shown[title])
        if all(said.when for said, _ in results):
            assert rows == Counter(said for said, _ in results), title
        else:
            assert Counter(row[1:] for row in rows.elements()) == Counter(said[1:] for said, _ in results), title


@pytest.mark.parametrize("name", CHARTED)
def test_every_mark_says_what_its_row_says(charts: Charts, name: str) -> None:
    """The name of a mark, as a screen reader says it and a pointer shows it; and each leads to the same fact."""
    for chart in charts[name]:
        if is_series(chart):
            marks = {href: label for href, label, *_ in chart["links"]}
            assert marks == {href: f"{when}: {result}" for href, when, result, _ in chart["rows"]}, chart["title"]


@pytest.mark.parametrize("name", CHARTED)
def test_marks_stand_where_their_values_are(charts: Charts, made: Made, name: str) -> None:
    """Linear in time, by one scale for all charts of an axis; linear in value; the words of the axes at their places."""
    expected = numeric_results(bundle_of(made, name))
    across: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for chart in filter(is_series, charts[name]):
        places = {said.result: place for said, place in expected[chart["title"]]}
        results = {href: result for href, _, result, _ in chart["rows"]}
        assert len(places) == len(results), "made so that no two results of a chart are alike"
        marks = [(places[results[href]], x, y) for href, _, x, y in chart["links"]]
        upward = [(place.value, y) for place, _, y in marks]
        upward += [
            (float(text.replace("\u2212", "-").replace(",", "")), y) for text, _, y in ticks(chart, along_x=False)
        ]
        assert misplaced(upward) == [], chart["title"]
        assert upward[0][1] < upward[-1][1] or upward[0][0] <= upward[-1][0], "more is higher"
        across[chart["axis"]] += [(place.day, x) for place, x, _ in marks]
    for axis, pairs in across.items():
        assert misplaced(pairs) == [], axis
        assert max(x for _, x in pairs) - min(x for _, x in pairs) > 200


@pytest.mark.parametrize("name", [*CHARTED[:3]])
def test_dates_under_a_chart_are_where_they_belong(charts: Charts, made: Made, name: str) -> None:
    results = numeric_results(bundle_of(made, name))
    for chart in filter(is_series, charts[name]):
        days = {said.result: place.day for said, place in results[chart["title"]]}
        marks = [
            (days[result], x) for href, _, result, _ in chart["rows"] for to, _, x, _ in chart["links"] if to == href
        ]
        dates = [(start_of(text), x) for text, x, _ in ticks(chart, along_x=True)]
        assert len(dates) >= 3
        assert misplaced([*marks, *dates]) == [], chart["title"]


@pytest.mark.parametrize("name", [*CHARTED, "nakagawa-2022", "takanashi-2019"])
def test_charts_of_an_axis_stand_under_each_other(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), viewport={"width": 1400, "height": 900}) as page:
        edges: dict[str, set[tuple[float, ...]]] = defaultdict(set)
        for chart in page.page.evaluate(_CHARTS):
            edges[chart["axis"]].add((*chart["box"], *(round(x) for _, x, _ in ticks(chart, along_x=True))))
    assert edges
    assert all(len(found) == 1 for found in edges.values()), edges


def is_series(chart: dict[str, Any]) -> bool:
    """Whether a chart is of results: not the timeline."""
    return not chart["title"].startswith("Course")


def ticks(chart: dict[str, Any], *, along_x: bool) -> list[tuple[str, float, float]]:
    """The ticks of an axis: those along x stand at one height, those along y above each other, each beside its words."""
    found = []
    for axis in filter(None, chart["ticks"]):
        if (len({round(tick["at"][1]) for tick in axis}) == 1) is along_x:
            found += [(tick["text"], *tick["at"]) for tick in axis]
            start, end, place = ("left", "right", 0) if along_x else ("top", "bottom", 1)
            assert [tick for tick in axis if not tick["word"][start] < tick["at"][place] < tick["word"][end]] == []
    return found


def start_of(text: str) -> float:
    """The day on which what a tick names begins: '2021', 'Feb 2021', '2021-02-01'."""
    for form in ("%Y", "%b %Y", "%Y-%m-%d"):
        try:
            return float(datetime.strptime(text, form).date().toordinal() - date(1970, 1, 1).toordinal())
        except ValueError:
            continue
    raise AssertionError(f"no date of a tick: {text!r}")


def misplaced(pairs: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of pairs (number, px) those off the line through the two that are the farthest apart."""
    ordered = sorted(pairs)
    (low, start), (high, end) = ordered[0], ordered[-1]
    slope = (end - start) / (high - low)
    return [(number, px) for number, px in ordered if abs(start + slope * (number - low) - px) > _CLOSE_PX]
