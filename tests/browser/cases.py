"""The pages that are opened: for each name what `fhirconv report` is given, written into a folder where it is made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from conftest import FIXTURES

from .hostile import hostile_cases, misfits

Arguments = list[str | Path]

CASES = FIXTURES / "cases"
# A legal name of a file, and no less a text that a page shows.
_HOSTILE_NAME = "<img src=x onerror=canary(0)>\"' onfocus=canary(0) {{7*7}}"
_LABS = 10_000


def _fixtures(*names: str) -> Callable[[Path], Arguments]:
    return lambda folder: [CASES / f"{name}.yaml" for name in names]


def _written(folder: Path, case: dict[str, Any], name: str = "case") -> Arguments:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(case), encoding="utf-8")
    return [path]


def _hostile(folder: Path) -> Arguments:
    cases, _ = hostile_cases()
    return [path for number, case in enumerate(cases) for path in _written(folder, case, f"{number} {_HOSTILE_NAME}")]


def _misfits(folder: Path) -> Arguments:
    return _written(folder, misfits(), _HOSTILE_NAME)


def _no_time(folder: Path) -> Arguments:
    case = {
        "case": {"id": "no-time"},
        "patient": {"sex": "male"},
        "conditions": [{"id": "cancer", "kind": "primary-cancer", "name": "breast cancer"}],
        "labs": [{"analyte": "Hb", "value": 9.8, "unit": "g/dL"}, {"analyte": "CEA", "result": "high"}],
        "medications": [{"drug": "letrozole", "status": "active", "for": "cancer"}],
        "procedures": [{"kind": "biopsy", "procedure": "needle biopsy", "status": "completed"}],
    }
    return _written(folder, case)


def _errors(folder: Path) -> Arguments:
    case = {
        "case": {"id": "errors"},
        "patient": {"sex": "female"},
        "conditions": [{"id": "cancer", "kind": "primary-cancer", "name": "breast cancer", "onset": "2014-02-30"}],
        "labs": [{"analyte": "Hb", "value": 9.8, "unit": "g/dl/l", "at": 2020}, {"analyte": "Hb", "value": "nine"}],
        "stages": [{"of": "cancre", "stage": "IV"}],
    }
    return _written(folder, case)


def _relative(folder: Path) -> Arguments:
    """No date at all: results so many days, weeks and months after or before the start of a drug."""

    def lab(value: float, *, unit: str, length: float, side: str = "after") -> dict[str, Any]:
        at = {side: "start", "by": {"value": length, "unit": unit}}
        return {
            "analyte": "Hb",
            "value": value,
            "unit": "g/dL",
            "reference_range": {"low": 11.6, "high": 14.8},
            "at": at,
        }

    case = {
        "case": {"id": "relative"},
        "patient": {"sex": "female"},
        "events": [{"id": "start", "name": "start of letrozole", "of": "letrozole"}],
        "medications": [
            {"id": "letrozole", "drug": "letrozole", "status": "stopped", "start": {"at": "start"},
             "end": {"after": "start", "by": {"value": 10, "unit": "months"}}},
        ],
        "labs": [
            lab(8.1, unit="days", length=3, side="before"), lab(8.4, unit="days", length=12), lab(9.0, unit="weeks", length=6),
            lab(10.5, unit="months", length=3), lab(11.9, unit="months", length=6), lab(10.2, unit="years", length=1),
        ],
    }  # fmt: skip
    return _written(folder, case)


def _uneven(folder: Path) -> Arguments:
    """Months, years, moments; numbers with comparators; values far apart; bounds on one side: all on one calendar."""
    labs: list[dict[str, Any]] = [
        {"analyte": "CEA", "value": "<0.5", "unit": "ng/mL", "at": "2019-02"},
        {"analyte": "CEA", "value": ">1000", "unit": "ng/mL", "at": "2020"},
        {"analyte": "CEA", "value": 5.50, "unit": "ng/mL", "at": "2020-03-01T23:30:00+09:00", "reference_range": {"high": 5.0}},
        {"analyte": "CEA", "value": 7, "unit": "ng/mL", "at": "2020-02-29", "interpretation": "high"},
        {"analyte": "CEA", "value": 0.011, "unit": "mg/L", "at": "2020-04-01"},
        {"analyte": "Hb", "value": 9.80, "unit": "g/dL", "at": "2019-12-31", "interpretation": "low"},
        {"analyte": "Hb", "value": 98, "unit": "g/L", "at": "2020-01-31"},
        {"analyte": "base excess", "value": -2.0, "unit": "mmol/L", "at": "2020-01-31", "reference_range": {"low": -3, "high": 3}},
    ]  # fmt: skip
    return _written(folder, {"case": {"id": "uneven"}, "patient": {"sex": "female"}, "labs": labs})


def _ten_thousand_labs(folder: Path) -> Arguments:
    return _written(folder, {"case": {"id": "ten-thousand"}, "patient": {"sex": "female"}, "labs": list(_labs())})


def _labs() -> Iterator[dict[str, Any]]:
    """Forty analytes on 250 days over three years, each with its unit, its range, and a flag where one is due."""
    units = ("g/dL", "10^3/uL", "U/L", "ng/mL")
    for number in range(_LABS):
        visit, analyte = divmod(number, 40)
        value = 5 + analyte + (visit * 7 + analyte * 3) % 11
        low, high = 7 + analyte, 13 + analyte
        flag = "low" if value < low else "high" if value > high else "normal"
        yield {
            "analyte": f"marker {analyte}", "value": value, "unit": units[analyte % 4], "interpretation": flag,
            "reference_range": {"low": low, "high": high}, "at": str(date(2020, 1, 1) + timedelta(days=visit * 4)),
        }  # fmt: skip


def _corpus(folder: Path) -> Arguments:
    """Cases that convert, one with errors, one with words that no mapping knows."""
    given = [path for name in ("errors", "uneven", "no-time", "relative") for path in PAGES[name](folder / name)]
    cases = [json.loads(Path(path).read_text(encoding="utf-8")) for path in given]
    return _lines(folder, cases)


def _hostile_corpus(folder: Path) -> Arguments:
    cases, _ = hostile_cases()
    return _lines(folder, [*cases, misfits()])


def _lines(folder: Path, cases: list[dict[str, Any]]) -> Arguments:
    path = folder / f"{_HOSTILE_NAME}.ndjson"
    path.write_text("".join(f"{json.dumps(case)}\n" for case in cases), encoding="utf-8")
    return ["--corpus", path]


def _bundle(folder: Path) -> Arguments:
    return [FIXTURES / "bundles" / "made-up-lab-series.r4.json"]


# A name is that of a fixture where it is one: the pictures are kept by it.
PAGES: dict[str, Callable[[Path], Arguments]] = {
    **{name: _fixtures(name) for name in ("nakagawa-2022", "takanashi-2019", "made-up-lab-series")},
    "several": _fixtures("nakagawa-2022", "maximal-labs", "maximal-patient"),
    "bundle": _bundle,
    "relative": _relative,
    "uneven": _uneven,
    "no-time": _no_time,
    "errors": _errors,
    "hostile": _hostile,
    "misfits": _misfits,
    "corpus": _corpus,
    "hostile-corpus": _hostile_corpus,
    "ten-thousand-labs": _ten_thousand_labs,
}
ORDINARY = (
    "nakagawa-2022",
    "takanashi-2019",
    "made-up-lab-series",
    "several",
    "bundle",
    "relative",
    "uneven",
    "no-time",
    "errors",
    "corpus",
)
