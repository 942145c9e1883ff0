"""The ways in: readers make case facts of what users have. Tables are read by descriptions, mappings/readers/NAME.toml.

A reader yields one Document for each case: its facts, what could not be read of it, and where in which file each stands.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fhirconv.document import Document, Limits
from fhirconv.issues import FhirconvError, Issue, MappingError, Place, nearest, shown

if TYPE_CHECKING:
    from fhirconv.readers.report import Report

__all__ = ["Reader", "Report", "check_readers", "files_of", "find_reader", "reader_names"]


class Reader(Protocol):
    """What can be read in one way."""

    @property
    def name(self) -> str:
        """What --as takes."""

    @property
    def title(self) -> str:
        """What it reads, in one line."""

    def takes(self, path: Path) -> bool:
        """Whether a file of this name is for it: of a folder, only these are read."""

    def read(self, paths: Sequence[Path], limits: Limits, report: Report) -> Iterator[Document]:
        """The cases of files, as `files_of` gives them. Nothing is raised for what is wrong with them: see the Documents' issues.

        A Document without data tells of a file or of rows that make no case: by a fatal issue, where there can be no whole
        case of any file. What was read and what was left is counted in `report`, which is whole when the last Document was
        taken.
        """


def files_of(sources: Iterable[Path], reader: Reader, report: Report) -> list[Path]:
    """Files, and those of folders that are for the reader, each once; a folder itself where none in it is.

    The others of a folder are counted in `report`, but for hidden ones. Raises FhirconvError where a folder cannot be read.
    """
    from fhirconv.readers.report import What  # not for those who only ask for names

    found: dict[Path, Path] = {}
    for source in sources:
        try:
            inner = sorted(source.iterdir()) if source.is_dir() else []
        except OSError as error:
            raise FhirconvError(f"{source} cannot be read: {error.strerror}") from None
        taken = []
        for one in (one for one in inner if not one.name.startswith(".")):
            if one.is_dir():
                what = "is a folder in a folder, which is not searched; name it to have it read"
            elif reader.takes(one) and one.is_file():
                taken.append(one)
                continue
            else:
                what = f"has no name of a file for reader '{reader.name}'; rename it if it is one"
            report.leave("file-unread", What(one.name, "", what, " "), Place(str(one)))
        found |= {one.absolute(): one for one in taken or [source]}
    return list(found.values())


# Readers that are code: the module that has a function `reader(mappings)`, and the title.
CODED: dict[str, tuple[str, str]] = {
    "phenopacket": (
        "fhirconv.readers.phenopackets",
        "GA4GH Phenopackets 2.0 in JSON, YAML or NDJSON; also Family and Cohort",
    ),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def __getattr__(name: str) -> Any:
    """The report is imported when it is first used."""
    if name == "Report":
        return importlib.import_module("fhirconv.readers.report").Report
    raise AttributeError(f"module 'fhirconv.readers' has no attribute {name!r}")


def find_reader(name: str, mappings: Path | None = None) -> Reader:
    """The reader of this name; `mappings` is a folder of a site laid over fhirconv's own.

    Raises MappingError with every mistake of its description, or when there is no such reader.
    """
    if name in CODED:
        coded: Reader = importlib.import_module(CODED[name][0]).reader(mappings)
        return coded
    from fhirconv.mapping import folders
    from fhirconv.mapping.files import read_folders

    found, origin, issues = (
        read_folders(folders(mappings), f"readers/{name}.toml") if _NAME.fullmatch(name) else ({}, {}, [])
    )
    raw = found.get(f"readers/{name}")
    if raw is None and not issues:
        known = [one for one, _ in reader_names(mappings)]
        issues = [Issue("mapping-table", f"there is no reader {shown(name)}{nearest(name, known)}", Place())]
    if issues:
        raise MappingError(issues)
    from fhirconv.readers.description import read_description
    from fhirconv.readers.table_reader import TableReader

    return TableReader(read_description(name, raw or {}, origin[f"readers/{name}"]))


def check_readers(mappings: Path | None = None) -> None:
    """Raises MappingError with every mistake of every description of a reader for tables."""
    issues = []
    for name in (name for name, _ in reader_names(mappings) if name not in CODED):
        try:
            find_reader(name, mappings)
        except MappingError as error:
            issues += error.issues
    if issues:
        raise MappingError(issues)


def reader_names(mappings: Path | None = None) -> list[tuple[str, str]]:
    """The readers that there are, each with its title. Raises MappingError where a description is no TOML."""
    from fhirconv.mapping import folders
    from fhirconv.mapping.files import read_folders

    found, _, issues = read_folders(folders(mappings), "readers/*.toml")
    if issues:
        raise MappingError(issues)
    described = {name.partition("/")[2]: str(raw.get("title", "")) for name, raw in found.items()}
    return sorted([*described.items(), *((name, title) for name, (_, title) in CODED.items())])
