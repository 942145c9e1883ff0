"""The bytes of a table into lines of text, a block at a time: encodings, and what can be no text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from fhirconv.document import RAISE, Limits
from fhirconv.readers.layout import TableError, failed

_BLOCK = 1 << 18
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MARK = "\ufeff"
_OTHERS = {  # what a file begins with that is named as a table of text, and is none
    b"PK\x03\x04": "a workbook (XLSX) or another ZIP archive; name it .xlsx, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls), or a workbook with a password; save it as CSV or XLSX without one",
    b"PAR1": "Parquet; name it .parquet",
    b"%PDF": "a PDF; export the table as CSV",
    b"<": "HTML or XML, as an error page or a web page is; export or fetch the table as CSV",
    b"{": "JSON, not a table",
}
_DECLARE = 'save it as UTF-8, or declare what it is, such as encoding = "windows-1252"'


class Text:
    """Lines with their ends, as io.StringIO cuts them: at \\n, \\r\\n or \\r. Raises TableError, and OSError, as it is read.

    `row_length` is how many characters were given since whoever reads set it to 0: a quote that never closes, and rows
    that never end, are not gathered for ever.
    """

    def __init__(self, stream: BinaryIO, name: str, encoding: str, limits: Limits) -> None:
        self._stream, self._name, self._limits = stream, name, limits
        self._encoding = encoding
        self.row_length = 0
        self.is_cut = False  # the last line has no end

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(io.StringIO(text, newline="") for text in self._texts())

    def _texts(self) -> Iterator[str]:
        """The text in pieces of whole lines."""
        block = self._stream.read(_BLOCK)
        decoder = self._decoder(block)
        fed, lines, held = 0, 0, ""
        while True:
            fed += len(block)
            self._check_length(lines)
            try:
                new = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                ahead = held + str(error.object[: error.start], self._encoding, "replace")
                raise self._undecoded(error, fed, lines + _count(ahead) + 1) from None
            except UnicodeError:  # of UTF-16 and UTF-32 without their mark
                what = f"is to be read as {self._encoding!r}, and does not begin as such; declare what it is, such as utf-16-le"
                raise failed("encoding", what, self._name) from None
            self.row_length += len(new)
            text = held + new
            end = _end_of_lines(text) if block else len(text)
            held, text = text[end:], text[:end]
            if text:
                self._check(text, lines)
                self.is_cut = not text.endswith(("\n", "\r"))
                lines += _count(text)
                yield text
            if not block:
                return
            block = self._stream.read(_BLOCK)

    def _decoder(self, head: bytes) -> codecs.IncrementalDecoder:
        """By the file's mark, else as declared, else UTF-8."""
        for magic, what in _OTHERS.items():
            if head.startswith(magic):
                raise failed("not-a-table", f"is {what}", self._name)
        marked = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), "")
        self._encoding = marked or self._encoding or "utf-8"
        try:
            return codecs.getincrementaldecoder(self._encoding)()
        except LookupError:
            raise failed(
                "encoding", f"is to be read as {self._encoding!r}, which is no known encoding", self._name
            ) from None

    def _undecoded(self, error: UnicodeDecodeError, fed: int, line: int) -> TableError:
        offset = fed - len(error.object) + error.start
        found = f"byte 0x{error.object[error.start]:02x} at offset {offset}"
        what = "UTF-8" if self._encoding.startswith("utf-8") else self._encoding
        return failed("encoding", f"is not {what}: {found}; {_DECLARE}", self._name, line, 1)

    def _check_length(self, lines: int) -> None:
        if self.row_length > self._limits.bytes:
            message = (
                f"has a row of more than {self._limits.bytes} characters: does its quote close? Else {RAISE} ('bytes')"
            )
            raise failed("too-large", message, self._name, lines + 1, 1)

    def _check(self, text: str, lines: int) -> None:
        """Finds what no row can be made of."""
        for sign, what in (("\0", _NUL), ("\n" + _MARK, _JOINED)):
            if sign in text:
                line = lines + _count(text[: text.index(sign) + len(sign) - 1]) + 1
                raise failed("character", what, self._name, line, 1)


_NUL = "holds a NUL character, as damaged files do, and UTF-16 without its mark; save it as UTF-8"
_JOINED = (
    "has a byte order mark in the middle, as files have that were joined; take out the mark, and the header after it"
)


def _end_of_lines(text: str) -> int:
    """Where the last whole line ends. A \\r at the end may be the first half of \\r\\n."""
    return text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1


def _count(text: str) -> int:
    """How many lines end in a text."""
    return text.count("\n") or text.count("\r")
