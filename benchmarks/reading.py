"""A table of laboratory results in long form, read: into rows, into cases, and all the way into Bundles.

    python benchmarks/reading.py [--rows 1000000] [--rounds 3] [--convert]

Each way is a process of its own that reads the file anew; CPU time of the process and its children, start included. The
floor is csv.reader alone, which looks at nothing; polars stands beside it where benchmarks/peers/install.py has put it: it
reads into columns of text by two threads, and makes no rows. Orders: the rows of a patient together, as a laboratory that
exports by patient has them, and rows of all patients mixed, as one that exports by day has them. Memory is that of the
largest process, for a tenth of the rows and for all: it must not grow with them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from processes import Ran, fhirconv, ran
from timing import digits, print_table

POLARS = Path(__file__).resolve().parents[1] / "build" / "peers" / "polars" / "bin" / "python"
ROWS_OF_A_PATIENT = 100
ANALYTES = (("Hb", "g/dL"), ("PLT", "10*9/L"), ("WBC", "10*9/L"), ("CRP", "mg/L"), ("ALT", "U/L"))
DESCRIPTION = """
title = "Laboratory results in long form"
[tables.results]
file = "results*"
key = "patient"
[tables.results.ignore]
sample = "of the laboratory"
[[facts]]
table = "results"
section = "labs"
[facts.fields]
analyte = { column = "analyte" }
value = { number = "value" }
unit = { column = "unit" }
at = { date = "date" }
note = { column = "note" }
"""
FLOOR = "import csv, sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8'))))"
OF_POLARS = "import polars, sys; print(polars.read_csv(sys.argv[1], infer_schema=False).height)"
TO_ROWS = """
import sys
from pathlib import Path
from fhirconv.collector import settle
from fhirconv.readers.tables import open_table
settle()
print(sum(1 for _ in open_table(Path(sys.argv[1])).rows))
"""
TO_CASES = """
import sys
from pathlib import Path
from fhirconv.collector import settle
from fhirconv.document import LIMITS
from fhirconv.readers import Report, find_reader
reader = find_reader("long-labs", Path(sys.argv[2]))
settle()
print(sum(len(document.data["labs"]) for document in reader.read([Path(sys.argv[1])], LIMITS, Report())))
"""


class Way(NamedTuple):
    """One way to read a file: what Python runs."""

    name: str
    arguments: Sequence[str]
    python: str = sys.executable


def rows(count: int, is_mixed: bool) -> Iterator[str]:
    """A header and so many lines of made-up results."""
    chance = random.Random(1)
    patients = max(count // ROWS_OF_A_PATIENT, 1)
    yield "patient,sample,date,analyte,value,unit,note\n"
    for number in range(count):
        patient = chance.randrange(patients) if is_mixed else number // ROWS_OF_A_PATIENT
        analyte, unit = ANALYTES[number % len(ANALYTES)]
        value = f"{chance.randrange(100, 20_000) / 100:.2f}"
        day = f"20{10 + number % 13}-{number % 12 + 1:02}-{number % 28 + 1:02}"
        note = "taken in the morning" if number % 7 == 0 else ""
        yield f"P{patient:06},S{number},{day},{analyte},{value},{unit},{note}\n"


def write_rows(path: Path, count: int, is_mixed: bool) -> Path:
    """The same rows each time."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(rows(count, is_mixed))
    return path


def to_parquet(source: Path) -> Path:
    """The same table as Parquet, by another process: pyarrow stays in memory."""
    program = (
        "import sys; from pyarrow import csv, parquet; parquet.write_table(csv.read_csv(sys.argv[1]), sys.argv[2])"
    )
    target = source.with_suffix(".parquet")
    subprocess.run([sys.executable, "-c", program, str(source), str(target)], check=True)
    return target


def ways(folder: Path, count: int, is_whole: bool) -> list[Way]:
    """All ways to read files of so many rows, which are written."""
    sorted_rows = write_rows(folder / "results.csv", count, is_mixed=False)
    mixed = write_rows(folder / "results-mixed.csv", count, is_mixed=True)
    parquet = to_parquet(sorted_rows)
    site = str(folder / "site")
    found = [Way("csv.reader alone", ("-c", FLOOR, str(sorted_rows)))]
    if POLARS.exists():
        found.append(Way("polars, into columns", ("-c", OF_POLARS, str(sorted_rows)), str(POLARS)))
    found += [
        Way("fhirconv: rows", ("-c", TO_ROWS, str(sorted_rows))),
        Way("fhirconv: rows of Parquet", ("-c", TO_ROWS, str(parquet))),
        Way("fhirconv: cases", ("-c", TO_CASES, str(sorted_rows), site)),
        Way("fhirconv: cases, rows mixed", ("-c", TO_CASES, str(mixed), site)),
    ]
    if is_whole:
        target = str(folder / "bundles.ndjson")
        command = fhirconv(
            "convert", str(sorted_rows), "--as", "long-labs", "--mappings", site, "-o", target, "--workers", "1"
        )
        found.append(Way("fhirconv convert --as", tuple(command)))
    return found


def print_reading(count: int, rounds: int, is_whole: bool) -> None:
    """The table: seconds for all rows, rows a second, how many times the floor, memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site" / "readers").mkdir(parents=True)
        (folder / "site" / "readers" / "long-labs.toml").write_text(DESCRIPTION, encoding="utf-8")
        few = {way.name: ran(way.arguments, python=way.python) for way in ways(folder, count // 10, is_whole)}
        all_ways = ways(folder, count, is_whole)
        times: dict[str, list[Ran]] = {way.name: [] for way in all_ways}
        for _ in range(rounds):
            for way in all_ways:
                times[way.name].append(ran(way.arguments, python=way.python))
    floor = times[all_ways[0].name]
    table = []
    for way, found in times.items():
        cpu = statistics.median(one.cpu for one in found)
        over = statistics.median(one.cpu / under.cpu for one, under in zip(found, floor, strict=True))
        peak = max(one.peak for one in found)
        table.append([way, f"{cpu:.1f}", f"{count / cpu:,.0f}", digits(over), f"{few[way].peak:.0f}", f"{peak:.0f}"])
    head = [
        f"{count:,} rows",
        "s of CPU",
        "rows a second",
        "× csv.reader",
        f"MB, {count // 10:,} rows",
        f"MB, {count:,} rows",
    ]
    print_table(head, table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--convert", action="store_true", help="also all the way into Bundles, which takes longest")
    given = parser.parse_args()
    print_reading(given.rows, given.rounds, given.convert)


if __name__ == "__main__":
    main()
