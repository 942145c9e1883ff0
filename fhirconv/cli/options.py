"""Options that several commands share, and what they do with mappings that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fhirconv.cli import Exit, say
from fhirconv.document import LIMITS, MAX_DEPTH, Limits
from fhirconv.issues import FhirconvError, Issue, MappingError
from fhirconv.mapping import DEFAULT_PROFILE, load_mappings

if TYPE_CHECKING:
    from fhirconv.cli.run_report import ReportTo
    from fhirconv.inputs import Inputs
    from fhirconv.mapping import Mappings


class Options(NamedTuple):
    """What a command that makes something of each case was asked for, beside how a case is converted."""

    shape: str
    workers: int | None
    on_error: str | None
    rejects: Path | None
    report: ReportTo | None
    phi_free: bool
    quiet: bool
    verbose: bool
    max_rejects: int | None = None

    @property
    def are_for_lines(self) -> bool:
        """Whether there is one that means something only where the output has a line for each case."""
        return any((self.workers, self.on_error, self.rejects, self.max_rejects is not None))


mappings_option = click.option(
    "--mappings",
    "site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with your own mappings, laid over fhirconv's.",
)
profile_option = click.option(
    "--profile",
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="NAME",
    help="r4 (base FHIR), mcode, or one of yours.",
)
source_option = click.option(
    "--source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Text that the quotes are checked against, in place of source.text of the case.",
)

reader_option = click.option(
    "--as", "reader", metavar="READER", help="What the files are, where they are no case facts: see 'fhirconv readers'."
)
workers_option = click.option(
    "--workers", type=click.IntRange(1, 256), help="NDJSON: processes that convert; 1 by default."
)
on_error_option = click.option(
    "--on-error",
    type=click.Choice(("skip", "stop")),
    help="NDJSON: leave out a case with errors and go on (the default), or stop there.",
)
rejects_option = click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="NDJSON: file for what was rejected, and why; OUT.rejects.ndjson by default.",
)
max_rejects_option = click.option(
    "--max-rejects",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="NDJSON: stop when more cases than these are rejected; without it none are too many.",
)
phi_free_option = click.option(
    "--phi-free", is_flag=True, help="Say which rule is broken and where, without any value of the data."
)


def output_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """-o for what is made of each case; `what` says what the names mean."""
    return click.option("-o", "--output", "wanted", default="-", metavar="FILE|DIR|-", help=what)


def _read_limits(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    """NAME=NUMBER pairs over the usual limits."""
    found: dict[str, int] = {}
    for value in values:
        name, _, number = value.partition("=")
        if name not in Limits._fields or not number.isdecimal():
            known = ", ".join(f"{field}={getattr(LIMITS, field)}" for field in Limits._fields)
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER; the limits are {known}")
        found[name] = int(number)
    if found.get("depth", 0) > MAX_DEPTH:
        raise click.BadParameter(f"depth can be raised to {MAX_DEPTH}, not more")
    return LIMITS._replace(**found)


limits_option = click.option(
    "--limit",
    "limits",
    multiple=True,
    callback=_read_limits,
    metavar="NAME=NUMBER",
    help="Raise or lower a limit of the input: bytes, depth, nodes, text, digits, ratio, skip, blank.",
)


def loaded_mappings(site: Path | None, profile: str) -> Mappings:
    """The mappings, or the end of the command with every mistake in them."""
    try:
        return load_mappings(site, profile)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--profile") from None
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None


def inputs_of(paths: tuple[Path, ...], limits: Limits, reader: str | None, site: Path | None) -> Inputs:
    """The files as they are, or as a reader reads them; or the end of the command with every mistake in that reader."""
    from fhirconv.inputs import Inputs, ReaderInputs

    if reader is None:
        return Inputs(paths, limits)
    from fhirconv.readers import find_reader

    try:
        return ReaderInputs(find_reader(reader, site), paths, limits)
    except MappingError as error:
        tell(error.issues)
        is_there = any(issue.place.file for issue in error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS if is_there else Exit.USAGE) from None
    except FhirconvError as error:
        raise click.UsageError(str(error)) from None


def check_whole(inputs: Inputs, phi_free: bool = False) -> None:
    """Ends the command where a reader can make no case of its sources, because each would lack something."""
    problems = inputs.unopened() if inputs.report else []
    if problems:
        tell(problems, phi_free)
        raise click.exceptions.Exit(Exit.USAGE)


def tell_report(
    inputs: Inputs, verbose: bool = False, say: Callable[[str], object] = say, phi_free: bool = False
) -> None:
    """What a reader read, and the most frequent of what it left (all if `verbose`); for the end of a run."""
    report = inputs.report
    if report is not None:
        text = (report.without_values() if phi_free else report).text(*((None,) if verbose else ()))
        for line in text.splitlines():
            say(line)


def tell(issues: list[Issue], phi_free: bool = False) -> None:
    """Warnings and errors for people, one a line; information stands in the summary."""
    if phi_free:
        from fhirconv.reports import shown_issue

        issues = [shown_issue(issue, phi_free) for issue in issues]
    for issue in issues:
        if issue.severity != "information":
            say(issue.text())
