"""The ways in: readers make case facts of what users have. Tables are read by descriptions, mappings/readers/NAME.toml.

A reader yields one Document for each case: its facts, what could not be read of it, and where in which file each stands.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
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

    def read(self, sources: Sequence[Path], limits: Limits, report: Report) -> Iterator[Document]:
        """The cases of the sources. Nothing is raised for what is wrong with them: see the Documents' issues.

        A Document without data tells of a file or of rows that make no case. What was read and what was left is counted
        in `report`, which is whole when the last Document was taken.
        """


def files_of(source: Path, reader: Reader) -> list[Path]:
    """A file, or those of a folder that are for the reader; the folder itself where there is none. Hidden ones never are.

    Raises FhirconvError where a folder cannot be read.
    """
    try:
        inner = sorted(source.iterdir()) if source.is_dir() else []
    except OSError as error:
        raise FhirconvError(f"{source} cannot be read: {error.strerror}") from None
    return [one for one in inner if one.is_file() and not one.name.startswith(".") and reader.takes(one)] or [source]


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
