"""fhirconv plan"""

from __future__ import annotations

import re
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.bundle import dump_json
from fhirconv.cli import Exit, let_go, say
from fhirconv.cli.connection import Connection, client_of, connection_options
from fhirconv.cli.options import (
    check_whole,
    inputs_of,
    limits_option,
    mappings_option,
    profile_option,
    reader_option,
    source_option,
    tell,
    tell_report,
)
from fhirconv.cli.records import digest_of, identity_option, records_argument, settings_of
from fhirconv.document import Limits
from fhirconv.validation.finding import Finding

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.pushing.plan import UnitPlan
    from fhirconv.pushing.present import Difference
    from fhirconv.pushing.units import Settings, Unit

_WORDS = {"+": "to create", "~": "to update", "=": "unchanged", "-": "to take back"}
_HOW = {"PUT": "marked entered-in-error", "DELETE": "deleted"}
_SHOWN = 120  # characters of a value


@click.command("plan")
@records_argument
@reader_option
@connection_options(server_required=True, server_help="Base URL of the FHIR server (or set FHIRCONV_SERVER).")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan for push --plan; nothing of a patient is in it.",
)
@click.option(
    "--retract", is_flag=True, help="Also what earlier pushes made of these cases and the facts no longer hold."
)
@identity_option
@profile_option
@mappings_option
@source_option
@limits_option
@click.option("--values", is_flag=True, help="Also the old and new values: they are data of patients.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.option("-v", "--verbose", is_flag=True, help="Also each resource that stays as it is.")
def command(
    files: tuple[Path, ...],
    reader: str | None,
    connection: Connection,
    output: Path | None,
    retract: bool,
    identity: str,
    profile: str,
    site: Path | None,
    source: Path | None,
    limits: Limits,
    values: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Show what a push would do with each resource: + create, ~ update, = leave as it is, - take back.

    Nothing is written to the server (- for standard input). The plan goes to standard output, findings and the summary to
    standard error.
    """
    from fhirconv.pushing.plan import binding_of, write_plan
    from fhirconv.pushing.pusher import units_of

    if output is not None and any(_is_same(output, path) for path in files):
        raise click.UsageError("the plan would overwrite an input; give -o another name")
    settings = settings_of(identity, profile, site, source)
    inputs = inputs_of(files, limits, reader, site)
    digest = digest_of(inputs.paths, limits)
    teller = _Teller(values, verbose, quiet)
    with client_of(connection, site) as client:
        units = units_of(inputs.documents(), settings, retract)
        try:
            check_whole(inputs)
            plans = list(_plans(client, units, settings, retract, teller))
        except KeyboardInterrupt:
            say("stopped: there is no plan; nothing was written to the server")
            raise click.exceptions.Exit(128 + signal.SIGINT) from None
        binding = binding_of(client, settings, digest)
    if output is not None:
        try:
            write_plan(output, binding, retract, plans)
        except OSError as error:
            say(f"error: {output} cannot be written: {error.strerror}; name a file in a folder that you may write to")
            raise click.exceptions.Exit(Exit.USAGE) from None
    if not quiet:
        tell_report(inputs)
    teller.total()
    raise click.exceptions.Exit(Exit.FINDINGS if teller.rejected or teller.is_cut else Exit.DONE)


def _plans(
    client: FhirClient, units: Iterator[Unit], settings: Settings, retract: bool, teller: _Teller
) -> Iterator[UnitPlan]:
    """The plan of each unit that could be sent, told as it is made. A server that does not answer ends the command."""
    from fhirconv.client.capability import check_fit
    from fhirconv.client.errors import ServerError
    from fhirconv.pushing.plan import plan_of
    from fhirconv.pushing.present import check_ids
    from fhirconv.pushing.retract import retractions

    name, is_checked = "", False
    try:
        check_fit(client.capability(), settings.identity)
        for unit in units:
            name = f"{unit.name}: "
            if unit.ok:
                if not is_checked:
                    is_checked = True
                    check_ids(client, unit, settings)
                made = plan_of(client, unit, settings, retract)
                teller.plan(unit, made, [] if retract else [item.url for item in retractions(client, unit, settings)])
                yield made
            else:
                teller.reject(unit)
    except ServerError as error:
        say(f"{name}error: {error}")
        say("no plan: the server has to be asked about every record")
        raise click.exceptions.Exit(Exit.SERVER) from None


class _Teller:
    """Prints plans, and counts what it printed."""

    def __init__(self, values: bool, verbose: bool, quiet: bool) -> None:
        self._values, self._verbose, self._quiet = values, verbose, quiet
        self._counts: Counter[str] = Counter()
        self._records = 0
        self._is_heard = True
        self.is_cut = False
        self.rejected = 0

    def reject(self, unit: Unit) -> None:
        """Tells why a unit would not be sent."""
        tell(unit.issues)
        self.rejected += 1
        if not self._quiet:
            say(f"{unit.name}: has errors; nothing of it would be sent")

    def plan(self, unit: Unit, made: UnitPlan, left: list[str]) -> None:
        """Tells a unit's actions, each with the line that it comes from; `left` is what would stay without --retract."""
        tell(unit.issues)
        places = _places(unit)
        for action in made.actions:
            if action.sign != "=" or self._verbose:
                place = next(places) if action.sign != "-" else _HOW[action.method]
                self._print(f"{action.sign} {action.name}  {place}")
                for line in _differences(action.differences, self._values):
                    self._print(f"    {line}")
            elif action.sign != "-":
                next(places)
        for address in left:
            self._print(f"- {address}  no longer in the facts; stays there, unless --retract takes it back")
        self._records += 1
        self._counts += made.counts()
        if not self._quiet:
            more = f"; {len(left)} on the server no longer in the facts (--retract takes them back)" if left else ""
            say(f"{unit.name}: {_sum(made.counts())}{more}")

    def _print(self, line: str) -> None:
        """A line on standard output; whoever stops listening still gets the file and the summary."""
        if self._is_heard:
            try:
                say(line, err=False)
            except OSError as error:
                self._is_heard = False
                let_go(sys.stdout)
                if not isinstance(error, BrokenPipeError):
                    self.is_cut = True
                    say(f"error: standard output takes nothing any more ({error.strerror})")

    def total(self) -> None:
        """The sum over all units, where there were several."""
        if not self._quiet and self._records + self.rejected > 1:
            without = f", {self.rejected} with errors" if self.rejected else ""
            say(f"{self._records + self.rejected} records{without}: {_sum(self._counts)}")


def _sum(counts: Counter[str]) -> str:
    parts = ", ".join(f"{counts[sign]} {words}" for sign, words in _WORDS.items() if counts[sign])
    total = counts.total()
    return f"{total} {'resource' if total == 1 else 'resources'}: {parts or 'none'}"


def _places(unit: Unit) -> Iterator[str]:
    """Where each item of a unit comes from: file and line."""
    findings = [Finding("push-request", "", ("entry", item.position)) for item in unit.items]
    for issue in unit.locate(findings):
        yield f"{issue.place.file}:{issue.place.line}" if issue.place.line else issue.place.file


def _differences(found: Iterable[Difference], with_values: bool) -> Iterator[str]:
    """A line for each element; without values, one for all of a list, and none for the narrative, which says the same."""
    if with_values:
        yield from (f"{one.element}{_change(one)}" for one in found)
        return
    names = dict.fromkeys(re.sub(r"\[\d+]", "", one.element) for one in found)
    yield from [name for name in names if name != "text.div"] or names


def _change(one: Difference) -> str:
    before, after = ("none" if value is None else dump_json(value).decode() for value in (one.before, one.after))
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = max(0, same - _SHOWN // 4)
    return f": {_cut(before, start)} -> {_cut(after, start)}"


def _cut(text: str, start: int) -> str:
    """A long text from shortly before the place where the other one differs."""
    if len(text) <= _SHOWN:
        return text
    return f"{'…' if start else ''}{text[start : start + _SHOWN]}{'…' if start + _SHOWN < len(text) else ''}"


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
