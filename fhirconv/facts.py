"""The case: its facts with their identity and their place in the file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.document import Document
from fhirconv.issues import Issue, Place, has_errors
from fhirconv.memory import Memory
from fhirconv.schema import CaseSchema, Section, case_schema
from fhirconv.terms import Term

SHAPES = 4096  # for which functions are kept

Kinds = frozenset[tuple[str, type]]  # names of fields; Term, str, list, dict, or object for all others


def kinds_of(data: Mapping[str, Any]) -> Kinds:
    """The fields that these data state, and what each is."""
    kinds = (Term, str, list, dict)
    return frozenset(
        (name, next((kind for kind in kinds if isinstance(value, kind)), object)) for name, value in data.items()
    )


@dataclass(slots=True, eq=False)
class Shape:
    """A section, and what facts of it state. Facts have few shapes; what holds for all of one is made once."""

    section: Section
    kinds: Kinds
    stated: frozenset[str]
    nested: frozenset[str]  # the stated fields that are objects with fields of their own
    identity_of: Callable[[Mapping[str, Any]], str]
    is_plain: Callable[..., bool] | None = None  # made when it is needed; see checks.py


@dataclass(slots=True, eq=False, init=False)
class Fact:
    """One fact."""

    section: Section
    index: int  # position in the list; -1 for case, source and patient
    data: dict[str, Any]
    shape: Shape
    identity: str  # section and key: unique within the case, independent of the fact's position and of its values

    def __init__(self, section: Section, index: int, data: dict[str, Any]) -> None:
        self.section = section
        self.index = index
        self.data = data
        self.shape = shape = _shapes.get((section, *data, *map(type, data.values()))) or _shape_of(section, data)
        self.identity = shape.identity_of(data)

    def rekey(self) -> None:
        """Makes shape and identity anew, from other data."""
        Fact.__init__(self, self.section, self.index, self.data)

    @property
    def key(self) -> str:
        """Unique within its section: the id, or what makes it this fact and no other."""
        return self.identity[len(self.section.name) + 1 :]

    @property
    def pointer(self) -> str:
        """JSON Pointer to the fact in the case."""
        return f"/{self.section.name}" if self.index < 0 else f"/{self.section.name}/{self.index}"

    def pointer_to(self, path: tuple[str | int, ...]) -> str:
        """JSON Pointer to a value in the fact."""
        return "/".join((self.pointer, *map(str, path)))

    def flat(self) -> dict[str, Any]:
        """The fields by dotted name, those of nested objects ('dose.value') beside the objects."""
        if not self.shape.nested:
            return self.data
        made = dict(self.data)
        for outer in self.shape.nested:
            made |= {f"{outer}.{key}": value for key, value in self.data[outer].items()}
        return made

    @property
    def origin(self) -> str:
        """Where a program read it, in words; '' if it does not say."""
        return told_origin(self.data.get("origin", []))

    def get(self, path: tuple[str, ...]) -> Any:
        """The value at `path`, or None."""
        value: Any = self.data
        for step in path:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value


@dataclass(slots=True, eq=False)
class Case:
    """One patient's facts, read and checked. `issues` holds what was found."""

    document: Document
    facts: list[Fact] = field(default_factory=list)
    by_id: dict[str, Fact] = field(default_factory=dict)
    by_section: dict[str, list[Fact]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The case's id, composed (NFC), so that one spelling is one case; empty when there is none to be had."""
        return unicodedata.normalize("NFC", str(self.section("case").get("id", "")))

    @property
    def conventions(self) -> Mapping[str, str]:
        """How dates and numbers of this case are to be read."""
        return self.section("conventions")

    @property
    def issues(self) -> list[Issue]:
        """What was found in the case."""
        return self.document.issues

    def section(self, name: str) -> dict[str, Any]:
        """A section that is a single object; empty if it is not there."""
        data = self.document.data
        found = data.get(name) if isinstance(data, dict) else None
        return found if isinstance(found, dict) else {}

    def place(self, fact: Fact, path: tuple[str | int, ...] = ()) -> Place:
        """Where a fact, or a value in it, stands."""
        return self.document.place(fact.pointer_to(path))

    def mention(self, fact: Fact, path: tuple[str | int, ...] = ()) -> str:
        """Names a fact, or a value in it, in a message that stands at another place."""
        return self.document.mention(fact.pointer_to(path))

    def add(self, rule: str, message: str, fact: Fact, path: tuple[str | int, ...] = ()) -> None:
        """Notes an issue about a fact."""
        self.issues.append(Issue(rule, message, self.place(fact, path)))

    def facts_of(self, section: str) -> Iterator[Fact]:
        """The facts of one section, in the order of the file."""
        return iter(self.by_section.get(section, ()))

    def take(self, facts: list[Fact]) -> None:
        """Adds all facts of one section."""
        self.facts += facts
        self.by_section[facts[0].section.name] = facts


_NOT_WORD = re.compile(r"[^\w.]+")


def fold(text: str) -> str:
    """Text for comparison: NFKC, case folded, runs of blanks as one."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def told_origin(origin: Any) -> str:
    """Rows of tables in words: 'labs.xlsx, sheet Results, row 12, columns Hb, Date'."""
    return "; ".join(map(_told_row, origin if isinstance(origin, list) else [origin]))


def _told_row(row: Mapping[str, Any]) -> str:
    sheet = f", sheet {row['sheet']}" if "sheet" in row else ""
    columns = f", columns {', '.join(row['columns'])}" if "columns" in row else ""
    return f"{row['file']}{sheet}, row {row['row']}{columns}"


def _slug(value: Any) -> str:
    """A value as part of a natural key. Neither the order of keys nor the way a time is written matters."""
    if isinstance(value, dict):
        keys = sorted(value) if set(value) <= {"text"} else sorted(set(value) - {"text"})
        return _slug(value["date"]) if keys == ["date"] else "-".join(f"{key}-{_slug(value[key])}" for key in keys)
    if isinstance(value, list):
        return "-".join(map(_slug, value))
    return _slugs[value.key if isinstance(value, Term) else str(value)]


_slugs = Memory[str, str](lambda text: _NOT_WORD.sub("-", fold(text)).strip("-"), most=16384)


_shapes: dict[tuple[object, ...], Shape] = {}  # by section, fields and types of values; by section and kinds


def _shape_of(section: Section, data: Mapping[str, Any]) -> Shape:
    """The shape of a fact with these data. Unknown fields, which the schema refuses, make no shape."""
    names = {field.path[0] for field in section.fields.values()}
    known = {name: value for name, value in data.items() if name in names}
    kinds = kinds_of(known)
    if len(_shapes) >= SHAPES:
        _shapes.clear()
    shape = _shapes.get((section, kinds))
    if shape is None:
        nested = section.nested.intersection(known)
        shape = Shape(section, kinds, frozenset(known), nested, _identity_maker(section, dict(kinds)))
        _shapes[section, kinds] = shape
    _shapes[(section, *known, *map(type, known.values()))] = shape
    return shape


def _identity_maker(section: Section, kinds: Mapping[str, type]) -> Callable[[Mapping[str, Any]], str]:
    """Makes the identity of a fact: the section and a key. The key is the id, or '~' and the section's identity fields.

    No id begins with '~'.
    """
    if not section.is_list:
        return lambda data: section.name
    if "id" in kinds:
        return lambda data: f"{section.name}/{data['id']}"
    texts: dict[type, str] = {str: "{{slugs[data[{!r}]]}}"}
    other = "{{slug(data[{!r}])}}"
    parts = [texts.get(kinds[name], other).format(name) if name in kinds else "" for name in section.identity]
    names: dict[str, Any] = {"slug": _slug, "slugs": _slugs}
    source = f'lambda data: f"{section.name}/~{"/".join(parts)}".rstrip("/")'
    made: Callable[[Mapping[str, Any]], str] = eval(source, names)  # noqa: S307  (names of the schema)
    return made


def merged_into(case: Case, fact: Fact) -> Fact | None:
    """The fact that an event is the time of: such an event makes no resource of its own."""
    return case.by_id.get(str(fact.data.get("of"))) if fact.section.name == "events" else None


def read_case(document: Document, schema: CaseSchema | None = None) -> Case:
    """The facts of a document; what is no object is left out. That they fit the schema is for checks.check_case to say."""
    schema = schema or case_schema()
    case = Case(document)
    if document.data is None:
        if not has_errors(document.issues):  # that a line is blank is none
            document.add("empty-input", "is empty; a case has at least 'case' and 'patient'")
        return case
    if not isinstance(document.data, dict):
        return case
    for section in schema.sections.values():
        value = document.data.get(section.name)
        if value is None:
            continue
        items = enumerate(value) if section.is_list and isinstance(value, list) else ((-1, value),)
        facts = [Fact(section, index, data) for index, data in items if isinstance(data, dict)]
        if facts:
            case.take(facts)
    for fact in case.facts:
        if "id" in fact.data:
            _name_fact(case, fact)
    return case


def _name_fact(case: Case, fact: Fact) -> None:
    name = fact.data["id"]
    if fact.section.name == "case" or not isinstance(name, str):
        return
    if name in case.by_id:
        case.add(
            "id-duplicate",
            f"id '{name}' stands twice, also at {case.mention(case.by_id[name])}; give each fact its own",
            fact,
            ("id",),
        )
    case.by_id[name] = fact
