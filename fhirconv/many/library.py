"""The library's convert_many: as convert, for as many cases as there are."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fhirconv.bundle import check_type
from fhirconv.conversion import Conversion
from fhirconv.many.chunks import NO_LINE, Chunk, Record, chunks_of, records_of
from fhirconv.many.converter import Converter, Settings
from fhirconv.mapping import DEFAULT_PROFILE

Cases = str | Path | Iterable[str | Path | bytes | Mapping[str, Any]]


@dataclass(frozen=True)
class _ConvertJob:
    """Conversions as they travel: each by itself, to be made again when it is its turn."""

    settings: Settings

    def start(self) -> Callable[[Chunk], list[bytes]]:
        return partial(_pickled, self.settings.converter())


def _pickled(converter: Converter, chunk: Chunk) -> list[bytes]:
    return [pickle.dumps(one.result, 5) for one in converter.convert(chunk)]


def convert_many(
    cases: Cases,
    *,
    workers: int = 1,
    profile: str = DEFAULT_PROFILE,
    bundle: str = "transaction",
    mappings: str | Path | None = None,
    source: str | Path | None = None,
    validate: bool = True,
) -> Iterator[Conversion]:
    """Converts cases one after the other, lazily and in their order.

    `cases` is a file (NDJSON has a case in each line), or an iterable of files of one case, dicts of case facts, and
    bytes (a case as JSON). `workers` is the number of processes; 1 is this one, which reads no case before it is asked
    for. With more, a few chunks of up to 64 cases are read ahead, and the Conversions know no `build`. Closing the
    iterator ends the workers. The other arguments are those of `convert`.
    Raises MappingError and ValueError as `convert` does, before any case is read; WorkerError when workers cannot be
    started. Whatever is wrong with a case stands in its Conversion, and the others go on: also when it cannot be
    converted for a fault of ours, or ends the worker.
    """
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers}")
    check_type(bundle)
    site, text = (Path(one) if one else None for one in (mappings, source))
    settings = Settings(profile, bundle, site, text, validate)
    converter = settings.converter()
    records = records_of(Path(cases)) if isinstance(cases, str | Path) else map(_record, cases)
    if workers == 1:
        return (one.result for record in records for one in converter.convert(Chunk([record])))
    return _by_workers(_ConvertJob(settings), workers, records)


def _record(case: str | Path | bytes | Mapping[str, Any]) -> Record:
    if isinstance(case, str | Path):
        return Record(str(case), NO_LINE, Path(case))
    return Record("", NO_LINE, case)


def _by_workers(job: _ConvertJob, workers: int, records: Iterator[Record]) -> Iterator[Conversion]:
    from fhirconv.many.crew import Crew

    with Crew(job, workers) as crew:
        for _, results in crew.results(chunks_of(records)):
            while crew.deaths:
                warnings.warn(crew.deaths.pop(0), RuntimeWarning, stacklevel=2)
            yield from map(pickle.loads, results)
