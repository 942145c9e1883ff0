"""The library's push(): records of any kind, sent to a server once and only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirconv import __version__
from fhirconv.client.capability import check_fit
from fhirconv.client.client import FhirClient
from fhirconv.conversion import Conversion
from fhirconv.document import LIMITS, Document, Limits
from fhirconv.mapping import DEFAULT_PROFILE, load_mappings
from fhirconv.pushing.digests import input_digest, mappings_digest, settings_digest
from fhirconv.pushing.journal import Binding, Journal, JournalError
from fhirconv.pushing.requests import IDENTITIES
from fhirconv.pushing.result import PushResult, UnitResult
from fhirconv.pushing.run import Run
from fhirconv.pushing.seen import Seen
from fhirconv.pushing.sending import Sender, ServerLimits
from fhirconv.pushing.trust import Trust
from fhirconv.pushing.units import Settings, Unit, unit_of
from fhirconv.records import read_records
from fhirconv.source import read_value
from fhirconv.validation.run import Validator

if TYPE_CHECKING:
    from fhirconv.pushing.plan import Plan

_LOST = (
    "{} records that the journal calls done were not on the server and were sent again; {} were passed over without a look: "
    "run it again with --verify"
)
Target = str | Path | Mapping[str, Any] | Conversion


@dataclass(frozen=True, slots=True)
class Options:
    """What a push may be told. `journal` is a file; `restart` forgets an unfinished run in it, `verify` looks up all of
    what it calls done; `most_entries` and `most_bytes` bound a transaction in place of what is known of the server."""

    workers: int = 1
    retract: bool = False
    journal: Path | None = None
    restart: bool = False
    verify: bool = False
    most_entries: int | None = None
    most_bytes: int | None = None


def settings_for(
    identity: str = "id", profile: str = DEFAULT_PROFILE, mappings: Path | None = None, source: Path | None = None
) -> Settings:
    """How records become requests. Raises MappingError, and ValueError for an unknown identity or profile."""
    if identity not in IDENTITIES:
        raise ValueError(f"identity must be one of {', '.join(IDENTITIES)}, not {identity!r}")
    digest = settings_digest(
        identity=identity,
        profile=profile,
        mappings=mappings_digest(mappings),
        source=input_digest([source] if source else []),
    )
    validator = Validator(profile, mappings=mappings)
    return Settings(load_mappings(mappings, profile), validator, identity, source, digest)


class Pusher:
    """One push. `stop` may be called from another thread or a signal handler."""

    def __init__(
        self, client: FhirClient, settings: Settings, options: Options = Options(), plan: Plan | None = None
    ) -> None:
        self._client, self._settings, self._options, self._plan = client, settings, options, plan
        self._run: Run | None = None
        self._stopped = ""

    def stop(self, reason: str) -> None:
        """Lets what is on its way end, and sends nothing more."""
        self._stopped = reason
        self._client.stop()
        if self._run is not None:
            self._run.stop(reason)

    def interrupt(self) -> None:
        """For a signal handler in the thread of push(), after stop(): ends a wait for input."""
        if self._run is not None:
            self._run.interrupt()

    def push(
        self, units: Iterable[Unit], inputs: str = "", tell: Callable[[UnitResult], None] = lambda unit: None
    ) -> PushResult:
        """Sends the units; `inputs` is the digest of what they come from. The server is asked first what it can do.

        Raises ServerError when it cannot take them (nothing was sent), JournalError when the journal cannot be used.
        """
        capability = self._client.capability()
        check_fit(capability, self._settings.identity)
        limits = ServerLimits(
            self._options.most_entries or capability.max_entries, self._options.most_bytes or capability.max_bytes
        )
        with self._journal(inputs, limits) or nullcontext() as journal:
            noted = journal.units() if journal and journal.resumed else 0
            trust = Trust(noted, self._options.verify)
            sender = Sender(self._client, self._settings, limits, trust, journal, self._plan, self._options.retract)
            self._run = Run(sender, self._options.workers)
            if self._stopped:
                self._run.stop(self._stopped)
            before = self._client.retries
            result = self._run.run(units, tell)
            result.retries = self._client.retries - before
            if trust.missing and trust.passed_over:
                self._run.stop(_LOST.format(trust.missing, trust.passed_over))
            if journal and not result.is_incomplete:
                try:
                    journal.finish()
                except JournalError as error:
                    self._run.stop(str(error))
        return result

    def _journal(self, inputs: str, limits: ServerLimits) -> Journal | None:
        options = self._options
        if options.journal is None:
            return None
        settings = settings_digest(
            settings=self._settings.digest,
            retract=options.retract,
            plan=self._plan is not None,
            most_entries=limits.entries,
            most_bytes=limits.bytes,
        )
        binding = Binding(self._client.base, inputs, settings, __version__)
        return Journal(options.journal, binding, restart=options.restart)


def units_of(records: Iterable[Document | Conversion], settings: Settings, retract: bool = False) -> Iterator[Unit]:
    """The units of records, each made when it is asked for; lines of NDJSON without a record make none."""
    number = 0
    with Seen(retract) as seen:
        for record in records:
            if isinstance(record, Document) and any(issue.rule == "blank-line" for issue in record.issues):
                continue
            yield seen.checked(unit_of(record, number, settings))
            number += 1


def push(
    target: Target | Iterable[Target],
    server: str | FhirClient,
    *,
    identity: str = "id",
    profile: str = DEFAULT_PROFILE,
    mappings: str | Path | None = None,
    source: str | Path | None = None,
    journal: str | Path | None = None,
    restart: bool = False,
    verify: bool = False,
    workers: int = 1,
    retract: bool = False,
    on_unit: Callable[[UnitResult], None] | None = None,
    limits: Limits = LIMITS,
) -> PushResult:
    """Puts cases, Bundles, resources or NDJSON files of them on a FHIR server (R4); pushing them again changes nothing.

    `target` is a file, a dict, a Conversion, or several of these; `server` a base URL, or a FhirClient for credentials,
    TLS, time-outs and retries. `identity`: 'id', each resource is a PUT to its own id, or 'identifier', for servers that
    give the ids. `journal` is a file that lets a push that was stopped go on; see Options for `restart` and `verify`.
    `retract` takes back what earlier pushes made of the cases and the facts no longer hold. `on_unit` is called with each
    record's result as it ends, and `result.units` stays empty: for more records than memory holds.

    Raises, before anything was sent, ServerError when the server cannot be reached or cannot take it, PackedError for a
    compressed file that is damaged; JournalError, MappingError, and ValueError for an unknown profile or identity. Findings
    about records are in the results.
    """
    site, text = Path(mappings) if mappings else None, Path(source) if source else None
    settings = settings_for(identity, profile, site, text)
    targets = [target] if isinstance(target, str | Path | Mapping | Conversion) else target
    records = chain.from_iterable(_records(one, limits) for one in targets)
    options = Options(workers, retract, Path(journal) if journal else None, restart, verify)
    units: list[UnitResult] = []
    client = FhirClient(server, site=site) if isinstance(server, str) else server
    try:
        known = targets if isinstance(targets, list | tuple) else ()  # what is made one by one is read once
        inputs = input_digest([Path(one) for one in known if isinstance(one, str | Path)], limits)
        result = Pusher(client, settings, options).push(
            units_of(records, settings, retract), inputs, on_unit or units.append
        )
    finally:
        if isinstance(server, str):
            client.close()
    result.units = units
    return result


def _records(target: Target, limits: Limits) -> Iterator[Document | Conversion]:
    if isinstance(target, Conversion):
        yield target
    elif isinstance(target, Mapping):
        yield read_value(dict(target), limits=limits)
    else:
        yield from read_records(Path(target), limits)
