"""YAML read through libyaml's events, never its constructors.

Scalars are resolved by JSON's rules: NO, 012345, 12:30 and 2014-02-03 stay text. Anchors, tags, merge keys and second
documents are refused. Nothing recurses, so no depth can hurt.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from fhirconv.document import LIMITS, RAISE, Document, Limits, audit, escape_pointer, unreadable
from fhirconv.issues import Issue, Place, shown
from fhirconv.numbers import is_json_number, read_number

_BREAKS = re.compile("[\u0085\u2028\u2029]")  # line breaks to YAML 1.1, text to everybody else
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LITERALS = {"null": None, "~": None, "": None, "true": True, "false": False}


def read_yaml(text: str, name: str, limits: Limits = LIMITS) -> Document:
    """The document of a YAML text; what is wrong stands in its issues."""
    document = Document(name, text, limits=limits)
    strange = _BREAKS.search(text)
    if strange:
        sign = f"{ord(strange.group()):04X}"
        message = f"character U+{sign} breaks lines in YAML; write it as \\u{sign} in double quotes"
        return unreadable(name, "not-yaml", message, *_line_and_column(text, strange.start()))
    if text.lstrip()[0] == "<":
        return unreadable(name, "not-yaml", "holds HTML or XML, not YAML", 1, 1)
    try:
        _YamlReader(document).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return unreadable(name, "not-yaml", _yaml_problem(text, line), line, column)
    except yaml.YAMLError:
        bad = _NOT_YAML.search(text)
        at = bad.start() if bad else 0
        message = f"holds a character that YAML does not allow (U+{ord(text[at]):04X}); remove it"
        return unreadable(name, "not-yaml", message, *_line_and_column(text, at))
    if document.data is not None:
        audit(document)
    return document


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _yaml_problem(text: str, line: int) -> str:
    lines = text.split("\n")
    row = lines[line - 1] if line <= len(lines) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return "is not YAML: the line is indented with a tab; use blanks"
    if re.search(r":\s*[@`%&*!>|]", row) or re.search(r":\s+\S.*:\s", row):
        return "is not YAML: put the text in quotes (it holds ': ' or begins with a reserved sign)"
    return "is not YAML: check indentation, quotes and brackets at this line or the one before"


class _StopError(Exception):
    """Ends the reading of a YAML text after an issue that leaves no sense in the rest."""


class _YamlReader:
    """Builds values and places from libyaml's events: no recursion, no constructor, every issue noted."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.places = document.places
        self.stack: list[tuple[Any, str]] = []  # container and its pointer
        self.key: str | None = None

    def read(self) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = 0
        try:
            for event in yaml.parse(self.document.text, Loader=loader):
                documents += isinstance(event, yaml.DocumentStartEvent)
                if documents > 1:
                    self._issue(
                        "yaml-feature", "a second YAML document begins here; one file holds one case", event, ""
                    )
                    raise _StopError
                self._take(event)
        except _StopError:
            self.document.data = None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._issue("yaml-feature", "'*' refers to another place; write the value out", event)
            raise _StopError
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent | yaml.ScalarEvent):
            self._refuse_features(event)
            self._node(event)

    def _node(self, event: Any) -> None:
        is_scalar = isinstance(event, yaml.ScalarEvent)
        container = self.stack[-1][0] if self.stack else None
        if isinstance(container, dict) and self.key is None:
            self._take_key(event, is_scalar)
            return
        pointer = self._pointer(container)
        value: Any = _scalar(event) if is_scalar else {} if isinstance(event, yaml.MappingStartEvent) else []
        self.places[pointer] = (event.start_mark.line + 1, event.start_mark.column + 1)
        if container is None:
            self.document.data = value
        elif isinstance(container, list):
            container.append(value)
        else:
            container[self.key] = value
        self.key = None
        if not is_scalar:
            most = self.document.limits.depth
            if len(self.stack) >= most:
                self._issue("too-deep", f"is nested more than {most} levels deep; {RAISE}", event, pointer)
                raise _StopError
            self.stack.append((value, pointer))

    def _take_key(self, event: Any, is_scalar: bool) -> None:
        key = _scalar(event) if is_scalar else None
        if not isinstance(key, str):
            self._issue("yaml-feature", "a key must be text; put it in quotes", event)
            raise _StopError
        container, pointer = self.stack[-1]
        if key == "<<" and event.implicit[0]:
            self._issue("yaml-feature", "merge key '<<' is not accepted; write the values out", event)
        if key in container:
            self._issue(
                "duplicate-key",
                f"key {shown(key)} stands twice; keep one of them",
                event,
                f"{pointer}/{escape_pointer(key)}",
            )
        self.key = key

    def _pointer(self, container: Any) -> str:
        if container is None:
            return ""
        step = len(container) if isinstance(container, list) else self.key
        return f"{self.stack[-1][1]}/{escape_pointer(step)}"

    def _here(self) -> str:
        """The pointer of what is read next: a value, or in place of a key its object."""
        if not self.stack:
            return ""
        container, pointer = self.stack[-1]
        return pointer if isinstance(container, dict) and self.key is None else self._pointer(container)

    def _refuse_features(self, event: Any) -> None:
        if event.anchor is not None:
            self._issue("yaml-feature", "'&' marks an anchor; it is not accepted (put text in quotes)", event)
        if event.tag is not None:
            self._issue("yaml-feature", "'!' gives a tag; tags are not accepted (put text in quotes)", event)

    def _issue(self, rule: str, message: str, event: Any, pointer: str | None = None) -> None:
        mark = event.start_mark
        at = pointer if pointer is not None else self._here()
        self.document.issues.append(Issue(rule, message, Place(self.document.name, mark.line + 1, mark.column + 1, at)))


def _scalar(event: Any) -> Any:
    """A scalar by JSON's rules: null, true, false and JSON numbers when plain, text otherwise."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _LITERALS:
        return _LITERALS[text]
    return read_number(text) if is_json_number(text) else text
