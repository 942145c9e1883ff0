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
from fhirconv.document import LIMITS, unreadable
from fhirconv.many.chunks import Chunk, chunks_of
from fhirconv.many.converter import Converter, Settings
from fhirconv.mapping import DEFAULT_PROFILE
from fhirconv.records import NO_LINE, Record, records_of

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
    reader: str | None = None,
    profile: str = DEFAULT_PROFILE,
    bundle: str = "transaction",
    mappings: str | Path | None = None,
    source: str | Path | None = None,
    validate: bool = True,
) -> Iterator[Conversion]:
    """Converts cases one after the other, lazily and in their order.

    `cases` is a file (NDJSON has a case in each line), or an iterable of files of one case, dicts of case facts, and
    bytes (a case as JSON); names hold where this is called. `workers` is the number of processes; 1 is this one, which
    reads no case before it is asked for. With more, cases are handed over 64 at a time, so the first Conversion comes when
    there are so many (or no more), a few chunks are read ahead, and the Conversions know no `build`; a dict that holds other
    than JSON has (classes of your own, say) is converted in this process all the same. Closing the iterator ends the workers.
    With a `reader` (a name, see `fhirconv readers`) `cases` are files and folders that it reads. The other
    arguments are those of `convert`.
    Raises MappingError and ValueError as `convert` does and TypeError for a single case, before any case is read;
    WorkerError when workers cannot be started. Whatever is wrong with a case stands in its Conversion, and the others go
    on: also when it cannot be converted for a fault of ours, or ends the worker.
    """
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers}")
    if isinstance(cases, bytes | bytearray | Mapping) or not isinstance(cases, Iterable | str | Path):
        raise TypeError(f"cases must be the name of a file, or an iterable of cases, not {type(cases).__name__}")
    check_type(bundle)
    here = _folder()  # wherever the caller goes
    site, text = (here / one if one else None for one in (mappings, source))
    settings = Settings(profile, bundle, site, text, validate)
    converter = settings.converter()
    if reader is not None:
        records = _read(cases, reader, site)
    elif isinstance(cases, str | Path):
        records = records_of(here / cases, name=str(cases))
    else:
        records = map(partial(_record, here), cases)
    if workers == 1:
        return (one.result for record in records for one in converter.convert(Chunk([record])))
    return _by_workers(_ConvertJob(settings), workers, records, converter)


def _read(cases: Cases, reader: str, site: Path | None) -> Iterator[Record]:
    from fhirconv.inputs import ReaderInputs
    from fhirconv.readers import find_reader

    names = [cases] if isinstance(cases, str | Path) else cases
    paths = []
    for name in names:
        if not isinstance(name, str | Path):
            raise TypeError(f"with a reader, cases are names of files and folders; found {type(name).__name__}")
        paths.append(Path(name))
    return ReaderInputs(find_reader(reader, site), tuple(paths), LIMITS).records()


def _folder() -> Path:
    """Where relative names are looked up; if it was removed, names may be all absolute."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def _record(folder: Path, case: object) -> Record:
    if isinstance(case, str) and case.lstrip().startswith("{"):  # never shown as a name: it holds data of a patient
        return Record("", NO_LINE, unreadable("", "wrong-type", "a str is the name of a file; give JSON as bytes"))
    if isinstance(case, str | Path):
        return Record(str(case), NO_LINE, folder / case)
    if isinstance(case, bytes | bytearray):
        return Record("", NO_LINE, bytes(case))
    if isinstance(case, Mapping):
        return Record("", NO_LINE, case)
    message = f"expected a file name, a dict of case facts, or a case as JSON in bytes; found {type(case).__name__}"
    return Record("", NO_LINE, unreadable("", "wrong-type", message))


def _by_workers(
    job: _ConvertJob, workers: int, records: Iterator[Record], converter: Converter
) -> Iterator[Conversion]:
    from fhirconv.many.crew import Crew
    from fhirconv.many.handed import ConvertedHere, handed

    def convert_here(record: Record) -> Conversion:
        (one,) = converter.convert(Chunk([record]))
        return one.result

    with Crew(job, workers) as crew:
        for chunk, results in crew.results(chunks_of(handed(record, convert_here) for record in records)):
            while crew.deaths:
                warnings.warn(crew.deaths.pop(0), RuntimeWarning, stacklevel=2)
            told = (record.data for record in chunk.records if not record.is_blank)
            for data, result in zip(told, results, strict=True):
                yield data.result if isinstance(data, ConvertedHere) else pickle.loads(result)  # noqa: S301
