"""Descriptions and tables as they are written in the tests, read by the reader that they make."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from fhirconv.document import LIMITS, Document
from fhirconv.issues import MappingError
from fhirconv.readers import Report, files_of
from fhirconv.readers.description import read_description
from fhirconv.readers.table_reader import TableReader


class Read(NamedTuple):
    """What came of a reading."""

    documents: list[Document]
    report: Report

    @property
    def lines(self) -> list[str]:
        """The findings on cases and files as they are shown, then those of the report."""
        found = [issue for document in self.documents for issue in document.issues]
        return [issue.text() for issue in (*found, *self.report.issues())]

    @property
    def one(self) -> Any:
        """The data of the only case."""
        (document,) = self.documents
        return document.data


def reader_of(description: str) -> TableReader:
    """The reader that a description makes."""
    return TableReader(read_description("made-up", tomli.loads(description), "made-up.toml"))


def mistakes_of(description: str) -> list[str]:
    """What is told of a description; nothing for a right one."""
    try:
        reader_of(description)
    except MappingError as error:
        return [issue.text() for issue in error.issues]
    return []


def read(reader: TableReader, *sources: Path) -> Read:
    """All cases of files and folders."""
    report = Report()
    return Read(list(reader.read(files_of(sources, reader, report), LIMITS, report)), report)


def read_rows(reader: TableReader, folder: Path, **tables: Sequence[Sequence[str]]) -> Read:
    """The cases of tables given as rows, the header first."""
    paths = []
    for name, rows in tables.items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        paths.append(path)
    return read(reader, *paths)
