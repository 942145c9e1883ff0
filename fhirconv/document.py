"""A file's values with their places, and the limits that every value is held against."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirconv.issues import Issue, Place, shown
from fhirconv.numbers import MAX_DIGITS, number_excess

# JSON Pointer -> line and column, from 1; or the whole place, where a document was read from several files.
Places = dict[str, tuple[int, int] | Place]


class Limits(NamedTuple):
    """What an input may hold at most. Every limit can be raised by who trusts the input."""

    bytes: int = 16 * 1024 * 1024  # of a file, or of a line of NDJSON
    depth: int = 64  # levels of objects and lists; the deepest official example of R4 has fewer
    nodes: int = 2_000_000  # values in all
    text: int = 1024 * 1024  # characters of one text; FHIR string: 1 MB
    digits: int = MAX_DIGITS
    ratio: int = 1000  # of a compressed file: bytes unpacked for each byte of it; cases shrink 20 to 100 times
    skip: int = 256 * 1024 * 1024  # bytes of a line that are passed over, when it is over the limit, in search of its end
    blank: int = 10_000  # blank lines in a row


LIMITS = Limits()
MAX_DEPTH = 128  # to which the limit of depth can be raised: whoever walks a document may recurse so far
RAISE = "check it, and raise the limit if it is right"

_BASE64 = re.compile(r"(?:\s*[A-Za-z0-9+/=]{4})+\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Document:
    """A file's values. `data` is None when it could not be read; `issues` says why."""

    name: str
    text: str = ""
    data: Any = None
    issues: list[Issue] = field(default_factory=list)
    places: Places = field(default_factory=dict)
    limits: Limits = LIMITS
    is_line: bool = False  # a record of NDJSON
    lines_before: int = 0  # of a record within its file

    @property
    def title(self) -> str:
        """What leads people to it: the file, and the line or row where it begins, if it is one of several there."""
        if self.is_line:
            return f"{self.name}:{self.lines_before + 1}"
        whole = self._row
        return f"{whole.file}:{whole.line}" if whole else self.name

    @property
    def _row(self) -> Place | None:
        """Where it begins, if it was read from rows: of several files, it may be."""
        try:
            whole = self.places[""]
        except KeyError:
            return None
        return whole if isinstance(whole, Place) else None

    def place(self, pointer: str) -> Place:
        """Line and column of the value at `pointer` (or of the nearest one around it)."""
        at: str | None = pointer
        while at is not None:
            try:
                found = self.places[at]
            except KeyError:
                at = at.rpartition("/")[0] if at else None
                continue
            if isinstance(found, Place):
                return found._replace(pointer=pointer)
            line, column = found
            return Place(self.name, line + self.lines_before, column, pointer)
        return Place(self.name, 0, 0, pointer)

    def mention(self, pointer: str) -> str:
        """Names a place in a message that stands at another: 'line 12', or all of it where lines of several files are meant."""
        place = self.place(pointer)
        if not place.line:
            return place.pointer
        return str(place) if self._row else f"line {place.line}"

    def add(self, rule: str, message: str, pointer: str = "") -> None:
        """Notes an issue at `pointer`."""
        self.issues.append(Issue(rule, message, self.place(pointer)))


def escape_pointer(key: object) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    step = str(key)
    return step.replace("~", "~0").replace("/", "~1") if "~" in step or "/" in step else step


def unreadable(name: str, rule: str, message: str, line: int = 0, column: int = 0) -> Document:
    return Document(name, issues=[Issue(rule, message, Place(name, line, column))])


def audit(document: Document) -> None:
    """Checks depth, characters and digits of every value; iterative, so that no depth can hurt."""
    if not is_clean(document.data, document.limits):
        _find_faults(document)


def is_clean(data: Any, limits: Limits) -> bool:
    """Whether all values are within the limits; False if one may not be. Without places: nearly every document is."""
    level, nodes, longest = [data], 0, limits.text
    for _ in range(limits.depth + 1):
        nodes += len(level)
        if nodes > limits.nodes:
            return False
        below: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is str:
                if not value.isprintable() and _CONTROL.search(value):
                    return False
                if len(value) > longest and _is_too_long(value, limits):
                    return False
            elif kind is dict:
                below += value.values()
            elif kind is list:
                below += value
            elif kind is tuple or (value is not None and number_excess(value, limits.digits)):
                return False
        if not below:
            return True
        level = below
    return False


def _find_faults(document: Document) -> None:
    """Notes each value that is over a limit."""
    limits, nodes = document.limits, 0
    stack: list[tuple[Any, str, int]] = [(document.data, "", 0)]
    while stack:
        value, pointer, depth = stack.pop()
        nodes += 1
        if nodes > limits.nodes:
            document.add("too-large", f"has more than {limits.nodes} values; {RAISE}")
            document.data = None
            return
        if isinstance(value, str):
            _audit_text(document, value, pointer)
        elif isinstance(value, dict | list) and depth >= limits.depth:
            document.add("too-deep", f"is nested more than {limits.depth} levels deep; {RAISE}", pointer)
            document.data = None
            return
        elif isinstance(value, dict):
            stack.extend((item, f"{pointer}/{escape_pointer(key)}", depth + 1) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend((item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value))
        elif isinstance(value, tuple):
            document.add("wrong-type", "expected a list, found a Python tuple", pointer)
            document.data = None
            return
        elif value is not None and (excess := number_excess(value, limits.digits)):
            document.add("number-limit", f"number {shown(value, 20)} {excess}; check the digits", pointer)


def _audit_text(document: Document, text: str, pointer: str) -> None:
    bad = _CONTROL.search(text)
    if bad:
        document.add("character", f"character U+{ord(bad.group()):04X} is not allowed in FHIR text; remove it", pointer)
    if _is_too_long(text, document.limits):
        most = document.limits.text
        document.add("too-large", f"text of {len(text)} characters; at most {most} are allowed; {RAISE}", pointer)


def _is_too_long(text: str, limits: Limits) -> bool:
    """Whether a text is over the limit; attachments in base64 may be as long as a file."""
    return len(text) > limits.text and _BASE64.fullmatch(text) is None
