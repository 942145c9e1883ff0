"""A chunk of records into the lines that are written for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from fhirconv.bundle import dump_json
from fhirconv.compression import compressed
from fhirconv.conversion import Conversion
from fhirconv.issues import Issue
from fhirconv.many.chunks import Chunk
from fhirconv.many.converter import BUNDLES, NOTHING, RESOURCES, Converter, Settings, failure, written
from fhirconv.many.rejects import reject_line, rows_of
from fhirconv.many.repeats import digest_of
from fhirconv.many.tally import Tally


@dataclass(slots=True)
class Batch:
    """What a chunk makes: bytes for each output ('' for Bundles and facts, else the resource type), compressed as that is."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    rejects: bytes = b""
    converted: list[tuple[int, bytes]] = field(default_factory=list)  # position in the chunk, digest of the case id
    rejected: list[int] = field(default_factory=list)  # positions
    told: list[Issue] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class BatchJob:
    """Makes batches. `verbose` also tells findings of what has a Bundle.

    `kind` and `rejects_kind` say how the outputs are compressed: Run asks them. `listed` findings of each rule are kept
    for the account of the run.
    """

    settings: Settings
    shape: str = BUNDLES
    kind: str = ""
    rejects_kind: str = ""
    verbose: bool = False
    listed: int = 0

    def start(self) -> Callable[[Chunk], Batch]:
        """Reads the mappings; see Settings.converter."""
        return partial(self._batch, self.settings.converter())

    def _batch(self, converter: Converter, chunk: Chunk) -> Batch:
        batch = Batch(tally=Tally(most=self.listed))
        lines: dict[str, list[bytes]] = {}
        rejects: list[bytes] = []
        for position, record, result in converter.convert(chunk):
            try:
                values = list(self._values(result)) if result.ok else []
            except Exception as error:  # no memory for its JSON, say: the others go on
                result, values = failure(record, error), []
            batch.tally.count(result)
            if result.ok:
                batch.converted.append((position, digest_of(result.case.id)))
                for name, value in values:
                    lines.setdefault(name, []).append(value)
            else:
                batch.rejected.append(position)
                rows = rows_of(result.case.document.data)
                batch.tally.rejected_rows.update({file: len(found) for file, found in rows.items()})
                rejects.append(reject_line(record, result, rows))
            if self.verbose or not result.ok:
                batch.told += [issue for issue in result.issues if issue.severity != "information"]
        batch.tally.blank = len(chunk.records) - batch.tally.records
        batch.outputs = {name: compressed(_lines(values), self.kind) for name, values in lines.items()}
        batch.rejects = compressed(_lines(rejects), self.rejects_kind) if rejects else b""
        return batch

    def _values(self, result: Conversion) -> Iterator[tuple[str, bytes]]:
        """The values that a case has a line for, each with the name of its output."""
        if self.shape not in (RESOURCES, NOTHING):
            yield "", written(result, self.shape)
        if self.shape != RESOURCES:
            return
        for entry in result.bundle["entry"] if result.bundle else ():
            yield entry["resource"]["resourceType"], dump_json(entry["resource"])


def _lines(values: list[bytes]) -> bytes:
    return b"\n".join([*values, b""])
