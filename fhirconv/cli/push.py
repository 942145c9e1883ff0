"""fhirconv push"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

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
from fhirconv.cli.progress import Progress, is_watched
from fhirconv.cli.records import digest_of, identity_option, records_argument, settings_of
from fhirconv.client.errors import ServerError
from fhirconv.document import Limits
from fhirconv.issues import FhirconvError
from fhirconv.pushing.plan import PlanError
from fhirconv.pushing.result import OUTCOMES, STATES, PushResult, UnitResult
from fhirconv.records import count_records

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.inputs import Inputs
    from fhirconv.pushing.plan import Plan
    from fhirconv.pushing.pusher import Pusher
    from fhirconv.pushing.units import Settings


@click.command("push")
@records_argument
@reader_option
@connection_options(server_required=True, server_help="Base URL of the FHIR server (or set FHIRCONV_SERVER).")
@identity_option
@profile_option
@mappings_option
@source_option
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Records that are sent at once."
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Do what this plan says, and only if the server has not changed since.",
)
@click.option(
    "--retract", is_flag=True, help="Take back what earlier pushes made of these cases and the facts no longer hold."
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that lets a push go on after it was stopped; beside the (first) input by default.",
)
@click.option("--no-journal", is_flag=True, help="Keep none: a push that was stopped begins from the start.")
@click.option("--restart", is_flag=True, help="Forget an unfinished push in the journal and begin from the start.")
@click.option("--verify", is_flag=True, help="Look up all that the journal says was done before, not only a sample.")
@click.option("--max-entries", type=click.IntRange(1), help="Entries that the server takes in one transaction.")
@click.option("--max-bytes", type=click.IntRange(1000), help="Bytes that the server takes in one transaction.")
@limits_option
@click.option("-q", "--quiet", is_flag=True, help="Only findings, failures and the summary.")
def command(
    files: tuple[Path, ...],
    reader: str | None,
    connection: Connection,
    identity: str,
    profile: str,
    site: Path | None,
    source: Path | None,
    workers: int,
    plan_file: Path | None,
    retract: bool,
    journal: Path | None,
    no_journal: bool,
    restart: bool,
    verify: bool,
    max_entries: int | None,
    max_bytes: int | None,
    limits: Limits,
    quiet: bool,
) -> None:
    """Put cases, Bundles, resources, and NDJSON of them on a FHIR server (- for standard input).

    Pushing again changes nothing, and a push that was stopped goes on where it was. Standard output tells what the server
    made of each resource; the summary goes to standard error.
    """
    from fhirconv.pushing.pusher import Options, Pusher, units_of

    if no_journal and (journal or restart or verify):
        raise click.UsageError(
            "--no-journal leaves nothing for --journal, --restart or --verify; leave one of them out"
        )
    if plan_file and (retract or any(str(path) == "-" for path in files)):
        why = (
            "says itself what is taken back: leave out --retract"
            if retract
            else "reads its input twice: name files, not -"
        )
        raise click.UsageError(f"--plan {why}")
    inputs = inputs_of(files, limits, reader, site)
    settings = settings_of(identity, profile, site, source)
    options = Options(
        workers,
        retract,
        None if no_journal else journal or _beside(inputs.paths),
        restart,
        verify,
        max_entries,
        max_bytes,
    )
    digest = digest_of(inputs.paths, limits)
    teller = _Teller(quiet, () if reader else files, limits)
    with client_of(connection, site) as client:
        try:
            signals = _Signals(client)
            check_whole(inputs)
            first = inputs_of(files, limits, reader, site)
            plan = _planned(plan_file, client, settings, digest, first) if plan_file else None
            pusher = signals.pusher = Pusher(client, settings, options, plan)
            units = units_of(inputs.documents(), settings, plan.retract if plan else retract)
            result = pusher.push(units, digest, teller.tell)
        except FhirconvError as error:  # before anything was sent
            _stop(error, signals.heard)
        finally:
            teller.close()
    if not quiet:
        tell_report(inputs)
    _summary(result, options.journal)
    if signals.heard:
        raise click.exceptions.Exit(128 + signals.heard)
    raise click.exceptions.Exit(_exit(result) or (Exit.FINDINGS if teller.is_cut else Exit.DONE))


class _Teller:
    """Tells each record's result as it ends: a bar on a terminal, a line a record in a pipe."""

    def __init__(self, quiet: bool, files: tuple[Path, ...], limits: Limits) -> None:
        self._quiet = quiet
        self.is_cut = False
        total = None if quiet or not is_watched() else _count(files, limits)
        self._bar = Progress("pushed", total) if total else None
        self._is_heard = self._bar is None or not sys.stdout.isatty()  # a bar among thousands of lines tells nothing

    def tell(self, unit: UnitResult) -> None:
        if not self._quiet:
            self._resources(unit)
        try:
            self._record(unit)
        except OSError as error:
            self.is_cut = self.is_cut or not isinstance(error, BrokenPipeError)
            let_go(sys.stderr)

    def _record(self, unit: UnitResult) -> None:
        if self._bar is not None:
            self._bar.advance(1)
            self._bar.clear()
        tell(unit.issues)
        if (self._bar is None and not self._quiet) or unit.state not in STATES[:2] or unit.notes:
            notes = "".join(f"; {note}" for note in unit.notes)
            what = "" if unit.state == "rejected" else f": {unit.resources.total()} resources: {_counts(unit)}"
            say(f"{unit.name}: {unit.state}{what}{notes}")

    def _resources(self, unit: UnitResult) -> None:
        """What became of each resource, on standard output; that it takes no more does not stop the push."""
        try:
            for made in unit.made if self._is_heard else ():
                say(f"{unit.name}: {made.outcome} {made.address}", err=False)
        except OSError as error:
            self._is_heard = False
            let_go(sys.stdout)
            if not isinstance(error, BrokenPipeError):
                self.is_cut = True
                say(f"error: standard output takes nothing any more ({error.strerror}); the push goes on")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _counts(of: UnitResult | PushResult) -> str:
    return ", ".join(f"{of.resources[name]} {name}" for name in OUTCOMES if of.resources[name]) or "none"


def _count(files: tuple[Path, ...], limits: Limits) -> int | None:
    """How many records there are; None where that cannot be seen beforehand, and for one, which needs no bar."""
    try:
        total = sum(count_records(path, limits) for path in files) if all(path.is_file() for path in files) else 0
    except OSError:
        return None
    return total if total > 1 else None


def _planned(file: Path, client: FhirClient, settings: Settings, digest: str, inputs: Inputs) -> Plan:
    """The plan, after all of it was held against the server; or the end of the command, with nothing sent."""
    from fhirconv.pushing.plan import binding_of, read_plan
    from fhirconv.pushing.pusher import units_of

    try:
        plan = read_plan(file, binding_of(client, settings, digest), settings)
    except PlanError as error:
        raise click.BadParameter(str(error), param_hint="--plan") from None
    plan.check(client, units_of(inputs.documents(), settings, plan.retract))
    return plan


def _beside(files: tuple[Path, ...]) -> Path | None:
    """The journal that belongs to these inputs, hidden from `*`; none where the first is no file but, say, a pipe."""
    return None if not files[0].is_file() else files[0].with_name(f".{files[0].name}.push-journal")


class _Signals:
    """A first signal lets what is on its way end; a second ends at once: the journal knows what was on its way."""

    def __init__(self, client: FhirClient) -> None:
        self._client = client
        self.pusher: Pusher | None = None
        self.heard = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard:
            os._exit(128 + number)
        self.heard = number
        self._client.stop()
        if self.pusher is not None:
            self.pusher.stop(f"{signal.Signals(number).name}: what was on its way ended, nothing more was sent")
            self.pusher.interrupt()


def _stop(error: FhirconvError, heard: int) -> NoReturn:
    say("stopped" if heard else f"error: {error}")
    say("nothing was sent")
    if heard:
        raise click.exceptions.Exit(128 + heard) from None
    raise click.exceptions.Exit(Exit.SERVER if isinstance(error, ServerError | PlanError) else Exit.USAGE) from None


def _summary(result: PushResult, journal: Path | None) -> None:
    records = ", ".join(f"{result.records[name]} {name}" for name in STATES if result.records[name])
    total = result.records.total()
    say(f"{total} {'record' if total == 1 else 'records'}: {records or 'none'}")
    say(f"{result.resources.total()} resources: {_counts(result)}")
    if result.retries:
        say(f"{result.retries} requests were sent again")
    if result.stopped:
        say(f"stopped: {result.stopped}" + ("; the rest of the input was not read" if result.is_unread else ""))
    if result.is_incomplete and not result.is_refused:
        place = f" (journal: {journal})" if journal else ""
        say(f"not complete: run the same command again{place}")


def _exit(result: PushResult) -> int:
    if result.is_incomplete and not result.is_refused:
        return Exit.INCOMPLETE
    if result.is_refused or result.records["failed"]:
        return Exit.SERVER
    return Exit.FINDINGS if result.records["rejected"] else Exit.DONE
