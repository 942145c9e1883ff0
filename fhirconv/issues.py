"""Findings about a user's data or mappings: one Issue type in the words of OperationOutcome, and the rules behind it.

Spec: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class FhirconvError(Exception):
    """Anything that stops a run; findings about data are Issues, not exceptions."""


class MappingError(FhirconvError):
    """The mappings cannot be used; `issues` holds every mistake with file and key."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("\n".join(issue.text() for issue in issues))
        self.issues = issues


class ConversionError(FhirconvError):
    """A Bundle was asked for, and the case has errors: see `issues`."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("\n".join(issue.text() for issue in issues if issue.is_error))
        self.issues = issues


class Place(NamedTuple):
    """Where something stands: line and column count from 1; 0 means unknown. `pointer` is a JSON Pointer (RFC 6901)."""

    file: str = ""
    line: int = 0
    column: int = 0
    pointer: str = ""

    def __str__(self) -> str:
        if self.line:
            return f"{self.file}:{self.line}:{self.column}"
        return ": ".join(part for part in (self.file, self.pointer) if part)


class Rule(NamedTuple):
    """A kind of finding. `code` is from issue-type; `layer` is the part of the checks that it belongs to."""

    severity: str
    code: str
    layer: str


RULES: dict[str, Rule] = {
    # reading
    "file-unreadable": Rule("fatal", "not-found", "input"),
    "encoding": Rule("fatal", "structure", "input"),
    "empty-input": Rule("fatal", "structure", "input"),
    "too-large": Rule("fatal", "too-long", "input"),
    "not-json": Rule("fatal", "structure", "input"),
    "not-yaml": Rule("fatal", "structure", "input"),
    "yaml-feature": Rule("error", "not-supported", "input"),
    "too-deep": Rule("fatal", "too-long", "input"),
    "duplicate-key": Rule("error", "duplicate", "input"),
    "number-limit": Rule("error", "too-long", "input"),
    "character": Rule("error", "invalid", "input"),
    # the schema of case facts
    "unknown-key": Rule("error", "structure", "input"),
    "missing-key": Rule("error", "required", "input"),
    "wrong-type": Rule("error", "structure", "input"),
    "empty-value": Rule("error", "invalid", "input"),
    "not-a-choice": Rule("error", "code-invalid", "input"),
    "wrong-form": Rule("error", "value", "input"),
    # the meaning of case facts
    "date-invalid": Rule("error", "value", "input"),
    "date-ambiguous": Rule("error", "value", "input"),
    "time-zone-missing": Rule("error", "value", "input"),
    "time-order": Rule("error", "invariant", "input"),
    "time-choice": Rule("error", "invariant", "input"),
    "number-invalid": Rule("error", "value", "input"),
    "number-ambiguous": Rule("error", "value", "input"),
    "number-completed": Rule("information", "informational", "input"),
    "unit-unknown": Rule("error", "code-invalid", "input"),
    "unit-missing": Rule("warning", "required", "input"),
    "unit-without-value": Rule("error", "invariant", "input"),
    "value-choice": Rule("error", "invariant", "input"),
    "value-missing": Rule("error", "required", "input"),
    "event-unknown": Rule("error", "not-found", "input"),
    "event-circle": Rule("error", "invariant", "input"),
    "event-unused": Rule("error", "invariant", "input"),
    "reference-unknown": Rule("error", "not-found", "input"),
    "reference-wrong": Rule("error", "invalid", "input"),
    "id-duplicate": Rule("error", "duplicate", "input"),
    "fact-duplicate": Rule("error", "duplicate", "input"),
    "system-unknown": Rule("error", "code-invalid", "input"),
    "quote-not-found": Rule("error", "not-found", "input"),
    "quote-lacks": Rule("warning", "incomplete", "input"),
    "source-unreadable": Rule("error", "not-found", "input"),
    "source-missing": Rule("warning", "incomplete", "input"),
    # mapping
    "field-lost": Rule("error", "not-supported", "mapping"),
    "not-mapped": Rule("error", "not-supported", "mapping"),
    "kept-as-text": Rule("information", "informational", "mapping"),
    "mapping-syntax": Rule("error", "structure", "mapping"),
    "mapping-key": Rule("error", "structure", "mapping"),
    "mapping-source": Rule("error", "not-found", "mapping"),
    "mapping-target": Rule("error", "not-found", "mapping"),
    "mapping-type": Rule("error", "invalid", "mapping"),
    "mapping-code": Rule("error", "code-invalid", "mapping"),
    "mapping-lost": Rule("error", "incomplete", "mapping"),
    "mapping-table": Rule("error", "not-found", "mapping"),
}

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with control, direction and invisible characters written as escapes: safe for a terminal or a log."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def shown(value: object, limit: int = 60) -> str:
    """The one wrong value, quoted and cut, for a message."""
    text = str(value)
    return "'" + printable(text if len(text) <= limit else text[:limit] + "…") + "'"


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. `message` says what was found, what was expected and what to do."""

    rule: str
    message: str
    place: Place = Place()
    expression: str = ""
    severity: str = ""

    def __post_init__(self) -> None:
        if not self.severity:
            object.__setattr__(self, "severity", RULES[self.rule].severity)

    @property
    def code(self) -> str:
        """Code of the value set issue-type."""
        return RULES[self.rule].code

    @property
    def layer(self) -> str:
        """The layer of checks that found it."""
        return RULES[self.rule].layer

    @property
    def is_error(self) -> bool:
        """Whether it keeps a case from being converted."""
        return self.severity in ("error", "fatal")

    def text(self) -> str:
        """One line: file:line:column: severity: message [rule]."""
        head = f"{self.place}: " if self.place.file or self.place.pointer else ""
        return f"{printable(head)}{self.severity}: {printable(self.message)} [{self.rule}]"


def has_errors(issues: Iterable[Issue]) -> bool:
    """Whether any of `issues` is an error or fatal."""
    return any(issue.is_error for issue in issues)


def by_place(issues: Iterable[Issue]) -> list[Issue]:
    """`issues` in the order of the file, each once."""
    return sorted(set(issues), key=lambda i: (i.place.file, i.place.line, i.place.column, i.rule, i.message))
