"""docs/comparison.md says what was measured: its rows and figures are those of the tables that it is taken from."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from test_torture import PEERS

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "comparison.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its head left out."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in re.findall(r"^\|.*\|$", section, re.MULTILINE)
    ][2:]


def cells(text: str) -> dict[str, str]:
    """The first number of each row of a page, by the name in the row's first cell."""
    found = re.findall(r"^\| +\**`?([^|]*?)`?\** +\| +\**([\d.]+)\**[^|]*\|", text, re.MULTILINE)
    return dict(reversed(found))


@pytest.mark.skipif(
    not PEERS.is_file() and "CI" not in os.environ, reason="shared/PEERS.md is not beside the repository"
)
def test_every_row_of_ordinary_input_is_here_with_what_was_not_run() -> None:
    seen = rows(PEERS.read_text(encoding="utf-8").replace("### 5.3 Torture case", "## 5.3\n"), "5.3")
    shown = rows(PAGE, "Ordinary input of case reports")
    assert len(shown) == len(seen) > 15
    for (name, *peers), (row, *cells_of_row) in zip(seen, shown, strict=True):
        assert name.removesuffix(" validator on the bundle") == row.removesuffix("'s validator on the Bundle"), row
        assert [peer in ("-", "not run") or peer.startswith("(") for peer in peers] == [
            cell == "-" for cell in cells_of_row[:4]
        ], row


def test_the_odd_cases_are_counted_as_in_the_whole_table() -> None:
    whole = (DOCS / "performance.md").read_text(encoding="utf-8")
    (counts,) = re.findall(r"^\| right, of 30 \|.*$", whole, re.MULTILINE)
    assert counts in PAGE


@pytest.mark.parametrize(
    ("heading", "page", "names"),
    [
        (
            "Speed",
            "performance.md",
            {
                "a program by hand for just these cases": "by hand: facts → Bundle → bytes",
                "fhirconv, no checks": "fhirconv: checked facts → bytes",
                "fhirconv": "fhirconv: with facts checks and base validation",
                "fhirconv, mCODE": "fhirconv: the same, profile mcode",
                "HAPI's model (Java)": "HAPI 8.8.1 model (Java)",
                "fhiratwill": "fhiratwill 0.4.0",
                "fhir.resources": "fhir.resources",
                "csvtofhir": "csvtofhir 1.2.0",
                "fpml": "fpml 1.0.0",
                "fumifier (Node)": "fumifier 2.1.2 (Node)",
                "fhircraft": "fhircraft 0.9.0",
            },
        ),
        (
            "Validation",
            "validation-speed.md",
            {
                "fhirconv, of a dict": "fhirconv.validate(dict)",
                "fhirkit-rs, of bytes": "fhirkit-rs 0.1.0 from bytes",
                "fhirkit-rs, of a dict": "fhirkit-rs 0.1.0 from a dict",
                "HL7's engine, warm": "HL7's engine, warm",
                "HAPI's chain, warm": "HAPI's chain, warm",
            },
        ),
    ],
)
def test_figures_are_those_of_the_page_that_measures(heading: str, page: str, names: dict[str, str]) -> None:
    measured = cells((DOCS / page).read_text(encoding="utf-8"))
    shown = {row[0]: row[1] for row in rows(PAGE, heading)}
    assert shown.keys() >= names.keys()
    assert {name: float(shown[name]) for name in names} == {
        name: float(measured[there]) for name, there in names.items()
    }


def test_readme_has_the_figures_of_the_page_that_measures() -> None:
    """All three loads and the odd inputs; what is not in the README's table was not measured for it."""
    whole = (DOCS / "performance.md").read_text(encoding="utf-8")
    _, small, large = re.split(r"^\d+ distinct cases of ", whole, flags=re.MULTILINE)
    (counts,) = re.findall(r"^\| right, of 30 \| (.*) \|$", whole, re.MULTILINE)
    (peers,) = re.findall(r"^\| (\| fhirconv \| .*) \|$", whole, re.MULTILINE)
    right = dict(zip(peers.removeprefix("| ").split(" | "), counts.split(" | "), strict=True))
    (alone,) = re.findall(r"^\| 1 worker +\|[^|]*\| (\d+) +\|[^|]*\| ([\d.]+) ", whole, re.MULTILINE)
    mixed = {"fhirconv": float(alone[0]) / 1000, "fhir.resources": float(alone[0]) * float(alone[1]) / 1000}
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8").replace("**", "")
    shown = {row[0]: row[1:] for row in rows(text, "Many cases, and how fast")}
    assert len(shown) == len(README_ROWS)
    for name, there in README_ROWS.items():
        first, second, file_to_file, odd, _ = shown[name]
        assert (first, second) == (cells(small)[there], cells(large)[there]), name
        peer = "fhirconv" if name == "fhirconv, as it is" else there
        assert odd == right.get(peer, "-"), name
        assert file_to_file == (f"{mixed[peer]:.2g}" if peer in mixed else "-"), name


README_ROWS = {
    "`orjson.dumps`, digits of numbers lost": "orjson.dumps of it, numbers as floats",
    "by hand, a program for just these cases": "by hand: facts → Bundle → bytes",
    "fhirconv, conversion alone": "fhirconv: checked facts → bytes",
    "fhirconv, as it is": "fhirconv: with facts checks and base validation",
    "HAPI's model (Java)": "HAPI 8.8.1 model (Java)",
    "fhiratwill": "fhiratwill 0.4.0",
    "fhir.resources by hand": "fhir.resources",
    "csvtofhir": "csvtofhir 1.2.0",
    "fpml": "fpml 1.0.0",
    "fumifier (Node)": "fumifier 2.1.2 (Node)",
    "fhircraft": "fhircraft 0.9.0",
}
