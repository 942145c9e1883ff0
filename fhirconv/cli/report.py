"""fhirconv report"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import (
    check_whole,
    inputs_of,
    limits_option,
    loaded_mappings,
    mappings_option,
    output_option,
    phi_free_option,
    profile_option,
    reader_option,
    source_option,
    tell,
    tell_report,
    workers_option,
)
from fhirconv.cli.outputs import names_folder, same, write_to
from fhirconv.document import Limits
from fhirconv.issues import FhirconvError, shown
from fhirconv.many.converter import Settings
from fhirconv.output import file_name
from fhirconv.report import ReportError, need_libraries

if TYPE_CHECKING:
    from fhirconv.report.cases import CaseReport

INDEX = "index.html"


@click.command("report")
@click.argument(
    "cases", metavar="CASE|BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@output_option("FILE.html for a page of all, a folder for a page of each and an index, or - for standard output.")
@reader_option
@profile_option
@mappings_option
@source_option
@limits_option
@click.option(
    "--corpus",
    is_flag=True,
    help="Account of all cases in place of their pages (-o FILE.html, .md, .json or .sarif). The next three are for it.",
)
@workers_option
@click.option(
    "--draft",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Of --corpus: a new folder of mappings for the words without a code, to be filled in.",
)
@phi_free_option
@click.option("-q", "--quiet", is_flag=True, help="No summary; only what no page could be made of.")
def command(
    cases: tuple[Path, ...],
    wanted: str,
    reader: str | None,
    profile: str,
    site: Path | None,
    source: Path | None,
    limits: Limits,
    corpus: bool,
    workers: int | None,
    draft: Path | None,
    phi_free: bool,
    quiet: bool,
) -> None:
    """Show cases (YAML, JSON, NDJSON), or FHIR Bundles, on a page for people: one HTML file that needs nothing else.

    The page shows the patient's data in full: the course, each fact beside the resources that it became, what was not
    converted, what the checks found. A case with errors has a page too; the exit code is then 1.
    """
    if wanted == "-" and sys.stdout.isatty():
        raise click.UsageError("a page is not for the terminal; name a file (-o report.html) or a folder (-o DIR/)")
    try:
        need_libraries()
        settings = Settings(profile, site=site, source=source, limits=limits)
        if corpus:
            from fhirconv.cli.report_corpus import corpus_report

            raise click.exceptions.Exit(corpus_report(cases, reader, wanted, settings, workers, draft, phi_free, quiet))
        if workers or draft or phi_free:
            raise click.UsageError("--workers, --draft and --phi-free are for --corpus")
        raise click.exceptions.Exit(_pages(cases, reader, wanted, settings, quiet))
    except ReportError as error:
        say(f"error: {error}")
        raise click.exceptions.Exit(Exit.USAGE) from None
    except FhirconvError as error:  # of a reader: no room for its rows, say
        say(f"error: {error}")
        raise click.exceptions.Exit(Exit.FINDINGS) from None


def _pages(cases: tuple[Path, ...], reader: str | None, wanted: str, settings: Settings, quiet: bool) -> Exit:
    is_folder = names_folder(wanted) or (wanted != "-" and not Path(wanted).suffix)
    if wanted != "-" and not is_folder and Path(wanted).suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"{shown(Path(wanted).name)} is no name of a page; give FILE.html, or DIR/ for a page of each case")
    inputs = inputs_of(cases, settings.limits, reader, settings.site)
    mappings = loaded_mappings(settings.site, settings.profile)
    check_whole(inputs)
    from fhirconv.report.cases import reports_of  # with the libraries that only pages need

    told = _Told(quiet)
    reports = told.shown(reports_of(inputs.documents(), mappings, settings.source))
    write = _write_folder if is_folder else _write_page
    problem = write(reports, Path(wanted), inputs.paths)
    if problem:
        say(f"error: {problem}")
    if not quiet:
        tell_report(inputs)
    return Exit.FINDINGS if problem or told.has_errors else Exit.DONE


class _Told:
    """What the terminal is told of each case; the findings stand on its page."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self.has_errors = False

    def shown(self, reports: Iterable[CaseReport]) -> Iterator[CaseReport]:
        """The reports that there is something to show of."""
        from fhirconv.report.page import verdict

        for report in reports:
            self.has_errors = self.has_errors or not report.is_ok
            if not report.conversion.case.facts:
                tell(report.issues)
                continue
            if not self._quiet:
                say(f"{report.name}: {verdict(report)}")
            yield report


def _write_page(reports: Iterable[CaseReport], target: Path, inputs: tuple[Path, ...]) -> str:
    """One page of all cases; returns why it could not be written."""
    from fhirconv.report.page import case_page

    if any(same(path, target) for path in inputs):
        raise click.UsageError("the output file is the input file; give it another name")
    found = list(reports)
    return write_to(target, case_page(found).encode()) if found else "there is no case to show; nothing was written"


def _write_folder(reports: Iterable[CaseReport], folder: Path, inputs: tuple[Path, ...]) -> str:
    """A page for each case, and an index of them, which is written last; returns why one could not be written."""
    from fhirconv.report.page import case_page, index_page

    made: dict[str, CaseReport] = {}
    problems = []
    for report in reports:
        name = str(Path(file_name(report.case_id)).with_suffix(".html"))
        name = f"case-{name}" if name == INDEX else name
        if name in made:
            problems.append(f"{report.name}: has the case id of {made[name].name}; give each case its own")
        elif any(same(path, folder / name) for path in inputs):
            problems.append(
                f"{report.name}: its page would overwrite the input {folder / name}; give -o another folder"
            )
        elif problem := write_to(folder / name, case_page([report]).encode()):
            problems.append(problem)
        else:
            made[name] = report
    if not made:
        return problems[0] if problems else "there is no case to show; nothing was written"
    return "; ".join(filter(None, (*problems, write_to(folder / INDEX, index_page(made).encode()))))
