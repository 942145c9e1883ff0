"""What is measured in processes of their own: starts of the command; for validate.py also first calls and memory.

    python benchmarks/starts.py [--rounds 15]

The command beside a bare click program, rounds interleaved; medians of the ratios within a round, wall time and CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loads import case_facts
from processes import COMMAND, Ran, fhirconv, ran
from timing import digits, print_table, ratio

Resource = dict[str, Any]

BARE = """
import click

@click.command()
@click.argument("case")
@click.option("-o", "--output", help="Where to.")
def main(case, output):
    "A program that does nothing."
    with open(case, "rb") as stream, open(output, "wb") as out:
        out.write(stream.read())

main()
"""
FIRST_CALLS = """
import json, sys, time
from fhirconv.validation.exact import {check} as check
taken = []
for resource in json.load(sys.stdin):
    start = time.thread_time()
    assert check(resource) == []
    taken.append((time.thread_time() - start) * 1e3)
json.dump(taken, sys.stdout)
"""
MEMORY = """
import json, sys, time
from pathlib import Path
from fhirconv.records import read_records
from fhirconv.validation.run import Validator

def megabytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

validator, found, marks, start = Validator(), [], {}, time.thread_time()
for number, document in enumerate(read_records(Path(sys.argv[1])), 1):
    assert validator.check(document).issues == []
    if number % 2000 == 0:
        marks[number] = megabytes()
json.dump([marks, number, time.thread_time() - start], sys.stdout)
"""


def print_convert_starts(rounds: int) -> None:
    """`fhirconv --help` and `fhirconv convert` of one small case, as multiples of the bare program doing as much."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the first round, which is not counted, leaves byte code for the others
    facts = {key: value for key, value in case_facts(1).items() if key in ("case", "patient")}
    with tempfile.TemporaryDirectory() as folder:
        case, made = str(_written(folder, "case.json", facts)), str(Path(folder) / "made.json")
        commands = {
            "python -c pass": ["-c", "pass"],
            "bare click program, --help": ["-c", BARE, "--help"],
            "bare click program, copies the case": ["-c", BARE, case, "-o", made],
            "fhirconv --help": fhirconv("--help"),
            "fhirconv convert --help": fhirconv("convert", "--help"),
            "fhirconv convert, a case of 2 resources": fhirconv("convert", "-q", case, "-o", made),
        }
        taken: dict[str, list[Ran]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            for name, command in commands.items():
                once = ran(command)
                if number:  # the first round fills the caches of the disk
                    taken[name].append(once)
    print(f"Whole processes; {rounds} rounds\n")
    _, asked, copied, *_ = taken.values()
    rows = []
    for name, runs in taken.items():
        bare = asked if "help" in name else copied
        wall, cpu = ([getattr(run, clock) for run in runs] for clock in ("wall", "cpu"))
        over = [digits(ratio([getattr(a, c) for a in runs], [getattr(b, c) for b in bare])) for c in ("wall", "cpu")]
        rows.append((name, *over, f"{statistics.median(wall) * 1e3:.0f}", f"{statistics.median(cpu) * 1e3:.0f}"))
    print_table(("", "× bare, wall", "× bare, CPU", "ms wall here", "ms CPU"), rows)
    print()


def resources_alone(bundle: Resource) -> list[Resource]:
    """The resources of a transaction as they lie on a server: references are Type/id, as the requests name them."""
    text = json.dumps([entry["resource"] for entry in bundle["entry"]])
    for entry in bundle["entry"]:
        text = text.replace(
            json.dumps({"reference": entry["fullUrl"]}), json.dumps({"reference": entry["request"]["url"]})
        )
    resources: list[Resource] = json.loads(text)
    return resources


def print_first_calls(bundle: Resource, rounds: int) -> None:
    """CPU time of the first check of each resource type, alone in its process and one after the other."""
    one_each = list({one["resourceType"]: one for one in resources_alone(bundle)}.values())
    print("\nFirst check of a resource type, CPU ms (imports not counted; definitions, schema, generated code):")
    for check in ("findings_of", "exact_findings"):
        alone = [_first_calls([one], check, rounds)[0] for one in one_each]
        together = _first_calls(one_each, check, rounds)
        print(f"  {check}")
        for resource, first, later in zip(one_each, alone, together, strict=True):
            print(f"    {resource['resourceType']:20} {first:6.1f} alone in a process  {later:6.1f} after those above")
        print(f"    {'a whole Bundle':20} {_first_calls([bundle], check, rounds)[0]:6.1f}")


def _first_calls(resources: list[Resource], check: str, rounds: int) -> list[float]:
    """The median time of each, over processes."""
    text = json.dumps(resources)
    script = FIRST_CALLS.format(check=check)
    taken = [json.loads(_run(["-c", script], text)) for _ in range(rounds)]
    return [statistics.median(times) for times in zip(*taken, strict=True)]


def print_starts(bundle: Resource, rounds: int) -> None:
    """Wall time of whole processes, rounds interleaved, and of how many milliseconds more than Python alone they take."""
    patient = resources_alone(bundle)[0]
    small = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": bundle["entry"][0]["fullUrl"], "resource": patient}],
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = [_written(folder, "small.json", small), _written(folder, "bundle.json", bundle)]
        commands = {
            "python -c pass": ["-c", "pass"],
            'python -c "import click"': ["-c", "import click"],
            "fhirconv --help": ["-c", COMMAND, "--help"],
            "fhirconv validate --help": ["-c", COMMAND, "validate", "--help"],
            "fhirconv validate (a Bundle of 1 resource)": ["-c", COMMAND, "validate", str(paths[0])],
            f"fhirconv validate (a Bundle of {len(bundle['entry'])})": ["-c", COMMAND, "validate", str(paths[1])],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                start = time.perf_counter()
                _run(command)
                taken[name].append((time.perf_counter() - start) * 1e3)
    print("\nWhole processes, wall ms:")
    python = taken["python -c pass"]
    for name, times in taken.items():
        more = statistics.median(t - p for t, p in zip(times, python, strict=True))
        print(f"  {name:44} {statistics.median(times):7.0f}   {more:+5.0f} over python -c pass")


def print_memory(bundles: list[Resource]) -> None:
    """Validates the resources of the Bundles as NDJSON, record by record; raises AssertionError when memory grows."""
    if not Path("/proc/self/status").exists():
        print("left out: memory of a long NDJSON file; it is read from /proc, which is not here")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resources.ndjson"
        with path.open("w") as stream:
            for bundle in bundles:
                stream.writelines(json.dumps(one) + "\n" for one in resources_alone(bundle))
        marks, count, seconds = json.loads(_run(["-c", MEMORY, str(path)]))
        size = path.stat().st_size / 1e6
    print(f"\nNDJSON of {count} distinct resources ({size:.0f} MB), read_records + Validator:")
    print(f"  {seconds / count * 1e6:.0f} CPU microseconds a resource, reading included")
    print("  resident MB after " + ", ".join(f"{number}: {mark:.1f}" for number, mark in marks.items()))
    first, *_, last = marks.values()
    assert last < first * 1.1, "memory grows with the number of records"


def _written(folder: str, name: str, value: Resource) -> Path:
    path = Path(folder) / name
    path.write_text(json.dumps(value))
    return path


def _run(arguments: list[str], text: str = "") -> str:
    return subprocess.run([sys.executable, *arguments], input=text, capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    print_convert_starts(parser.parse_args().rounds)


if __name__ == "__main__":
    main()
