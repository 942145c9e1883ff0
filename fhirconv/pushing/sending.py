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

_LOOKS = 3  # at what is there; the second finds what others made in the meantime, which is only updated from then on
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
            for _ in range(_LOOKS):
                parts = self._parts(unit, result)
                planned = result.resources.total() + sum(len(part.items) for part in parts)
                for number, part in enumerate(parts):
                    self._send_part(unit, number, part, result)
                    if result.state not in ("done", "done before"):
                        return
                if result.resources.total() == planned:
                    self._settle(unit, len(parts))
                    return
            result.notes.append("others make and delete the same at this time")
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
        if self._looks_first(unit):
            found = changes(self._client, items)
            told = {one.position for one in result.made}  # by an earlier look
            result.add([one for one in found.unchanged if one.position not in told])
            items, elsewhere = [item for item in found.items if item.position not in told], found.elsewhere
        made: Split = split(items, *self._limits)
        if made.is_cut:
            result.notes.append(_CUT.format(len(made.parts)))
        return [Part(part.items, part.elsewhere | elsewhere) for part in made.parts if part.items]

    def _looks_first(self, unit: Unit) -> bool:
        """Whether only what differs is sent: else the server might make versions of what does not, or two of what is new."""
        capability = self._client.capability()
        is_guarded = capability.conditional_create and any(item.may_be_new for item in unit.items)
        return is_guarded or not capability.keeps_version

    def _send_part(self, unit: Unit, number: int, part: Part, result: UnitResult) -> None:
        body = transaction(part.items, part.elsewhere)
        digest = hashlib.sha256(body).hexdigest()
        before = self._journal.entry(unit.number, number) if self._journal else None
        if before is not None and before.state == "done" and before.digest == digest and self._is_there(unit, part):
            result.end("done before", len(part.items))
            return
        try:
            if before is not None and before.state in ("unknown", "failed"):
                result.notes += self._found_out(part, before)
            self._note(unit, number, "in flight", digest)
            made = self._carry_out(part, body, before is not None, result)
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

    def _carry_out(self, part: Part, body: bytes, is_again: bool, result: UnitResult) -> list[Made]:
        """What the server made of a transaction. When an answer proves nothing, it is asked what it holds.

        Left out is what was to be new and is there by now: of what others made nobody knows yet whether it is the same.
        Raises ServerError; Unknown only where it does not say either, Refused also where it holds one thing several times.
        """
        items = part.items
        retries = self._client.retries
        is_bound = any(item.if_match for item in items)
        try:
            answers = self._client.transaction(body, [item.look_up for item in items], is_bound=is_bound)
        except Unknown as error:
            arrived = self._arrived(part)
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
            self._arrived(part)  # a server that overlooks conditions has made a second one
        return [one for item, one in zip(items, made, strict=True) if not item.is_new or one.outcome == "created"]

    def _found_out(self, part: Part, before: Entry) -> list[str]:
        """Whether an attempt of an earlier run had arrived; it is sent again, unless the server holds it several times."""
        is_searched = any("?" in item.look_up for item in part.items)
        if before.state == "failed" and not is_searched:
            return []
        arrived = self._arrived(part)
        if arrived is False and is_searched:
            time.sleep(_LATE_S)
            arrived = self._arrived(part)
        known = {True: "had arrived", False: "had not arrived, or not all of it", None: "cannot be looked up"}[arrived]
        return (
            [f"an earlier attempt {known}; sent again (attempt {before.attempts + 1})"]
            if before.state == "unknown"
            else []
        )

    def _is_there(self, unit: Unit, part: Part) -> bool:
        """Whether what the journal says was done may be passed over; a sample is looked up, if a look has not just missed it."""
        if self._looks_first(unit):
            return False
        return not self._trust.wants_look(unit.number) or self._trust.saw(self._arrived(part) is True)

    def _arrived(self, part: Part) -> bool | None:
        """Whether the server holds all of this as it was sent; None if it does not say. Raises Refused for duplicates."""
        try:
            present = look_up(self._client, part.items)
        except Refused as error:
            if error.status == SEVERAL:
                raise
            return None
        except ServerError:
            return None
        ids = part.elsewhere | addresses(part.items, present)
        return all(is_as_wanted(item, one, ids) for item, one in zip(part.items, present, strict=True))

    def _settle(self, unit: Unit, parts: int) -> None:
        if self._journal is not None:
            self._journal.settle(unit.number, parts)

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
