"""The examples of docs/case-facts.md convert, and become what the page says."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirconv import Conversion, convert
from fhirconv.source import read_bytes

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "case-facts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(yaml|json)\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| .+? \| (`.+`) \| .+ \|$", PAGE, re.MULTILINE)


def facts(text: str) -> dict[str, Any]:
    """YAML as fhirconv reads it: numbers with their digits, dates as text."""
    found: dict[str, Any] = read_bytes(text.encode(), "page.yaml").data
    return found


def with_base(part: dict[str, Any]) -> dict[str, Any]:
    """The case around every example, with the example in it."""
    case = facts(BLOCKS[0][1])
    for section, found in part.items():
        case[section] = [*case.get(section, []), *found] if isinstance(found, list) else case.get(section, {}) | found
    return case


def clean(part: dict[str, Any]) -> Conversion:
    made = convert(with_base(part))
    assert [issue.text() for issue in made.issues if issue.severity != "information"] == []
    return made


def examples() -> list[tuple[str, list[str]]]:
    """Each example with the resources that the page shows after it."""
    found: list[tuple[str, list[str]]] = []
    for language, text in BLOCKS[1:]:
        if language == "yaml":
            found.append((text, []))
        else:
            found[-1][1].append(text)
    return found


def holds(there: Any, shown: Any) -> bool:
    """Whether everything that is shown is there; of a list each item in any place."""
    if isinstance(shown, dict):
        return isinstance(there, dict) and all(
            key in there and holds(there[key], value) for key, value in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(there, list) and all(any(holds(one, item) for one in there) for item in shown)
    return str(there) == str(shown)


@pytest.mark.parametrize(
    ("text", "becomes"), examples(), ids=lambda value: value[:40] if isinstance(value, str) else ""
)
def test_example_becomes_what_is_shown(text: str, becomes: list[str]) -> None:
    assert becomes
    bundle = json.loads(clean(facts(text)).json(), parse_float=Decimal)
    for shown in becomes:
        wanted = json.loads(shown, parse_float=Decimal)
        assert any(holds(entry["resource"], wanted) for entry in bundle["entry"]), shown


def as_example(cell: str) -> dict[str, Any]:
    """A cell of the tables of times and values as facts of a case."""
    code = cell.strip("`")
    if code.startswith(("value", "result:", "absent:", "reference_range:")):
        return {
            "labs": [
                {"analyte": "zorbin"} | facts("{" + code + "}") | ({"value": 12} if code.startswith("ref") else {})
            ]
        }
    at = facts("{after: letrozole-start, " + code + "}") if code.startswith("by:") else facts(f"at: {code}")["at"]
    return {"procedures": [{"procedure": "CT", "kind": "imaging", "status": "completed", "at": at}]}


def test_tables_of_times_and_values() -> None:
    cells = [one for row in ROWS for one in row.split("; " if "result:" in row else "`, `")]
    of_tables = [one for one in cells if re.match(r"`?(\{|by:|\d|value|result|absent|reference_range)", one)]
    assert len(of_tables) > 18
    for cell in of_tables:
        made = convert(with_base(as_example(cell)))
        told = [
            issue.text() for issue in made.issues if issue.severity != "information" and issue.rule != "unit-missing"
        ]
        assert told == [], cell
