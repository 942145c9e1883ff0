"""Text into values with places: JSON and YAML case files, read losslessly and with limits.

JSON is RFC 8259. YAML is read through libyaml's events, never its constructors: scalars are resolved by the JSON
rules (so NO, 012345, 12:30 and 2014-02-03 stay text), and anchors, tags and merge keys are refused.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fhirconv.issues import Issue, Place, shown
from fhirconv.numbers import is_json_number, number_excess, read_number

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
MAX_TEXT = 1024 * 1024  # FHIR string: 1 MB

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_YAML_BREAKS = re.compile("[\u0085\u2028\u2029]")
_LITERALS = {"null": None, "~": None, "": None, "true": True, "false": False}


@dataclass(slots=True)
class Document:
    """A file's values. `data` is None when it could not be read; `issues` says why."""

    name: str
    text: str = ""
    data: Any = None
    issues: list[Issue] = field(default_factory=list)
    is_json: bool = False
    _places: dict[str, tuple[int, int]] | None = None

    def place(self, pointer: str) -> Place:
        """Line and column of the value at `pointer` (or of the nearest one around it)."""
        if self._places is None:
            self._places = json_places(self.text) if self.is_json else {}
        at = pointer
        while at and at not in self._places:
            at = at.rpartition("/")[0]
        line, column = self._places.get(at, (0, 0))
        return Place(self.name, line, column, pointer)

    def add(self, rule: str, message: str, pointer: str = "") -> None:
        """Notes an issue at `pointer`."""
        self.issues.append(Issue(rule, message, self.place(pointer)))


def escape_pointer(key: object) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> Document:
    """Reads a case file. Nothing is raised: what is wrong stands in the document's issues."""
    name = str(path)
    try:
        if path.is_dir():
            return _unreadable(name, "file-unreadable", "is a directory; name a file in it")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        return _unreadable(name, "file-unreadable", f"cannot be read: {error.strerror}")
    return read_bytes(data, name, max_bytes)


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file (UTF-8), or '' and what is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return "", f"cannot be read: {error.strerror}"
    problem = _encoding_problem(data)
    return ("", problem) if problem else (data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"), "")


def read_bytes(data: bytes, name: str, max_bytes: int = MAX_BYTES) -> Document:
    """Reads the bytes of a case file; a name ending in .json must hold JSON, .yaml or .yml YAML."""
    if len(data) > max_bytes:
        return _unreadable(name, "too-large", f"is larger than {max_bytes} bytes; split it into one file a case")
    problem = _encoding_problem(data)
    if problem:
        return _unreadable(name, "encoding", problem)
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return _unreadable(name, "empty-input", "is empty; a case has at least 'case' and 'patient'")
    suffix = Path(name).suffix.lower()
    is_json = suffix == ".json" or (suffix not in (".yaml", ".yml") and text.lstrip()[0] in "{[")
    return _read_json(text, name) if is_json else _read_yaml(text, name)


def read_value(value: Any, name: str = "") -> Document:
    """A case given as Python values; checked like a file, without lines."""
    document = Document(name, data=value, _places={})
    _audit(document)
    return document


def _unreadable(name: str, rule: str, message: str, line: int = 0, column: int = 0) -> Document:
    return Document(name, issues=[Issue(rule, message, Place(name, line, column))])


def _encoding_problem(data: bytes) -> str:
    """Why the bytes are not UTF-8 text; empty if they are."""
    if data.startswith(b"\x1f\x8b"):
        return "is compressed (gzip), not text; unpack it first"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:4]:
        return "is UTF-16 or UTF-32 or binary; save it as UTF-8"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} (line {line}); save it as UTF-8"
    return ""


def _audit(document: Document) -> None:
    """Checks depth, characters and digits of every value; iterative, so that no depth can hurt."""
    stack: list[tuple[Any, str, int]] = [(document.data, "", 0)]
    while stack:
        value, pointer, depth = stack.pop()
        if isinstance(value, str):
            _audit_text(document, value, pointer)
        elif isinstance(value, dict | list) and depth >= MAX_DEPTH:
            document.add("too-deep", f"is nested more than {MAX_DEPTH} levels deep", pointer)
            document.data = None
            return
        elif isinstance(value, dict):
            stack.extend((item, f"{pointer}/{escape_pointer(key)}", depth + 1) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend((item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value))
        elif value is not None and (excess := number_excess(value)):
            document.add("number-limit", f"number {shown(value, 20)} {excess}; check the digits", pointer)


def _audit_text(document: Document, text: str, pointer: str) -> None:
    bad = _CONTROL.search(text)
    if bad:
        document.add("character", f"character U+{ord(bad.group()):04X} is not allowed in FHIR text; remove it", pointer)
    if len(text) > MAX_TEXT:
        document.add("too-large", f"text of {len(text)} characters; at most {MAX_TEXT} are allowed", pointer)


# -- JSON ------------------------------------------------------------------------------------------------------------


def _read_json(text: str, name: str) -> Document:
    document = Document(name, text, is_json=True)
    repeated = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        made = dict(items)
        repeated = repeated or len(made) != len(items)
        return made

    try:
        document.data = json.loads(
            text, parse_float=read_number, parse_int=read_number, parse_constant=_no_constant, object_pairs_hook=pairs
        )
    except RecursionError:
        return _unreadable(name, "too-deep", f"is nested more than {MAX_DEPTH} levels deep")
    except json.JSONDecodeError as error:
        return _unreadable(name, "not-json", _json_problem(text, error), error.lineno, error.colno)
    except _ConstantError as error:
        at = re.search(rf"[:\[,]\s*({re.escape(str(error))})", text)
        before = text[: at.start(1)] if at else ""
        message = f"{error} is not JSON; leave the field out, or say 'absent'"
        return _unreadable(name, "not-json", message, before.count("\n") + 1, len(before) - before.rfind("\n"))
    if repeated:
        for key, pointer, (line, column) in _repeated_keys(text):
            message = f"key {shown(key)} stands twice in one object; keep one of them"
            document.issues.append(Issue("duplicate-key", message, Place(name, line, column, pointer)))
    _audit(document)
    return document


class _ConstantError(Exception):
    """NaN or an infinity."""


def _no_constant(word: str) -> Any:
    raise _ConstantError(word)


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong, in our words and without the text around it."""
    start = text.lstrip()[:1]
    if start == "<":
        return "holds HTML or XML, not JSON"
    if start not in "{[":
        return "is not JSON: it should begin with '{' (a YAML file needs the ending .yaml)"
    if error.msg == "Extra data":
        return "has more after the end of the JSON value; one file holds one case (NDJSON has one case a line)"
    if error.msg.startswith("Expecting property name"):
        return "is not JSON: a key in double quotes was expected here (no comments, no comma before '}')"
    if error.msg.startswith("Unterminated string"):
        return "is not JSON: the text that begins here has no closing quote"
    if "control character" in error.msg:
        return "is not JSON: a line break or control character stands in a text; write it as \\n or \\uXXXX"
    return "is not JSON: a value, ',' or closing bracket was expected here"


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def _json_walk(text: str) -> Iterator[tuple[str, str | None, int]]:
    """Pointer, key (None for items and the top) and offset of each value of valid JSON `text`, in order."""
    stack: list[tuple[str, str]] = []  # pointer of the container, next step (index as text, or key)
    key: str | None = None
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "}]":
            stack.pop()
        elif token == ",":
            parent, step = stack[-1]
            stack[-1] = (parent, str(int(step) + 1) if step.isdigit() else step)
        elif token == ":":
            continue
        elif stack and stack[-1][1] == "" and key is None and token[0] == '"':
            key = json.loads(token)
        else:
            parent, step = stack[-1] if stack else ("", "")
            pointer = f"{parent}/{escape_pointer(key if key is not None else step)}" if stack else ""
            yield pointer, key, match.start()
            key = None
            if token in "{[":
                stack.append((pointer, "" if token == "{" else "0"))


def json_places(text: str) -> dict[str, tuple[int, int]]:
    """JSON Pointer -> line and column of each value of valid JSON `text`."""
    places: dict[str, tuple[int, int]] = {}
    line, line_start, seen = 1, 0, 0
    for pointer, _, offset in _json_walk(text):
        breaks = text.count("\n", seen, offset)
        if breaks:
            line, line_start = line + breaks, text.rfind("\n", seen, offset) + 1
        seen = offset
        places[pointer] = (line, offset - line_start + 1)
    return places


def _repeated_keys(text: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    seen: set[str] = set()
    for pointer, key, offset in _json_walk(text):
        if key is not None and pointer in seen:
            yield key, pointer, (text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
        seen.add(pointer)


# -- YAML ------------------------------------------------------------------------------------------------------------


def _read_yaml(text: str, name: str) -> Document:
    document = Document(name, text, _places={})
    strange = _YAML_BREAKS.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        message = f"character U+{ord(strange.group()):04X} breaks lines in YAML; write it as \\u{ord(strange.group()):04X} in double quotes"
        return _unreadable(name, "not-yaml", message, line)
    if text.lstrip()[0] == "<":
        return _unreadable(name, "not-yaml", "holds HTML or XML, not YAML", 1, 1)
    try:
        _YamlReader(document).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return _unreadable(name, "not-yaml", _yaml_problem(text, line), line, column)
    except yaml.YAMLError as error:
        at = getattr(error, "position", 0)
        return _unreadable(name, "not-yaml", "holds a character that YAML does not allow", text.count("\n", 0, at) + 1)
    if document.data is not None:
        _audit(document)
    return document


def _yaml_problem(text: str, line: int) -> str:
    lines = text.split("\n")
    row = lines[line - 1] if line <= len(lines) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return "is not YAML: the line is indented with a tab; use blanks"
    if re.search(r":\s*[@`%&*]", row) or re.search(r":\s+\S.*:\s", row):
        return "is not YAML: put the text in quotes (it holds ': ' or begins with a reserved sign)"
    return "is not YAML: check indentation, quotes and brackets at this line or the one before"


class _Stop(Exception):
    """Ends the reading of a YAML text after an issue that leaves no sense in the rest."""


class _YamlReader:
    """Builds values and places from libyaml's events: no recursion, no constructor, every issue noted."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.places: dict[str, tuple[int, int]] = document._places if document._places is not None else {}
        self.stack: list[tuple[Any, str]] = []  # container and its pointer
        self.key: str | None = None

    def read(self) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = 0
        try:
            for event in yaml.parse(self.document.text, Loader=loader):
                documents += isinstance(event, yaml.DocumentStartEvent)
                if documents > 1:
                    self._issue("yaml-feature", "a second YAML document begins here; one file holds one case", event, "")
                    raise _Stop
                self._take(event)
        except _Stop:
            self.document.data = None

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._issue("yaml-feature", "'*' refers to another place; write the value out", event)
            raise _Stop
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
            if len(self.stack) >= MAX_DEPTH:
                self._issue("too-deep", f"is nested more than {MAX_DEPTH} levels deep", event, pointer)
                raise _Stop
            self.stack.append((value, pointer))

    def _take_key(self, event: Any, is_scalar: bool) -> None:
        key = _scalar(event) if is_scalar else None
        if not isinstance(key, str):
            self._issue("yaml-feature", "a key must be text; put it in quotes", event)
            raise _Stop
        container, pointer = self.stack[-1]
        if key == "<<" and event.implicit[0]:
            self._issue("yaml-feature", "merge key '<<' is not accepted; write the values out", event)
        if key in container:
            self._issue("duplicate-key", f"key {shown(key)} stands twice; keep one of them", event, f"{pointer}/{escape_pointer(key)}")
        self.key = key

    def _pointer(self, container: Any) -> str:
        if container is None:
            return ""
        step = len(container) if isinstance(container, list) else self.key
        return f"{self.stack[-1][1]}/{escape_pointer(step)}"

    def _refuse_features(self, event: Any) -> None:
        if event.anchor is not None:
            self._issue("yaml-feature", "'&' marks an anchor; it is not accepted (put text in quotes)", event)
        if event.tag is not None:
            self._issue("yaml-feature", "'!' gives a tag; tags are not accepted (put text in quotes)", event)

    def _issue(self, rule: str, message: str, event: Any, pointer: str | None = None) -> None:
        mark = event.start_mark
        at = pointer if pointer is not None else self._pointer(self.stack[-1][0]) if self.stack else ""
        self.document.issues.append(Issue(rule, message, Place(self.document.name, mark.line + 1, mark.column + 1, at)))


def _scalar(event: Any) -> Any:
    """A scalar by JSON's rules: null, true, false and JSON numbers when plain, text otherwise."""
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _LITERALS:
        return _LITERALS[text]
    return read_number(text) if is_json_number(text) else text
