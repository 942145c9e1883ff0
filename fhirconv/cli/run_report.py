"""--report: the account of a run, to a file or to standard output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fhirconv.cli import say
from fhirconv.cli.outputs import write_to
from fhirconv.issues import FhirconvError

if TYPE_CHECKING:
    from fhirconv.cli.options import Options
    from fhirconv.inputs import Inputs
    from fhirconv.many.tally import Tally

_STANDARD_OUTPUT = Path("-")


class ReportTo(NamedTuple):
    """The form of an account and where it goes."""

    form: str
    path: Path

    @property
    def is_printed(self) -> bool:
        """Whether it goes to standard output."""
        return self.path == _STANDARD_OUTPUT


def report_to(wanted: str) -> ReportTo:
    """What `--report X` means. Raises BadParameter for what is neither a form nor a file of one."""
    from fhirconv.account.forms import FORMS
    from fhirconv.report import need_libraries

    path = Path(wanted)
    form = path.suffix.lower().removeprefix(".")
    if wanted in FORMS:
        form, path = wanted, _STANDARD_OUTPUT
    if form not in FORMS:
        forms = ", ".join(FORMS)
        raise click.BadParameter(f"{wanted!r}: expected {forms} (for standard output), or a file whose name ends so")
    try:
        need_libraries() if form == "html" else None
    except FhirconvError as error:  # before there is anything to show
        raise click.UsageError(str(error)) from None
    return ReportTo(form, path)


def _read(context: click.Context, parameter: click.Parameter, value: str | None) -> ReportTo | None:
    return None if value is None else report_to(value)


report_option = click.option(
    "--report",
    callback=_read,
    metavar="FORM|FILE",
    help="Account of the run, as md, json, html or sarif: to standard output, or to a file that ends so (run.md).",
)


def check_printed_apart(report: ReportTo | None, wanted: str) -> None:
    """Two things on standard output would be mixed."""
    if report is not None and report.is_printed and wanted == "-":
        raise click.UsageError(
            "--report and the output both go to standard output: give one of them the name of a file"
        )


def file_of(report: ReportTo | None) -> Path | None:
    """The file that it goes to, if it goes to one."""
    return report.path if report and not report.is_printed else None


def report_run(
    options: Options, inputs: Inputs, tally: Tally, is_whole: bool = True, say: Callable[[str], object] = say
) -> bool:
    """Writes the account of a run, if it was asked for; whether that is done."""
    to = options.report
    if to is None:
        return True
    from fhirconv.account.account import account_of
    from fhirconv.account.forms import rendered
    from fhirconv.many.converter import FACTS

    verb = "read" if options.shape == FACTS else "converted"
    account = account_of(inputs.paths, tally, inputs.report, options.phi_free, is_whole, verb)
    problem = write_to(to.path, rendered(account, to.form))
    if problem:
        say(f"error: {problem}")
    elif not (to.is_printed or options.quiet):
        say(f"report: {to.path}")
    return not problem
