"""fhirconv validate"""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from fhirconv import __version__
from fhirconv.cli import Exit, say
from fhirconv.cli.connection import Connection, check_no_server, client_of, connection_options
from fhirconv.cli.options import inputs_of, limits_option, mappings_option, phi_free_option, reader_option, tell_report
from fhirconv.cli.progress import Progress
from fhirconv.document import Limits
from fhirconv.inputs import Inputs
from fhirconv.issues import FhirconvError, Issue, MappingError, has_errors
from fhirconv.mapping import DEFAULT_PROFILE
from fhirconv.reports import FORMATS, render
from fhirconv.validation.layers import LAYERS, LayerRun
from fhirconv.validation.run import Validation, Validator

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient


@click.command("validate")
@click.argument("files", metavar="FILE...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@reader_option
@click.option(
    "--profile", default=DEFAULT_PROFILE, show_default=True, metavar="NAME|URL", help="r4, mcode, or a profile's URL."
)
@click.option("--package", "packages", multiple=True, metavar="DIR|TGZ|NAME#VERSION", help="FHIR package with profiles.")
@click.option("--strict", is_flag=True, help="Also ask the models of fhir.resources.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Form of the findings.")
@click.option("--layers", "show_layers", is_flag=True, help="Say which layers there are, which ran, and what each covers.")
@mappings_option
@phi_free_option
@limits_option
@click.option("-q", "--quiet", is_flag=True, help="No summary; findings only.")
@click.option("-v", "--verbose", is_flag=True, help="As text, also what is only information.")
@connection_options(False, "Also ask the $validate of this FHIR server; the options below are for it.", give_up_after=0)
def command(
    files: tuple[Path, ...],
    reader: str | None,
    profile: str,
    packages: tuple[str, ...],
    strict: bool,
    form: str,
    show_layers: bool,
    site: Path | None,
    phi_free: bool,
    limits: Limits,
    quiet: bool,
    verbose: bool,
    connection: Connection,
) -> None:
    """Validate cases, FHIR R4 resources, Bundles and NDJSON (told apart by content; - for standard input).

    Findings go to standard output. A case is converted, and its Bundle validated.
    """
    if not files:
        if not show_layers:
            raise click.UsageError("name a file, or call with --layers alone")
        _tell_layers({})
        return
    runs: dict[str, LayerRun] = {}
    tell = _Teller(form, phi_free, verbose, quiet, _size(files))
    try:
        with _server(connection, site) as server:
            validator = _validator(profile, packages, strict, server, site)
            with tell:
                for paths in (files,) if reader else zip(files):
                    _validate(inputs_of(paths, limits, reader, site), validator, runs, tell)
    except MappingError as error:
        _stop(error)
    if form != "text":
        click.echo(render(tell.found, form, phi_free, __version__), nl=False)
    if show_layers:
        _tell_layers(runs)
    if any(run.layer == "server" and run.status == "could not run" for run in runs.values()):
        raise click.exceptions.Exit(Exit.SERVER)
    raise click.exceptions.Exit(Exit.FINDINGS if tell.has_errors else Exit.DONE)


def _server(connection: Connection, site: Path | None) -> AbstractContextManager[FhirClient | str]:
    """The server to ask, '' for none."""
    if connection.server is not None:
        return client_of(connection, site)
    check_no_server(connection)
    return nullcontext("")


def _validator(
    profile: str, packages: tuple[str, ...], strict: bool, server: FhirClient | str, site: Path | None
) -> Validator:
    try:
        return Validator(profile, packages, strict, server, site)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--profile") from None
    except MappingError as error:
        _stop(error)
    except FhirconvError as error:
        raise click.BadParameter(str(error), param_hint="--package") from None


def _stop(error: MappingError) -> NoReturn:
    for issue in error.issues:
        say(issue.text())
    raise click.exceptions.Exit(Exit.MAPPINGS) from None


class _Teller(AbstractContextManager["_Teller"]):
    """What is printed while records are validated: as text findings come at once, other forms need them all."""

    def __init__(self, form: str, phi_free: bool, verbose: bool, quiet: bool, size: int | None) -> None:
        self._is_text, self._phi_free, self._verbose, self._quiet = form == "text", phi_free, verbose, quiet
        self.progress = Progress("validated", size)
        self.found: list[Issue] = []
        self.has_errors = False

    def __exit__(self, *_: object) -> None:
        self.progress.close()

    def findings(self, issues: list[Issue]) -> None:
        self.has_errors = self.has_errors or has_errors(issues)
        if not self._is_text:
            self.found += issues
        elif told := [issue for issue in issues if self._verbose or issue.severity != "information"]:
            self.progress.clear()
            click.echo(render(told, "text", self._phi_free), nl=False)

    def summary(self, inputs: Inputs, records: int, counts: Counter[str], unchecked: int) -> None:
        if not self._quiet:
            errors = _count(counts["error"] + counts["fatal"], "error")
            many = f"{records} records, " if records > 1 else ""
            left = f"; profiles: {_count(unchecked, 'thing')} not checked (--layers says which)" if unchecked else ""
            self.progress.clear()
            tell_report(inputs, self._verbose)
            name = inputs.paths[0] if len(inputs.paths) == 1 else f"{len(inputs.paths)} files"
            say(f"{name}: {many}{errors}, {_count(counts['warning'], 'warning')}{left}")


def _validate(inputs: Inputs, validator: Validator, runs: dict[str, LayerRun], tell: _Teller) -> None:
    """Validates a file, or the files of a reader, record by record."""
    counts: Counter[str] = Counter()
    records = 0
    unchecked: set[str] = set()
    read = 0
    for document in inputs.documents():
        made = validator.check(document)
        tell.progress.advance(inputs.read() - read)
        read = inputs.read()
        records += not any(issue.rule == "blank-line" for issue in document.issues)
        unchecked.update(made.layers["profiles"].notes)
        counts.update(issue.severity for issue in made.issues)
        _note(made, runs)
        tell.findings(made.issues)
    tell.summary(inputs, records, counts, len(unchecked))


def _size(files: tuple[Path, ...]) -> int | None:
    """Bytes of the files, as far as they can be known."""
    try:
        return sum(path.stat().st_size for path in files) if all(path.is_file() for path in files) else None
    except OSError:
        return None


def _count(number: int, name: str) -> str:
    return f"{number or 'no'} {name}{'' if number == 1 else 's'}"


def _note(made: Validation, runs: dict[str, LayerRun]) -> None:
    """Of several records the most telling run of each layer: one that failed before one that ran, that before none."""
    order = ("could not run", "ran", "not reached", "not asked for", "nothing to do")
    for name, run in made.layers.items():
        before = runs.get(name)
        if before is None or order.index(run.status) < order.index(before.status):
            runs[name] = run
        elif run.status == before.status:
            runs[name] = before._replace(notes=tuple(dict.fromkeys((*before.notes, *run.notes))))


def _tell_layers(runs: dict[str, LayerRun]) -> None:
    """The layers on standard error: findings alone go to standard output."""
    width = 14 if runs else max(len(f"with {layer.asked_by}") for layer in LAYERS)
    for layer in LAYERS:
        run = runs.get(layer.name)
        status = run.status if run else f"with {layer.asked_by}" if layer.asked_by else "always"
        say(f"{layer.name:11} {status:{width}} {layer.covers}")
        for note in run.notes if run else ():
            say(f"{'':11} {'not checked:':{width}} {note}")
