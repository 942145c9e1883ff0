"""fhirconv convert"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.bundle import BUNDLE_TYPES
from fhirconv.cli import Exit, say
from fhirconv.cli.options import (
    Options,
    inputs_of,
    limits_option,
    loaded_mappings,
    mappings_option,
    max_rejects_option,
    on_error_option,
    output_option,
    phi_free_option,
    profile_option,
    reader_option,
    rejects_option,
    source_option,
    workers_option,
)
from fhirconv.cli.outputs import is_for_each
from fhirconv.cli.run_report import ReportTo, check_printed_apart, report_option
from fhirconv.compression import LINES, plain_suffix
from fhirconv.document import Limits
from fhirconv.issues import FhirconvError
from fhirconv.many.converter import BUNDLES, RESOURCES, Settings

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
@output_option(
    "File, folder (for several cases), or - for standard output (the default). OUT.ndjson has a line for each "
    "case; .gz and .zst are compressed."
)
@reader_option
@bundle_option
@click.option(
    "--shape",
    type=click.Choice((BUNDLES, RESOURCES)),
    default=BUNDLES,
    help="bundles (the default): a Bundle for each case; resources: a folder with Type.ndjson for each type, as FHIR "
    "Bulk Data has it.",
)
@workers_option
@on_error_option
@rejects_option
@max_rejects_option
@report_option
@phi_free_option
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
    reader: str | None,
    bundle_type: str,
    shape: str,
    workers: int | None,
    on_error: str | None,
    rejects: Path | None,
    max_rejects: int | None,
    report: ReportTo | None,
    phi_free: bool,
    profile: str,
    site: Path | None,
    source: Path | None,
    limits: Limits,
    no_validate: bool,
    verify: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Convert cases (YAML, JSON or NDJSON; - for standard input; --as READER for others) to FHIR R4 Bundles.

    A case with errors writes nothing; the others are written. The summary and the findings go to standard error.
    """
    settings = Settings(profile, bundle_type, site, source, not no_validate, verify, limits)
    options = Options(shape, workers, on_error, rejects, report, phi_free, quiet, verbose, max_rejects)
    raise click.exceptions.Exit(made_of(cases, reader, wanted, settings, options))


def made_of(paths: tuple[Path, ...], reader: str | None, wanted: str, settings: Settings, options: Options) -> int:
    """Makes what is asked for of each case: as lines of one output, or in files of their own. Returns the exit code."""
    check_printed_apart(options.report, wanted)
    inputs = inputs_of(paths, settings.limits, reader, settings.site)
    mappings = loaded_mappings(settings.site, settings.profile)  # mistakes are told before anything is written
    is_stream = inputs.are_lines() and not (reader and is_for_each(wanted))
    if options.shape == RESOURCES or plain_suffix(wanted) in LINES or is_stream:
        from fhirconv.cli.convert_stream import convert_stream

        return convert_stream(inputs, wanted, settings, options)
    if options.are_for_lines:
        raise click.UsageError("--workers, --on-error, --rejects and --max-rejects are for NDJSON; name the output OUT.ndjson")
    from fhirconv.cli.convert_each import convert_each

    try:
        return convert_each(inputs, wanted, mappings, settings, options)
    except FhirconvError as error:  # of a reader: no room for its rows, say
        say(f"error: {error}")
        return Exit.FINDINGS
