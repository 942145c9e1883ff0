"""One record to the server: noted before it is sent and after the answer, refused or proved, never guessed."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from fhirconv.client.errors import NotSent, Refused, ServerError, Unfit, Unknown
from fhirconv.pushing.plan import Plan, PlanError
from fhirconv.pushing.present import SEVERAL, addresses, changes, check_ids, is_as_wanted, look_up
from fhirconv.pushing.refusals import issues_of_refusal
from fhirconv.pushing.requests import Item, transaction
from fhirconv.pushing.result import Made, UnitResult
from fhirconv.pushing.splitting import Part, Split, TooLargeError, split
from fhirconv.pushing.units import Settings, Unit

if TYPE_CHECKING:
    from fhirconv.client.answers import EntryAnswer
    from fhirconv.client.client import FhirClient
    from fhirconv.pushing.journal import Entry, Journal
    from fhirconv.pushing.trust import Trust

_LATE_S = 2.0  # a server may still be at work on an attempt, and not every one keeps two conditions apart
_CUT = "is larger than the server takes at once and went in {} parts that refer to each other: if one fails, the rest of it is there"


class StopError(Exception):
    """The run must end; `is_refused`: the server will not take anything, and trying again does not help."""

    def __init__(self, reason: str, is_refused: bool) -> None:
        super().__init__(reason)
        self.is_refused = is_refused


class ServerLimits(NamedTuple):
    """What a server takes in one transaction; None for no known limit."""

    entries: int | None = None
    bytes: int | None = None


class Sender:
    """Sends records one by one; threads may share it."""

    def __init__(
        self,
        client: FhirClient,
        settings: Settings,
        limits: ServerLimits,
        trust: Trust,
        journal: Journal | None = None,
        plan: Plan | None = None,
        retract: bool = False,
    ) -> None:
        self._client, self._settings, self._limits = client, settings, limits
        self._trust, self._journal, self._plan, self._retract = trust, journal, plan, retract

    def send(self, unit: Unit, result: UnitResult) -> None:
        """Puts a record on the server and notes in `result` what became of it.

        Raises StopError when the run must end, and JournalError, which ends it too.
        """
        planned = len(unit.items)
        try:
            why_not = self._unsupported(unit)
            if not unit.ok or why_not:
                result.end("failed" if unit.ok else "rejected", planned, why_not)
                self._note(unit, 0, "failed", "")
                return
            parts = self._parts(unit, result)
            planned = result.resources.total() + sum(len(part.items) for part in parts)
            for number, part in enumerate(parts):
                self._send_part(unit, number, part, result)
                if result.state not in ("done", "done before"):
                    return
            if self._journal is not None:
                self._journal.settle(unit.number, len(parts))
        except TooLargeError as error:
            result.end("failed", planned, str(error))
            self._note(unit, 0, "failed", "")
        except Refused as error:  # of a look-up
            result.issues += issues_of_refusal(error, unit, self._client)
            result.end("failed", planned - result.resources.total())
        except (NotSent, Unknown) as error:  # a look-up that brought nothing is none that did harm
            raise StopError(str(error), is_refused=False) from None
        except (Unfit, PlanError) as error:
            raise StopError(str(error), is_refused=True) from None
        finally:
            result.end_rest(planned)

    def check_first(self, unit: Unit) -> None:
        """Before a run sends anything: whether the server knows the first record by the ids that it is sent with."""
        check_ids(self._client, unit, self._settings)

    def _unsupported(self, unit: Unit) -> str:
        """What the record asks for and the server does not say that it does; '' for nothing."""
        capability = self._client.capability()
        if not capability.conditional_create and any(item.if_none_exist for item in unit.items):
            return "it has ifNoneExist, and the server does not say that it takes conditional creates"
        if not capability.conditional_update and any("?" in item.url for item in unit.items):
            return "it has PUTs with a search, and the server does not say that it takes conditional updates"
        return ""

    def _parts(self, unit: Unit, result: UnitResult) -> list[Part]:
        """The transactions that the record takes, after what the server has been asked for."""
        items = list(unit.items)
        elsewhere: dict[str, str] = {}
        if self._plan is not None:
            items = self._plan.apply(self._client, unit)
        if self._retract and self._plan is None:
            from fhirconv.pushing.retract import retractions

            items += retractions(self._client, unit, self._settings)
        if not self._client.capability().keeps_version:
            items, elsewhere = self._changed(items, result)
        made: Split = split(items, *self._limits)
        if made.is_cut:
            result.notes.append(_CUT.format(len(made.parts)))
        return [Part(part.items, {**elsewhere, **part.elsewhere}) for part in made.parts if part.items]

    def _changed(self, items: list[Item], result: UnitResult) -> tuple[list[Item], dict[str, str]]:
        """What differs from what the server holds: it would make a new version also of what does not."""
        to_send, elsewhere = changes(self._client, items)
        kept = {id(item) for item in to_send}
        same = [item for item in items if id(item) not in kept]
        result.add([Made("unchanged", elsewhere.get(item.full_url, item.url), item.position) for item in same])
        return to_send, elsewhere

    def _send_part(self, unit: Unit, number: int, part: Part, result: UnitResult) -> None:
        body = transaction(part.items, part.elsewhere)
        digest = hashlib.sha256(body).hexdigest()
        before = self._journal.entry(unit.number, number) if self._journal else None
        if before is not None and before.state == "done" and before.digest == digest and self._is_there(unit, part):
            result.end("done before", len(part.items))
            return
        try:
            if before is not None and before.state in ("unknown", "failed"):
                result.notes += self._found_out(part.items, before)
            self._note(unit, number, "in flight", digest)
            made = self._carry_out(part.items, body, before is not None, result)
        except (NotSent, Unfit):
            self._note(unit, number, "planned", digest)
            raise
        except Refused as error:
            result.issues += issues_of_refusal(error, unit, self._client, part.items)
            result.end("failed", len(part.items))
            self._note(unit, number, "failed", digest)
        except Unknown as error:
            result.end("unknown", len(part.items), str(error))
            self._note(unit, number, "unknown", digest)
        else:
            result.add(made)
            result.state = "done"
            self._note(unit, number, "done", digest, Counter(one.outcome for one in made))

    def _carry_out(self, items: list[Item], body: bytes, is_again: bool, result: UnitResult) -> list[Made]:
        """What the server made of a transaction. When an answer proves nothing, it is asked what it holds.

        Raises ServerError; Unknown only where it does not say either, Refused also where it holds one thing several times.
        """
        retries = self._client.retries
        is_bound = any(item.if_match for item in items)
        try:
            answers = self._client.transaction(body, [item.look_up for item in items], is_bound=is_bound)
        except Unknown as error:
            arrived = self._arrived(items)
            if arrived:
                result.notes.append(f"{error}; the server holds all of it")
                return [Made("confirmed", _address(item), item.position) for item in items]
            if arrived is False and _is_final(error.status):
                raise Refused(str(error), error.status, error.outcome) from None
            raise
        made = [_made(item, answer) for item, answer in zip(items, answers, strict=True)]
        is_again = is_again or self._client.retries > retries
        if is_again and any(
            one.outcome == "created" and "?" in item.look_up for item, one in zip(items, made, strict=True)
        ):
            self._arrived(items)  # a server that overlooks conditions has made a second one
        return made

    def _found_out(self, items: list[Item], before: Entry) -> list[str]:
        """Whether an attempt of an earlier run had arrived; it is sent again, unless the server holds it several times."""
        if before.state == "failed" and not any("?" in item.look_up for item in items):
            return []
        arrived = self._arrived(items)
        if arrived is False and any("?" in item.look_up for item in items):
            time.sleep(_LATE_S)
            arrived = self._arrived(items)
        known = {True: "had arrived", False: "had not arrived, or not all of it", None: "cannot be looked up"}[arrived]
        return (
            [f"an earlier attempt {known}; sent again (attempt {before.attempts + 1})"]
            if before.state == "unknown"
            else []
        )

    def _is_there(self, unit: Unit, part: Part) -> bool:
        """Whether what the journal says was done may be passed over; a sample is looked up."""
        return not self._trust.wants_look(unit.number) or self._trust.saw(self._arrived(part.items) is True)

    def _arrived(self, items: list[Item]) -> bool | None:
        """Whether the server holds all of this as it was sent; None if it does not say. Raises Refused for duplicates."""
        try:
            present = look_up(self._client, items)
        except Refused as error:
            if error.status == SEVERAL:
                raise
            return None
        except ServerError:
            return None
        ids = addresses(items, present)
        return all(is_as_wanted(item, one, ids) for item, one in zip(items, present, strict=True))

    def _note(self, unit: Unit, part: int, state: str, digest: str, made: Counter[str] | None = None) -> None:
        if self._journal is not None:
            made = made or Counter()
            self._journal.note(
                unit.number,
                part,
                state,
                digest,
                created=made["created"],
                updated=made["updated"],
                unchanged=made["unchanged"],
                deleted=made["retracted"],
            )


def _made(item: Item, answer: EntryAnswer) -> Made:
    """What an answer says of an item; items of no position are retractions."""
    outcome = "retracted" if item.position < 0 else answer.made
    if item.if_none_exist and outcome == "updated":
        outcome = "unchanged"  # what is there is left alone
    return Made(outcome, answer.location or _address(item), item.position)


def _is_final(status: int) -> bool:
    """Whether a server that does not hold it has said no; after a gateway's 502 or 504 it may still be at work."""
    return status in (500, 501) or (400 <= status < 500 and status not in (401, 403, 429))


def _address(item: Item) -> str:
    """Type/id, or the type of what the server gives an id."""
    return item.type if "?" in item.look_up else item.url
