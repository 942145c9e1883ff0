"""Findings about a user's data or mappings: one Issue type in the words of OperationOutcome.

Spec: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from fhirconv.rules import rule


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


_AT_A_GLANCE = 40
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0001-\U000e007f]"
)


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
            object.__setattr__(self, "severity", rule(self.rule).severity)

    @property
    def code(self) -> str:
        """Code of the value set issue-type."""
        return rule(self.rule).code

    @property
    def layer(self) -> str:
        """The layer of checks that found it."""
        return rule(self.rule).layer

    @property
    def is_error(self) -> bool:
        """Whether it keeps a case from being converted."""
        return self.severity in ("error", "fatal")

    def text(self) -> str:
        """One line: `file:line:column: severity: message [rule]`."""
        head = f"{self.place}: " if self.place.file or self.place.pointer else ""
        where = f"{self.expression}: " if self.expression else ""
        return f"{printable(head)}{self.severity}: {printable(where + self.message)} [{self.rule}]"


def closest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The one of `known` that `word` was probably meant to be; empty if none is that much (of 1) like it."""
    import difflib  # not at import: most runs have nothing to guess

    near = difflib.get_close_matches(word, list(known), 1, likeness)
    return near[0] if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """'; did you mean ...?', else what is known, if that can be read at a glance."""
    names = list(known)
    is_many = len(names) > _AT_A_GLANCE
    if is_many:  # comparing costs: those that begin alike are what a slip may have meant
        names = [name for name in names if name[:1].casefold() == word[:1].casefold() and abs(len(name) - len(word)) < 4]
    near = closest(word, names)
    if near:
        return f"; did you mean '{near}'?"
    return "" if is_many else f"; expected one of: {', '.join(names)}"


def has_errors(issues: Iterable[Issue]) -> bool:
    """Whether any of `issues` is an error or fatal."""
    return any(issue.is_error for issue in issues)


def by_place(issues: Iterable[Issue]) -> list[Issue]:
    """`issues` in the order of the file, each once."""
    return sorted(dict.fromkeys(issues), key=_order)


def _order(issue: Issue) -> tuple[object, ...]:
    place = issue.place
    steps = tuple((0, int(step), "") if step.isdecimal() else (1, 0, step) for step in place.pointer.split("/"))
    return (place.file, place.line, place.column, steps, issue.rule, issue.expression, issue.message)
