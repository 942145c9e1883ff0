"""fhirconv convert"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.bundle import BUNDLE_TYPES
from fhirconv.cli.options import limits_option, loaded_mappings, mappings_option, profile_option, source_option
from fhirconv.compression import LINES, plain_suffix
from fhirconv.document import Limits
from fhirconv.many.converter import Settings
from fhirconv.many.inputs import Inputs

SHAPES = ("bundles", "resources")


bundle_option = click.option(
    "--bundle",
    "bundle_type",
    type=click.Choice(BUNDLE_TYPES),
    default="transaction",
    show_default=True,
    help="Type of the Bundle.",
)


@click.command("convert")
@click.argument("cases", metavar="CASE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "-o",
    "--output",
    "wanted",
    default="-",
    metavar="FILE|DIR|-",
    help="File, folder (for several cases), or - for standard output (the default). OUT.ndjson has a line for each "
    "case; .gz and .zst are compressed.",
)
@bundle_option
@click.option(
    "--shape",
    type=click.Choice(SHAPES),
    default="bundles",
    help="bundles (the default): a Bundle for each case; resources: a folder with Type.ndjson for each type, as FHIR "
    "Bulk Data has it.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="NDJSON: processes that convert; 1 by default.")
@click.option(
    "--on-error",
    type=click.Choice(("skip", "stop")),
    help="NDJSON: leave out a case with errors and go on (the default), or stop there.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="NDJSON: file for what was rejected, and why; OUT.rejects.ndjson by default.",
)
@profile_option
@mappings_option
@source_option
@limits_option
@click.option("--no-validate", is_flag=True, help="Leave the Bundle unchecked: for those who measure.")
@click.option("--verify", is_flag=True, help="Read each Bundle back into facts; a difference is an error of the case.")
@click.option("-q", "--quiet", is_flag=True, help="No summary; findings only (NDJSON: those of what was rejected).")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also each fact that went out as text or was merged (NDJSON: each finding)."
)
def command(
    cases: tuple[Path, ...],
    wanted: str,
    bundle_type: str,
    shape: str,
    workers: int | None,
    on_error: str | None,
    rejects: Path | None,
    profile: str,
    site: Path | None,
    source: Path | None,
    limits: Limits,
    no_validate: bool,
    verify: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Convert cases (YAML, JSON or NDJSON; - for standard input) to FHIR R4 Bundles.

    A case with errors writes nothing; the others are written. The summary and the findings go to standard error.
    """
    settings = Settings(profile, bundle_type, site, source, not no_validate, verify, limits)
    inputs = Inputs(cases, limits)
    if shape != "bundles" or plain_suffix(wanted) in LINES or inputs.are_lines():
        from fhirconv.cli.convert_stream import Options, convert_stream

        loaded_mappings(site, profile)  # mistakes are told before anything is written
        options = Options(shape, workers or 1, on_error == "stop", rejects, quiet, verbose)
        raise click.exceptions.Exit(convert_stream(inputs, wanted, settings, options))
    if workers or on_error or rejects:
        raise click.UsageError("--workers, --on-error and --rejects are for NDJSON; name the output OUT.ndjson")
    from fhirconv.cli.convert_each import convert_each

    code = convert_each(inputs, wanted, loaded_mappings(site, profile), settings, quiet, verbose)
    raise click.exceptions.Exit(code)
