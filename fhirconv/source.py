"""Files, bytes and Python values into documents: one way in for each, nothing raised."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fhirconv.compression import WORDS, PackedError, kind_of, open_input, plain_suffix
from fhirconv.document import LIMITS, Document, Limits, audit, unreadable
from fhirconv.issues import printable
from fhirconv.json_source import read_json


def read_file(path: Path, limits: Limits = LIMITS, name: str = "") -> Document:
    """Reads a case file, called `name` if it is given. Nothing is raised: what is wrong stands in the document's issues."""
    name = name or str(path)
    try:
        if path.is_dir():
            return unreadable(name, "file-unreadable", "is a directory; name a file in it")
        with open_input(path, limits) as stream:
            data = stream.read(limits.bytes + 1)
    except OSError as error:
        return unread(name, error)
    except ValueError:  # a NUL, or half of a surrogate pair
        return unreadable(printable(name), "file-unreadable", "is no name of a file")
    return read_bytes(data, name, limits)


def unread(name: str, error: OSError) -> Document:
    """The document of a file that cannot be opened or read to its end."""
    if isinstance(error, PackedError):
        return unreadable(name, error.rule, str(error))
    return unreadable(name, "file-unreadable", f"cannot be read: {error.strerror}")


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file (UTF-8), or '' and what is wrong with it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMITS.bytes + 1)
    except OSError as error:
        return "", f"cannot be read: {error.strerror}"
    if len(data) > LIMITS.bytes:
        return "", f"is larger than {LIMITS.bytes} bytes"
    text = decoded(data)
    return ("", encoding_problem(data)[0]) if text is None else (_plain(text), "")


def read_bytes(data: bytes, name: str, limits: Limits = LIMITS) -> Document:
    """Reads the bytes of a case file; a name ending in .json must hold JSON, .yaml or .yml YAML."""
    if len(data) > limits.bytes:
        return unreadable(name, "too-large", f"is larger than {limits.bytes} bytes; split it, or raise the limit 'bytes'")
    text = decoded(data)
    if text is None:
        problem, line = encoding_problem(data)
        return unreadable(name, "encoding", problem, line, line and 1)
    text = _plain(text)
    if not text or text.isspace():
        return unreadable(name, "empty-input", "is empty; expected a case or a FHIR resource")
    suffix = plain_suffix(name)
    is_json = suffix == ".json" or (suffix not in (".yaml", ".yml") and text.lstrip()[0] in "{[")
    if is_json:
        return read_json(text, name, limits)
    from fhirconv.yaml_source import read_yaml  # with PyYAML, of which JSON has no need

    return read_yaml(text, name, limits)


def read_value(value: Any, name: str = "", limits: Limits = LIMITS) -> Document:
    """A case given as Python values; checked like a file, without lines."""
    document = Document(name, data=value, limits=limits)
    audit(document)
    return document


def read_given(case: Mapping[str, Any], name: str = "", limits: Limits = LIMITS) -> Document:
    """A case given as a dict, as it is now: whoever gave it may fill it anew for the next one."""
    try:
        return read_value(_copied(dict(case)), name, limits)
    except RecursionError:  # told as too deep
        return read_value(dict(case), name, limits)


def _copied(value: Any) -> Any:
    """Objects and lists anew; all else in them is shared."""
    kind = type(value)
    if kind is dict:
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if kind is list else value


def decoded(data: bytes) -> str | None:
    """The bytes as UTF-8 text; None if they are none, of which `encoding_problem` says why."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    # Whatever is compressed or UTF-16, and UTF-8 nevertheless, has a control character among the first four.
    return text if text[:4].isprintable() or not encoding_problem(data)[0] else None


def _plain(text: str) -> str:
    """The text without the mark of UTF-8, every line ended in one way."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def encoding_problem(data: bytes) -> tuple[str, int]:
    """Why the bytes are not UTF-8 text, and the line (0 for the whole); '' if they are."""
    if kind := kind_of(data):
        return f"is compressed ({WORDS[kind]}), not text; name it .{kind}, or unpack it first", 0
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:4]:
        return "is UTF-16 or UTF-32 or binary; save it as UTF-8", 0
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; save it as UTF-8", line
    return "", 0
