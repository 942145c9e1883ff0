"""A record into a Conversion: the same in this process and in a worker. Whatever happens in a record stays in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from fhirconv.bundle import dump_json
from fhirconv.conversion import Conversion, convert_document
from fhirconv.document import LIMITS, Document, Limits
from fhirconv.facts import Case, read_case
from fhirconv.issues import Issue
from fhirconv.many.chunks import Chunk
from fhirconv.mapping import DEFAULT_PROFILE, Mappings, load_mappings
from fhirconv.records import Record

SHAPES = BUNDLES, RESOURCES, FACTS, NOTHING = ("bundles", "resources", "facts", "nothing")
"""What can be written of a case: its Bundle, its resources, for who wants no FHIR yet the facts; or it is only counted."""

DEADLY = "worker-died"  # the rule that a record breaks which ends the process that converts it
_PACKAGE = Path(__file__).resolve().parent.parent


class Converted(NamedTuple):
    """What became of the record at a position of its chunk."""

    position: int
    record: Record
    result: Conversion


@dataclass(frozen=True)
class Settings:
    """How records are converted; see `fhirconv.convert`."""

    profile: str = DEFAULT_PROFILE
    bundle: str = "transaction"
    site: Path | None = None
    source: Path | None = None
    validate: bool = True
    verify: bool = False
    limits: Limits = LIMITS

    def converter(self) -> Converter:
        """Raises ValueError and MappingError as load_mappings does."""
        return Converter(self, load_mappings(self.site, self.profile))


class Converter:
    """Settings with their mappings, read once for all records."""

    def __init__(self, settings: Settings, mappings: Mappings) -> None:
        self._settings = settings
        self._mappings = mappings

    def convert(self, chunk: Chunk) -> Iterator[Converted]:
        """The records of a chunk that are more than a blank line, each with what became of it. Nothing is raised.

        One at a time, for who lets go of one before the next: many that are kept take twice the time.
        """
        for position, record in enumerate(chunk.records):
            if not record.is_blank:
                yield Converted(position, record, self._convert(record, chunk.refused.get(position)))

    def _convert(self, record: Record, refusal: Issue | None) -> Conversion:
        chosen = self._settings
        if refusal is not None and refusal.rule == DEADLY:  # not even looked at again
            return rejection(record, refusal)
        try:
            document = record.document(chosen.limits)
            if refusal is not None:
                return Conversion(None, [refusal], read_case(replace(document, issues=[refusal])))
            return convert_document(document, self._mappings, chosen.bundle, chosen.source, chosen.validate, chosen.verify)
        except Exception as error:  # a fault of ours, or no memory: the others go on
            return rejection(record, Issue("record-failed", _where(error), record.place))


def written(result: Conversion, shape: str, indent: bool = False) -> bytes:
    """The Bundle, or the facts, of a case that is right, as JSON (UTF-8) in which every number keeps its digits.

    A finding is added to the result if it is larger than what fhirconv itself reads unless it is told to.
    """
    data = dump_json(result.case.document.data, indent) if shape == FACTS else result.json(indent)
    if len(data) > LIMITS.bytes:
        place = result.case.document.place("")
        advice = f"give validate and push --limit bytes={len(data)}"
        result.findings.append(Issue("large-output", f"makes {len(data):,} bytes, and {LIMITS.bytes:,} are read; {advice}", place))
    return data


def rejection(record: Record, issue: Issue) -> Conversion:
    """A record that is not converted, for a reason that does not stand in it."""
    return Conversion(None, [issue], Case(Document(record.name, issues=[issue])))


def _where(error: Exception) -> str:
    """The kind of an exception and the place in our code that it passed last; its own words may hold data."""
    import traceback  # costs a start 1 ms

    ours = [
        f"{Path(frame.filename).relative_to(_PACKAGE.parent).as_posix()}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_PACKAGE)
    ]
    what = "there was not enough memory for it" if isinstance(error, MemoryError) else "a fault of fhirconv"
    return f"could not be converted: {type(error).__name__} at {ours[-1]}: {what}; the others go on. Please report it"
