"""fhirconv read"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli.convert import made_of
from fhirconv.cli.options import (
    Options,
    limits_option,
    mappings_option,
    on_error_option,
    rejects_option,
    report_option,
    workers_option,
)
from fhirconv.document import Limits
from fhirconv.many.converter import FACTS, Settings


@click.command("read")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--as", "reader", metavar="READER", required=True, help="What the sources are: see 'fhirconv readers'.")
@click.option(
    "-o",
    "--output",
    "wanted",
    default="-",
    metavar="FILE|DIR|-",
    help="File with a line for each case (CASES.ndjson; .gz and .zst are compressed), folder with a file for each, or - "
    "for standard output (the default).",
)
@workers_option
@on_error_option
@rejects_option
@report_option
@mappings_option
@limits_option
@click.option("-q", "--quiet", is_flag=True, help="No summary; findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Also each finding of a case that is written, and all words.")
def command(
    sources: tuple[Path, ...],
    reader: str,
    wanted: str,
    workers: int | None,
    on_error: str | None,
    rejects: Path | None,
    report: Path | None,
    site: Path | None,
    limits: Limits,
    quiet: bool,
    verbose: bool,
) -> None:
    """Read tables, and what other tools wrote, into case facts: files, and folders of them.

    Each case is checked as convert does it, and one with errors is not written: what is read here can be converted. Each
    fact remembers where it was read. The summary and the findings go to standard error.
    """
    options = Options(FACTS, workers, on_error, rejects, report, quiet, verbose)
    settings = Settings(site=site, validate=False, limits=limits)
    raise click.exceptions.Exit(made_of(sources, reader, wanted, settings, options))
