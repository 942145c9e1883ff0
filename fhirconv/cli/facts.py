"""fhirconv facts"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from fhirconv.back.report import Report
from fhirconv.back.run import facts_in
from fhirconv.back.writing import dump_case
from fhirconv.bundle import dump_json
from fhirconv.cli import Exit, say
from fhirconv.cli.options import limits_option, loaded_mappings, mappings_option, output_option
from fhirconv.cli.outputs import names_folder, same, write_to
from fhirconv.compression import LINES, compressed, kind_of_name, plain_suffix
from fhirconv.document import Limits
from fhirconv.inputs import Inputs
from fhirconv.issues import shown
from fhirconv.mapping import DEFAULT_PROFILE
from fhirconv.output import file_name

Cases = Iterator[dict[str, Any]]


@click.command("facts")
@click.argument(
    "bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@output_option(
    "OUT.yaml or OUT.json for one case, OUT.ndjson or a folder for several, or - for standard output (the default)."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="File for the report as JSON.",
)
@mappings_option
@limits_option
@click.option("-q", "--quiet", is_flag=True, help="No report; errors only.")
def command(
    bundles: tuple[Path, ...], wanted: str, report: Path | None, site: Path | None, limits: Limits, quiet: bool
) -> None:
    """Read case facts out of FHIR R4: Bundles, resources, NDJSON of them (- for standard input).

    What fhirconv made gives the facts that it was made of. Of other resources what can be read is read, a case for each
    patient; what cannot is reported by resource type and element, and the exit code is 1.
    """
    for output in (Path(wanted), *filter(None, (report,))):
        if any(same(bundle, output) for bundle in bundles):
            raise click.UsageError(f"{output} is an input file; give the output another name")
    read = Report()
    cases = facts_in(Inputs(bundles, limits).documents(), loaded_mappings(site, DEFAULT_PROFILE), read)
    problems = [_write(cases, wanted)]
    problems.append(_put(report, dump_json(read.as_dict(), indent=True)) if report else "")
    for issue in read.issues:
        say(issue.text())
    if not read.facts:
        problems.append("no case was found: there is no resource that facts could be read from")
    for problem in filter(None, problems):
        say(f"error: {problem}")
    for line in [] if quiet else read.lines():
        say(line)
    raise click.exceptions.Exit(Exit.DONE if read.is_clean and not any(problems) else Exit.FINDINGS)


def _write(cases: Cases, wanted: str) -> str:
    """Writes the cases; returns why they could not be."""
    output = Path(wanted)
    if plain_suffix(wanted) in LINES:
        return _put(output, b"".join(dump_json(case) + b"\n" for case in cases))
    if names_folder(wanted):
        problems = [_put(output / file_name(case["case"]["id"]), dump_case(case, ".json")) for case in cases]
        return next(filter(None, problems), "")
    first = list(islice(cases, 2))
    if len(first) == 1:
        return _put(output, dump_case(first[0], plain_suffix(wanted)))
    if first and wanted != "-":
        names = " and ".join(shown(case["case"]["id"]) for case in first)
        return (
            f"there are several cases (the first are {names}): they need a folder (-o DIR/), "
            "or a file with a line for each (-o OUT.ndjson)"
        )
    return _put(output, b"".join(dump_json(case) + b"\n" for case in chain(first, cases))) if first else ""


def _put(output: Path, data: bytes) -> str:
    return write_to(output, compressed(data, kind_of_name(output.name))) if data else ""
