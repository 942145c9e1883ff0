"""Rows of a case into its Document: facts by the rules, where each stands, and what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhirconv.document import Document, Limits, audit
from fhirconv.issues import Issue, Place
from fhirconv.readers.description import Description
from fhirconv.readers.layout import Row
from fhirconv.readers.places import RowPlaces
from fhirconv.readers.report import Report, What
from fhirconv.readers.rule import Cells, Remarks
from fhirconv.readers.source_file import Maker, SourceFile
from fhirconv.rules import rule
from fhirconv.schema import case_schema

Member = tuple[int, int, Row]  # number of the table, number of the file, row


def read_case_rows(
    key: str,
    members: Sequence[Member],
    files: Sequence[SourceFile],
    description: Description,
    limits: Limits,
    report: Report,
) -> Document:
    """The case that these rows belong to."""
    made = _Assembly(key, members, files, description.conventions, report)
    for _, number, row in members:
        made.read(files[number], row)
        if made.size > limits.nodes:  # what follows would not make it smaller; the audit tells it
            break
    document = made.document(limits)
    first = description.tables[0].name
    if all(table for table, _, _ in members) and any(file.rule.name == first for file in files):
        document.add("row-alone", f"this case has no row in the table '{first}'; only its key is known of the patient")
    if document.data is not None:  # it is not over a limit
        report.take(document.data)
    return document


class _Assembly:
    """A case while it is put together."""

    def __init__(
        self,
        key: str,
        members: Sequence[Member],
        files: Sequence[SourceFile],
        conventions: Mapping[str, str],
        report: Report,
    ) -> None:
        first = files[members[0][1]]
        self._name = first.name
        self._conventions = conventions
        self._report = report
        self._facts: dict[str, list[dict[str, Any]]] = {}
        self.size = 0  # values of its facts, at least
        self._rows: Counter[str] = Counter()  # so far, by table
        self._single: dict[str, dict[str, Any]] = {"case": {"id": first.case_id(key)}, "patient": {}}
        self._places = RowPlaces()
        self._places.start = first.key_feed, members[0][2].line
        self._places.fields["case"] = {"id": self._places.start}
        self._named: dict[str, tuple[str, dict[str, Any]]] = {}
        # References that go where there is no fact of their id; of those that are a cell what is to be said then.
        self._unsure: list[tuple[dict[str, Any], str, tuple[What, Place] | None]] = []
        self._origins: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._issues: list[Issue] = []

    def read(self, file: SourceFile, row: Row) -> None:
        """Takes the facts of a row."""
        self._rows[file.rule.name] += 1
        cells = file.cells(row, self._rows[file.rule.name])
        remarks: Remarks = []
        if file.has_damage(cells):
            for place, what in file.damaged(cells, row):
                self._issues.append(Issue("cell-damaged", what, file.place(row.line, place)))
        made, why = 0, ""
        for number, maker in enumerate(file.makers):
            if not maker.bound.applies(cells):
                continue
            for fact in maker.bound.facts(cells, remarks):
                if isinstance(fact, str):
                    why = why or fact
                else:
                    made |= 1 << number
                    self._take(file, maker, row, fact)
        if remarks:
            self._tell(file, row.line, cells, remarks)
        if not made:
            unused = What(file.rule.name, "", why or "no rule is for the row")
            self._report.leave("row-unused", unused, file.place(row.line))
        file.note(row.line, cells, made)

    def _tell(self, file: SourceFile, line: int, cells: Cells, remarks: Remarks) -> None:
        """Errors go to the case, the rest is counted."""
        for remark in dict.fromkeys(remarks):
            place = file.place(line, remark.column)
            if rule(remark.rule).severity == "error":
                self._issues.append(Issue(remark.rule, remark.message, place))
            else:
                what = What(file.rule.name, file.column(remark.column), remark.message)
                self._report.leave(remark.rule, what, place)

    def _take(self, file: SourceFile, maker: Maker, row: Row, fact: dict[str, Any]) -> None:
        section, line = maker.section, row.line
        self.size += len(fact) + 1
        origin = {**file.origin, "row": line, **maker.origin}
        for field in maker.if_made:
            if field in fact:
                self._unsure.append((fact, field, _of_cell(file, maker, row, field, fact[field])))
        if not section.is_list:
            self._origins.append((self._fill(section.name, maker, line, fact), origin))
            return
        if "id" in fact:
            known = self._named.get(fact["id"])
            if known == (section.name, fact):
                self._origins.append((known[1], origin))
                return
            self._named[fact["id"]] = section.name, fact
        self._origins.append((fact, origin))
        self._facts.setdefault(section.name, []).append(fact)
        self._places.facts.setdefault(section.name, []).append((maker.feed, line))

    def _fill(self, section: str, maker: Maker, line: int, fact: dict[str, Any]) -> dict[str, Any]:
        """Adds the fields of a single object, and returns it: lists are joined, other values must be the same."""
        data, places = self._single.setdefault(section, {}), self._places.fields.setdefault(section, {})
        if section == "case" and "id" in fact and places["id"] is self._places.start:
            del data["id"], places["id"]  # that of the key
        for field, value in fact.items():
            before = data.setdefault(field, value)
            if before is value:
                places[field] = maker.feed, line
            elif isinstance(before, list) and isinstance(value, list):
                data[field] = before + [one for one in value if one not in before]
            elif before != value:
                self._conflict(section, field, places[field], (maker.feed, line))
        return data

    def _conflict(self, section: str, field: str, *rows: Any) -> None:
        """Notes at both places that two rows give a field two values."""
        places = [feed.place(line, field if field in feed.columns else "") for feed, line in rows]
        for place, other in (places, places[::-1]):
            message = f"gives '{section}.{field}' another value than {other}; correct one, or let one rule read it"
            self._issues.append(Issue("cell-conflict", message, place))

    def document(self, limits: Limits) -> Document:
        """The whole case."""
        for fact, field, stated in self._unsure:
            if _leaves_out(fact, field, self._named) and stated:
                self._report.leave("cell-left", *stated)
        found = {**self._single, **self._facts, "conventions": dict(self._conventions)}
        data = {
            name: found[name] for name in case_schema().schema["properties"] if name in found and _counts(name, found)
        }
        document = Document(self._name, data=data, issues=self._issues, places=self._places, limits=limits)
        audit(document)
        for fact, origin in self._origins:  # after the audit, for which they are nothing new
            _add_origin(fact, origin)
        return document


def _counts(name: str, found: Mapping[str, Any]) -> bool:
    """An empty section is none, but for the patient, who is always there."""
    return bool(found[name]) or name == "patient"


def _add_origin(data: dict[str, Any], origin: dict[str, Any]) -> None:
    """Notes a further row; one row is an object, more are a list."""
    before = data.get("origin")
    if before is None:
        data["origin"] = origin
    elif isinstance(before, list):
        before.append(origin)
    else:
        data["origin"] = [before, origin]


def _of_cell(file: SourceFile, maker: Maker, row: Row, field: str, value: Any) -> tuple[What, Place] | None:
    """What is to be said if the value of a cell is left out. One that a rule put together is no loss."""
    number = maker.feed.columns.get(field, 0)
    if not 0 < number <= len(row.cells) or row.cells[number - 1].strip() != value:
        return None
    what = What(file.rule.name, file.column(number - 1), "not read, because its case has no fact of that id")
    return what, file.place(row.line, number - 1)


def _leaves_out(fact: dict[str, Any], field: str, made: Iterable[str]) -> bool:
    """Leaves references to what there is not out; whether some were."""
    value = fact[field]
    kept = [one for one in value if one in made] if isinstance(value, list) else value if value in made else None
    if kept:
        fact[field] = kept
    else:
        del fact[field]
    return bool(kept != value)
