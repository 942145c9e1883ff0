"""What every value maker has: a target element, the fields that feed it, and a function that fills the element."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.context import Context
from fhirconv.issues import Issue, Place, nearest
from fhirconv.r4 import Element
from fhirconv.schema import Field, Section
from fhirconv.terminology import ConceptTable, Units
from fhirconv.terms import Terms
from fhirconv.values.writing import Target, Writer

# Writes the statements that fill an element of the dict with this name, or leave it out. They read `data` (the fact's
# fields by dotted name, or an item of a list of the fact) and `context`.
Write = Callable[[Writer, str], None]
# A function that does so, where statements would gain nothing.
Maker = Callable[[dict[str, Any], Mapping[str, Any], Context], None]


class Made(NamedTuple):
    """A compiled rule. `sources` are the fields that it reads; `constant` says that it makes one value for every fact."""

    write: Write
    sources: tuple[str, ...] = ()
    constant: bool = False
    children: tuple[ElementRule, ...] = ()
    main_table: str = ""
    refers: tuple[str, ...] = ()  # sections whose facts the made references lead to
    each: str = ""  # the list field whose items the children read
    facts_of: tuple[str, str] | None = None  # section and field: the facts naming this one, which the children read
    always: bool = False  # it may yield something although none of `sources` is stated

    def reads(self, code: Writer) -> bool:
        """Whether it can yield anything for a fact of the shape that the function is for."""
        return self.always or not self.sources or code.states(*self.sources)


class ElementRule(NamedTuple):
    """One element's rule: its name in the specification and where the rule stands (file and key)."""

    element: str
    where: str
    made: Made
    definition: Element | None  # None where the type has no such element


class Tables(NamedTuple):
    """What the value makers look things up in."""

    concepts: Mapping[str, ConceptTable]
    units: Units
    code_systems: Mapping[str, str]
    identifier_systems: Mapping[str, str]
    sections: Mapping[str, Section]
    terms: Terms  # reads those of a case


ORIGINAL_TEXT = "http://hl7.org/fhir/StructureDefinition/originalText"
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]+")  # absolute (RFC 3986)
WORDS = ("term", "string", "choice", "array", "site", "evidence")  # kinds of fields that hold text, or a list of texts


@dataclass(slots=True)
class Env:
    """Where a rule stands while it is compiled. Mistakes are collected in `issues`, never raised."""

    tables: Tables
    section: Section | None  # whose fields the rule reads; None for the parts of a list ('each')
    owner: str  # FHIR type that the element belongs to
    element: Element
    file: str
    key: str
    part: frozenset[str] = frozenset()  # the fields, when section is None
    issues: list[Issue] = field(default_factory=list)

    @property
    def where(self) -> str:
        """File and key, as shown by explain."""
        return f"{self.file} {self.key}"

    def error(self, rule: str, message: str) -> None:
        """Notes a mistake of the mapping."""
        self.issues.append(Issue(rule, f"{self.key}: {message}", Place(self.file)))

    def source(self, name: str, *kinds: str) -> bool:
        """Whether the facts have the field `name`, of one of these kinds (text, if none is named); a mistake if not.

        Makers read `data.get(name)`.
        """
        if self.section is None:
            if name not in self.part:
                self.error("mapping-source", f"'{name}' is not a field here{nearest(name, sorted(self.part))}")
            return name in self.part
        found = self.section.fields.get(name)
        if found is None:
            title, known = self.section.title, nearest(name, self.section.fields)
            self.error("mapping-source", f"{title} has no field '{name}'{known}")
            return False
        if found.kind not in (kinds or WORDS):
            wanted = " or ".join(kinds or WORDS)
            self.error("mapping-source", f"'{name}' is of kind {found.kind}; this value maker needs {wanted}")
            return False
        return True

    def field(self, name: str) -> Field | None:
        """The schema's field, if there is one."""
        return self.section.fields.get(name) if self.section else None

    def refuses_list(self, name: str) -> bool:
        """Whether the field is a list and the element does not repeat; that is a mistake."""
        field = self.field(name)
        if field is None or not field.is_list or self.element.repeats:
            return False
        self.error("mapping-type", f"'{name}' is a list; {self.owner}.{self.element.name} holds one value")
        return True

    def may_refer(self, resource: str) -> bool:
        """Whether the element may refer to this type ('' for a type that is not known here); a mistake if not."""
        targets = self.element.targets
        if not resource or not targets or "Resource" in targets or resource in targets:
            return True
        self.error(
            "mapping-type", f"{self.owner}.{self.element.name} may refer to {', '.join(targets)}, not to {resource}"
        )
        return False

    def slot(self, *wanted: str) -> str:
        """The JSON key for the first of the `wanted` FHIR types that the element allows; a mistake if none is."""
        for fhir_type in wanted:
            if fhir_type in self.element.types:
                return self.element.key(fhir_type)
        allowed = ", ".join(self.element.types)
        self.error("mapping-type", f"makes {' or '.join(wanted)}; {self.owner}.{self.element.name} is {allowed}")
        return self.element.name

    def put(self, *wanted: str) -> Target:
        """Where a value of the first of the `wanted` types goes that the element allows."""
        return Target(self.slot(*wanted), self.element.repeats)

    def takes_code_of(self, table: ConceptTable) -> None:
        """A mistake if the element's required binding has not all codes of the table."""
        if self.element.codes is not None:
            for concept in table.concepts.values():
                for coding in concept.codings:
                    self.allow_code(f"{coding['system']}|{coding['code']}")

    def refuses_terms(self, name: str) -> None:
        """A mistake if the field may have codes of the source, and the element's required binding allows only some."""
        field = self.field(name)
        if field is not None and field.kind in ("term", "site") and self.element.codes is not None:
            where = f"{self.owner}.{self.element.name} takes those of its value set only; use 'code' with 'map'"
            self.error("mapping-source", f"'{name}' may have any codes of the source; {where}")

    def table(self, name: str) -> ConceptTable | None:
        """The concept table `name`."""
        found = self.tables.concepts.get(name)
        if found is None:
            self.error("mapping-table", f"there is no concepts/{name}.toml{nearest(name, self.tables.concepts)}")
        return found

    def allow_code(self, code: str) -> None:
        """A mistake if the element's required binding does not have `code`."""
        if self.element.codes is not None and code not in self.element.codes:
            codes = ", ".join(sorted(self.element.codes))
            self.error(
                "mapping-code", f"'{code}' is not a code of {self.owner}.{self.element.name}; expected one of: {codes}"
            )


class Verb(NamedTuple):
    """A value maker: the key that names it in a rule, its further keys, how it is compiled, and what it makes, in words.

    `words`, and those of each option, have a place for the value of the key, named by what that is: a {field} of the facts
    (or a list of them), of the {case}, or a {list} of which each item is read; a {table}, {concept} of it, {system},
    {identifiers} (a system of them) or {section}; a field or what else can be {named}, or is fhirconv's {own}; a further
    {rule}, {parts}, a {map} or any {value}.
    """

    name: str
    options: Mapping[str, str]
    compile: Callable[[Mapping[str, Any], Env], Made]
    words: str


def nothing(code: Writer, out: str) -> None:
    """The statements of a rule that could not be compiled."""


def calling(make: Maker) -> Write:
    """The statement that calls a function."""
    return lambda code, out: code.line(f"{code.name(make)}({out}, data, context)")


def constant(env: Env, expression: str, *types: str) -> Made:
    """A value that is the same for every fact, or needs only `context`: a Python expression, evaluated for each resource."""
    target = env.put(*types)
    return Made(lambda code, out: code.put(out, target, expression), constant=True)


def failed() -> Made:
    """The result of compiling a rule with a mistake; the mistake is noted in the Env."""
    return Made(nothing)


def all_rules(rules: Iterable[ElementRule]) -> Iterable[ElementRule]:
    """The rules and the rules of their parts."""
    for rule in rules:
        yield rule
        yield from all_rules(rule.made.children)
