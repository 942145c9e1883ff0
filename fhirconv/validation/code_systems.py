"""The code systems of HL7 that are at hand: codes, displays, and which URIs HL7 has given out.

Source: fhirconv/data/code-systems.tsv (tools/code_systems.py says what a line is). A system is found in the file by its
URI and read alone.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from fhirconv.data_files import data_dir
from fhirconv.issues import closest
from fhirconv.memory import remembered


class CodeSystem(NamedTuple):
    """One system: codes with their displays, the preferred first; without case, codes stand in lower case."""

    uri: str
    version: str
    case_counts: bool
    displays: dict[str, tuple[str, ...]]

    def find(self, code: str) -> tuple[str, ...] | None:
        """The displays of a code (none for a code without), or None if there is no such code."""
        return self.displays.get(code if self.case_counts else code.lower())

    def near(self, code: str) -> str:
        """The code that was probably meant; empty if none is near."""
        by_lower = {known.lower(): known for known in self.displays}
        by_display = {display.lower(): known for known, displays in self.displays.items() for display in displays}
        word = code.lower()
        near = closest(word, by_lower, 0.7) if word not in by_display else ""
        return by_lower.get(word) or by_display.get(word) or by_lower.get(near, "")


@functools.cache
def _file() -> bytes:
    return b"\n" + (data_dir("data") / "code-systems.tsv").read_bytes()


@remembered(1024)
def _fields(uri: str) -> tuple[str, ...]:
    """What follows the URI on its line; empty if there is no such line."""
    start = _file().find(f"\n{uri}\t".encode(errors="replace")) if uri.isprintable() else -1
    if start < 0:
        return ()
    return tuple(_file()[start + 1 : _file().index(b"\n", start + 1)].decode().split("\t")[1:])


def is_known(uri: str) -> bool:
    """Whether HL7 has defined or registered a system with this URI."""
    return bool(_fields(uri))


def uri_of(oid: str) -> str:
    """The URI that is to be used instead of an OID (urn:oid:...); empty if there is none."""
    fields = _fields(oid)
    return fields[1] if fields and fields[0] == "=" else ""


@remembered(512)
def code_system(uri: str) -> CodeSystem | None:
    """The system with this URI, or None if its codes are not at hand."""
    flag, *entries = _fields(uri) or ("-",)
    if flag[0] not in "ci":
        return None
    case_counts = flag[0] == "c"
    displays = {}
    for code, names in zip(entries[::2], entries[1::2], strict=True):
        key = code if case_counts else code.lower()
        displays[key] = tuple(code if name == "=" else name for name in names.split("||") if name)
    return CodeSystem(uri, flag[1:], case_counts, displays)
