"""A run: chunks to workers, batches to outputs, in the order of the input; counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fhirconv.issues import FhirconvError, Issue
from fhirconv.many.batches import Batch, BatchJob
from fhirconv.many.chunks import Chunk
from fhirconv.many.crew import Crew, Done
from fhirconv.many.files import Output
from fhirconv.many.repeats import Repeats
from fhirconv.many.tally import Tally


class RejectedError(FhirconvError):
    """A record was rejected, and the run was to stop there."""


@dataclass(slots=True)
class Run:
    """Writes what chunks become. `tally` counts what is written so far."""

    job: BatchJob
    output: Output
    rejects: Output | None
    workers: int
    stops: bool  # at the first record that is rejected
    tell: Callable[[Chunk, Batch, list[str]], None]  # a chunk was written; the last are words about workers
    tally: Tally

    def run(self, chunks: Iterable[Chunk]) -> None:
        """Writes all; then the outputs are there. Raises FhirconvError, and what `tell` or a signal handler raises."""
        try:
            with Crew(self.job, self.workers) as crew, Repeats() as repeats:
                for chunk, batch in self._checked(crew, repeats, chunks):
                    self._write(batch)
                    self.tell(chunk, batch, crew.deaths)
                    if self.stops and batch.rejected:
                        raise RejectedError(f"{batch.told[0].place} was rejected")
            for output in filter(None, (self.rejects, self.output)):
                output.finish()
        except BaseException:
            for output in filter(None, (self.rejects, self.output)):
                output.leave()
            raise

    def _checked(self, crew: Crew[Batch], repeats: Repeats, chunks: Iterable[Chunk]) -> Iterator[Done[Batch]]:
        """The batches without cases that came before; where the run is to stop, up to the record that it stops at."""
        for done in crew.results(chunks):
            refused = self._repeated(done, repeats)
            if refused:
                done = done._replace(chunk=done.chunk._replace(refused={**done.chunk.refused, **refused}))
            rejected = [*done.result.rejected, *refused]
            if self.stops and rejected:
                done = done._replace(chunk=done.chunk._replace(records=done.chunk.records[: min(rejected) + 1]))
            yield from crew.again(done.chunk) if refused or (self.stops and rejected) else (done,)

    @staticmethod
    def _repeated(done: Done[Batch], repeats: Repeats) -> dict[int, Issue]:
        """The cases of a batch whose id came before, each with where it did."""
        found = {}
        for position, digest in done.result.converted:
            place = done.chunk.records[position].place
            first = repeats.first(digest, place)
            if first:
                message = f"has the case id of the case at {first}, whose Bundle it would overwrite; give each case its own"
                found[position] = Issue("case-twice", message, place)
        return found

    def _write(self, batch: Batch) -> None:
        self.output.write(batch.outputs)
        if self.rejects is not None and batch.rejects:
            self.rejects.write({"": batch.rejects})
        self.tally.add(batch.tally)
