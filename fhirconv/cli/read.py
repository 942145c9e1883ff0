"""fhirconv read"""

from __future__ import annotations

import os
from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.convert import made_of
from fhirconv.cli.options import (
    Options,
    limits_option,
    loaded_mappings,
    mappings_option,
    max_rejects_option,
    on_error_option,
    output_option,
    phi_free_option,
    rejects_option,
    tell,
    workers_option,
)
from fhirconv.cli.outputs import write_to
from fhirconv.cli.run_report import ReportTo, report_option
from fhirconv.document import Limits
from fhirconv.many.converter import FACTS, Settings
from fhirconv.mapping import DEFAULT_PROFILE


@click.command("read")
@click.argument(
    "sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@click.option("--as", "reader", metavar="READER", help="What the sources are: see 'fhirconv readers'.")
@click.option(
    "--guess", is_flag=True, help="Write a first draft of a reader for the table SOURCE, to be checked by you."
)
@click.option("--sheet", default="", metavar="NAME", help="Of --guess: the sheet of a workbook.")
@click.option(
    "--header", type=click.IntRange(1), default=1, metavar="LINE", help="Of --guess: the line of the column names."
)
@output_option(
    "File with a line for each case (CASES.ndjson; .gz and .zst are compressed), folder with a file for each, or - "
    "for standard output (the default). Of --guess: READER.toml."
)
@workers_option
@on_error_option
@rejects_option
@max_rejects_option
@report_option
@phi_free_option
@mappings_option
@limits_option
@click.option("-q", "--quiet", is_flag=True, help="No summary; findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Also each finding of a case that is written, and all words.")
def command(
    sources: tuple[Path, ...],
    reader: str | None,
    guess: bool,
    sheet: str,
    header: int,
    wanted: str,
    workers: int | None,
    on_error: str | None,
    rejects: Path | None,
    max_rejects: int | None,
    report: ReportTo | None,
    phi_free: bool,
    site: Path | None,
    limits: Limits,
    quiet: bool,
    verbose: bool,
) -> None:
    """Read tables, and what other tools wrote, into case facts: files, and folders of them.

    Each case is checked as convert does it, and one with errors is not written: what is read here can be converted. Each
    fact remembers where it was read. The summary and the findings go to standard error.
    """
    if guess:
        raise click.exceptions.Exit(_guess(sources, sheet, header, wanted, site))
    if sheet or header > 1:
        raise click.UsageError("--sheet and --header are for --guess; a reader says them itself")
    if reader is None:
        raise click.UsageError("say what the sources are: --as READER ('fhirconv readers' lists them)")
    options = Options(FACTS, workers, on_error, rejects, report, phi_free, quiet, verbose, max_rejects)
    settings = Settings(site=site, validate=False, limits=limits)
    raise click.exceptions.Exit(made_of(sources, reader, wanted, settings, options))


def _guess(sources: tuple[Path, ...], sheet: str, header: int, wanted: str, site: Path | None) -> Exit:
    """Writes the draft of a reader; a file that is there may be one that somebody has worked on."""
    from fhirconv.readers.guess import guess
    from fhirconv.readers.tables import Layout, TableError

    if len(sources) > 1:
        raise click.UsageError("--guess drafts a reader for one table; join the drafts for several")
    if wanted != "-" and os.path.lexists(wanted):
        raise click.UsageError(f"{wanted} is there already and stays as it is: give -o another name")
    try:
        draft = guess(sources[0], Layout(sheet=sheet, header=header), loaded_mappings(site, DEFAULT_PROFILE)).encode()
    except TableError as error:
        tell(error.issues)
        return Exit.FINDINGS
    problem = write_to(Path(wanted), draft)
    if problem:
        say(f"error: {problem}")
    return Exit.FINDINGS if problem else Exit.DONE
