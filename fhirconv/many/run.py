"""A run: chunks to workers, batches to outputs, in the order of the input; counts that add up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from fhirconv.issues import FhirconvError, Issue
from fhirconv.many.batches import Batch, BatchJob
from fhirconv.many.chunks import Chunk
from fhirconv.many.crew import Crew, Done
from fhirconv.many.files import Output
from fhirconv.many.repeats import Repeats
from fhirconv.many.tally import Tally


class RejectedError(FhirconvError):
    """A record was rejected, and the run was to stop there."""


class CutError(FhirconvError):
    """An input could not be read to its end: nobody knows what else there is."""


Tell = Callable[[Chunk, Batch, list[str]], None]


class Run:
    """Writes what chunks become. `tally` counts what was written so far."""

    def __init__(self, job: BatchJob, output: Output, rejects: Output | None = None, workers: int = 1) -> None:
        self.output = output
        self.tally = Tally(most=job.listed)
        self.is_done = False  # all outputs are there
        kinds = output.kind, rejects.kind if rejects else ""
        self._job = replace(job, kind=kinds[0], rejects_kind=kinds[1])
        self._rejects = rejects
        self._workers = workers

    def run(
        self,
        chunks: Iterable[Chunk],
        tell: Tell = lambda *_: None,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        stops: bool = False,
        most: int | None = None,
    ) -> None:
        """Writes all; in the end the outputs are there, or, after an exception, what was written is left as it is.

        `tell` gets each chunk that was written, with words about workers that died; `held` is entered for what must not
        be broken off; with `stops` the first record that is rejected raises RejectedError, with `most` the chunk in which
        there are more. Raises FhirconvError, CutError among them once all that could be read is written.
        """
        outputs = [one for one in (self._rejects, self.output) if one is not None]
        try:
            with Crew(self._job, self._workers) as crew, Repeats() as repeats:
                for chunk, batch in self._checked(crew, repeats, chunks, stops):
                    with held():
                        self._write(batch)
                    tell(chunk, batch, crew.deaths)
                    if stops and batch.rejected:
                        raise RejectedError("a case was rejected (see above); mend it, or call without --on-error stop")
                    if most is not None and self.tally.rejected > most:
                        raise RejectedError(
                            f"{self.tally.rejected:,} cases are rejected by now; mend what they have in common, or call with "
                            f"a larger --max-rejects than {most:,}"
                        )
                    if (last := chunk.records[-1]).is_cut:
                        raise CutError(f"{last.name} was not read to its end (see above); mend it, or fetch it again")
            with held():
                for output in outputs:
                    output.settle()  # a full disk is met before any of them is there
                for output in outputs:
                    output.finish()
                self.is_done = True
        except BaseException:
            for output in outputs:
                output.leave()
            raise

    def _checked(
        self, crew: Crew[Batch], repeats: Repeats, chunks: Iterable[Chunk], stops: bool
    ) -> Iterator[Done[Batch]]:
        """The batches without cases that came before; where the run is to stop, up to the record that it stops at."""
        for done in crew.results(chunks):
            refused = self._repeated(done, repeats)
            chunk = done.chunk._replace(refused={**done.chunk.refused, **refused})
            rejected = [*done.result.rejected, *refused]
            if stops and rejected:
                chunk = chunk._replace(records=chunk.records[: min(rejected) + 1])
            yield from crew.again(chunk) if refused or (stops and rejected) else (done,)

    @staticmethod
    def _repeated(done: Done[Batch], repeats: Repeats) -> dict[int, Issue]:
        """The cases of a batch whose id came before, each with where it did."""
        found = {}
        for position, digest in done.result.converted:
            place = done.chunk.records[position].place
            first = repeats.first(digest, place)
            if first:
                message = (
                    f"has the case id of the case at {first}, whose Bundle it would overwrite; give each case its own"
                )
                found[position] = Issue("case-twice", message, place)
        return found

    def _write(self, batch: Batch) -> None:
        self.output.write(batch.outputs)
        if self._rejects is not None and batch.rejects:
            self._rejects.write({"": batch.rejects})
        self.tally.add(batch.tally)
