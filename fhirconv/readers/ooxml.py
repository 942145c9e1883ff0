"""The parts of a workbook (XLSX) besides its rows: which sheets there are, shared texts, formats of cells.

Spec: ECMA-376 part 1, 18.2 (workbook), 18.4.8 (shared strings), 18.8 (styles); part 2 for the package. Read by Python's
zipfile and expat, not by a library: none that reads a sheet of a million rows in flat memory tells the format of a number
and a formula without a result (python-calamine), or hidden rows and merged cells (openpyxl), and openpyxl takes twice the
time. The tests hold what comes out against openpyxl.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple
from xml.parsers import expat

from fhirconv.document import RAISE, Limits
from fhirconv.readers.cell_formats import built_in
from fhirconv.readers.layout import failed

_BLOCK = 1 << 16
_PARTS = 16  # times the limit of bytes: shared texts and other parts that are held in memory
_DAMAGE = (  # of the package, of its XML, and of what its parts say of each other
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError),
    *(KeyError, IndexError, ValueError, StopIteration),
)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # ECMA-376 part 1, 22.9.2.19


class Sheet(NamedTuple):
    """A sheet of a workbook. `part` is its file in the package."""

    name: str
    part: str
    is_hidden: bool


class Book(NamedTuple):
    """What the rows of a sheet need of their workbook."""

    sheets: list[Sheet]
    strings: list[str]
    formats: list[str]  # codes of number formats by the style of a cell
    is_1904: bool


@contextmanager
def package(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """A package, open. Raises TableError for what is none, is damaged, or is a bomb."""
    name = str(path)
    with path.open("rb") as stream:
        head = stream.read(8)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            message = "is an old Excel file (.xls), or a workbook with a password; save it as XLSX without one"
            raise failed("not-a-table", message, name)
        if not head.startswith(b"PK"):
            raise failed("not-a-table", "is no workbook (XLSX); name it .csv if it is text", name)
        try:
            with zipfile.ZipFile(stream) as archive:
                size = sum(item.file_size for item in archive.infolist())
                if size > limits.ratio * path.stat().st_size + limits.bytes:
                    most = f"unpacks to more than {limits.ratio} times its size, as only a bomb does"
                    raise failed("too-large", f"{most}; {RAISE} ('ratio')", name)
                yield archive
        except _DAMAGE:
            raise failed("damaged", "is a workbook that is damaged; open it, and save it again", name) from None


class Walker:
    """XML as it comes. Raises TableError for a document type, which no workbook has and bombs need, and for endless parts."""

    def __init__(self, name: str, most: int) -> None:
        """`most`: bytes without anything that sets `since` to 0."""
        self._name, self._most, self.since = name, most, 0
        self.text: list[str] = []
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler = self.text.append
        parser.StartDoctypeDeclHandler = self._refuse

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def read(self, stream: IO[bytes]) -> Iterator[None]:
        """Reads to the end, and stops after each block."""
        block = b"."
        while block:
            block = stream.read(_BLOCK)
            self.since += len(block)
            if self.since > self._most:
                raise failed("too-large", f"has a part of more than {self._most} bytes; {RAISE} ('bytes')", self._name)
            self._parser.Parse(block, not block)
            yield

    def _refuse(self, *_: object) -> None:
        raise failed("not-a-table", "has a document type in its XML, as no workbook has; save it anew", self._name)


class _Strings(Walker):
    """Shared texts; of rich text the words, not how they are read aloud."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(name, most)
        self.found: list[str] = []
        self._parts: list[str] = []
        self._is_aloud = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.text.clear()
        if name.endswith("rPh"):
            self._is_aloud = True

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "t" and not self._is_aloud:
            self._parts += self.text
        elif tag == "rPh":
            self._is_aloud = False
        elif tag == "si":
            self.found.append(unescaped("".join(self._parts)))
            self._parts.clear()


class _Elements(Walker):
    """The elements of a small part by their tags: their attributes, in order."""

    def __init__(self, name: str, most: int) -> None:
        super().__init__(name, most)
        self.found: list[tuple[str, dict[str, str]]] = []
        self._inside = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag in ("cellXfs", "cellStyleXfs"):
            self._inside = tag
        self.found.append((f"{self._inside}/xf" if tag == "xf" else tag, attributes))


def unescaped(text: str) -> str:
    """Text with what stands for characters that XML has not: _x000D_ for a carriage return."""
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text) if "_x" in text else text


def read_book(archive: zipfile.ZipFile, name: str, limits: Limits) -> Book:
    """The workbook of a package. Raises TableError, and KeyError for a part that is not there."""

    def elements(part: str) -> list[tuple[str, dict[str, str]]]:
        walker = _Elements(name, limits.bytes)
        with archive.open(part) as stream:
            for _ in walker.read(stream):
                pass
        return walker.found

    main = next(iter(_targets(elements("_rels/.rels"), "", "/officeDocument").values()))
    folder, _, file = main.rpartition("/")
    relations = elements(f"{folder}/_rels/{file}.rels".lstrip("/"))
    workbook = elements(main)
    parts = _targets(relations, folder, "/worksheet")
    sheets = []
    for tag, attributes in workbook:
        part = parts.get(next((value for key, value in attributes.items() if key.endswith(":id")), ""))
        if tag == "sheet" and part:
            sheets.append(Sheet(attributes["name"], part, attributes.get("state", "visible") != "visible"))
    strings = _Strings(name, _PARTS * limits.bytes)
    for part in _targets(relations, folder, "/sharedStrings").values():
        with archive.open(part) as stream:
            for _ in strings.read(stream):
                pass
    styles = [_formats(elements(part)) for part in _targets(relations, folder, "/styles").values()]
    is_1904 = any(tag == "workbookPr" and attributes.get("date1904") in ("1", "true") for tag, attributes in workbook)
    return Book(sheets, strings.found, styles[0] if styles else [], is_1904)


def _targets(relations: list[tuple[str, dict[str, str]]], folder: str, kind: str) -> dict[str, str]:
    """The parts that are related so, by the id of the relation."""
    found = {}
    for tag, attributes in relations:
        if tag == "Relationship" and attributes.get("Type", "").endswith(kind):
            found[attributes["Id"]] = posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/")
    return found


def _formats(styles: list[tuple[str, dict[str, str]]]) -> list[str]:
    codes = {item["numFmtId"]: item["formatCode"] for tag, item in styles if tag == "numFmt" and "numFmtId" in item}
    numbers = [item.get("numFmtId", "0") for tag, item in styles if tag == "cellXfs/xf"]
    return [codes.get(number) or built_in(int(number)) for number in numbers]
