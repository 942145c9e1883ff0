"""The reader that a description makes: files of tables, their rows by case, a Document for each case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from fhirconv.compression import plain_name
from fhirconv.document import Document, Limits
from fhirconv.issues import Issue, Place, closest, shown
from fhirconv.readers.cases import read_case_rows
from fhirconv.readers.description import Description, TableRule
from fhirconv.readers.groups import Groups
from fhirconv.readers.layout import Table, TableError
from fhirconv.readers.report import Report
from fhirconv.readers.source_file import SourceFile
from fhirconv.readers.tables import open_table

_FEW = 10  # lines that a message lists


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads tables as a description says."""

    description: Description

    @property
    def name(self) -> str:
        """What --as takes."""
        return self.description.name

    @property
    def title(self) -> str:
        """What it reads."""
        return self.description.title

    def takes(self, path: Path) -> bool:
        """Whether a file of this name is of some table."""
        return any(_matches(path, rule) for rule in self.description.tables)

    def read(self, paths: Sequence[Path], limits: Limits, report: Report) -> Iterator[Document]:
        """The cases of the files, in the order of the first table.

        When a file cannot be read as a whole there are no cases, because each would lack something, but Documents without
        data that say why.
        """
        with Groups() as groups:
            failed, files = self._gather(paths, limits, report, groups)
            if any(issue.severity == "fatal" for document in failed for issue in document.issues):
                yield from failed
                return
            for key, members in groups:
                yield read_case_rows(key, members, files, self.description, limits, report)
            for file in files:
                file.settle()
            yield from failed

    def _gather(
        self, paths: Sequence[Path], limits: Limits, report: Report, groups: Groups
    ) -> tuple[list[Document], list[SourceFile]]:
        """Reads all rows into `groups`, those of the first table first; Documents for what could not be read."""
        failed, files = [], []
        matched, issues = self._matched(paths)
        for number, rule in enumerate(self.description.tables):
            facts = [fact for fact in self.description.facts if fact.table == rule.name]
            for path in matched[number]:
                try:
                    table = open_table(path, rule.layout, limits)
                    _check_columns(table, rule)
                    file = SourceFile(path, table, rule, facts, report)
                    report.files.append(table.name)
                    files.append(file)
                    failed += _add_rows(groups, number, len(files) - 1, file, table)
                    report.noted += table.issues
                except TableError as error:
                    whole = [replace(issue, severity="fatal") for issue in error.issues]  # be it of one row
                    failed.append(Document(str(path), issues=whole))
        return [*(Document(issue.place.file, issues=[issue]) for issue in issues), *failed], files

    def _matched(self, paths: Sequence[Path]) -> tuple[list[list[Path]], list[Issue]]:
        """The files of each table, and what is wrong with the choice of files."""
        tables = self.description.tables
        matched: list[list[Path]] = [[] for _ in tables]
        issues = []
        for path in paths:
            found = [number for number, rule in enumerate(tables) if _matches(path, rule)]
            if len(found) == 1:
                matched[found[0]].append(path)
            else:
                issues.append(self._no_one_table(path, [tables[number].name for number in found]))
        for rule, chosen in zip(tables, matched, strict=True):
            if not chosen and not rule.optional and not issues:
                globs = " or ".join(map(shown, rule.files))
                message = f"no source is its table '{rule.name}': a file named {globs}; name it, or its folder"
                issues.append(Issue("table-missing", message, Place(f"reader {self.name}")))
        return matched, issues

    def _no_one_table(self, path: Path, found: Sequence[str]) -> Issue:
        if found:
            message = f"fits the tables {' and '.join(found)} of reader '{self.name}'; make their 'file' narrower"
        else:
            globs = ", ".join(shown(glob) for rule in self.description.tables for glob in rule.files)
            message = f"is no table of reader '{self.name}', which reads files named: {globs}"
        return Issue("source-unknown", message, Place(str(path)))


def _matches(path: Path, rule: TableRule) -> bool:
    return any(fnmatchcase(plain_name(path.name), glob) for glob in rule.files)


def _check_columns(table: Table, rule: TableRule) -> None:
    """Raises TableError for the columns that are not there."""
    issues = []
    for column in rule.lacks(table.columns):
        near = closest(column, table.columns)
        hint = f"; is it {shown(near)}?" if near else ";"
        what = f"has no column {shown(column)}, which the reader reads{hint}"
        message = f"{what} correct the header or the reader ('may_lack' if files need not have it)"
        issues.append(Issue("column-missing", message, Place(table.name, rule.layout.header, 1)))
    if issues:
        raise TableError(issues)


def _add_rows(groups: Groups, table: int, number: int, file: SourceFile, rows: Table) -> list[Document]:
    """Puts the rows of a file to those of their cases; a Document for those that say no case."""
    first: list[int] = []  # lines of rows without a key
    for row in rows.rows:
        file.count.rows += 1
        key = file.key(row)
        if key is None:
            file.count.unread += 1
            if len(first) < _FEW:
                first.append(row.line)
        else:
            groups.add(key, table, number, row)
    if not first:
        return []
    many = file.count.unread
    lines = ", ".join(map(str, first)) + (" ..." if many > len(first) else "")
    names = " and ".join(map(shown, file.rule.key))
    which = f"{many} rows belong" if many > 1 else "the row belongs"
    message = f"{which} to no case: nothing readable in {names}; write it into lines {lines}"
    return [
        Document(file.name, issues=[Issue("row-without-case", message, file.place(first[0], file.key_feed.first - 1))])
    ]
