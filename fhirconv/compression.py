"""Compressed files, read and written: gzip (RFC 1952) and zstd (RFC 8878), told by their content.

A name that says what a file is has to be right: .gz, .zst, and those of text (.ndjson, .json, ...) are never read as
something else. A name that says nothing, and a pipe, may hold plain text or either of the two.
"""

from __future__ import annotations

import errno
import functools
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from fhirconv.document import LIMITS, RAISE, Limits
from fhirconv.issues import FhirconvError

Kind = Literal["", "gz", "zst"]

LINES = (".ndjson", ".jsonl")  # names of files with a record in each line
WHOLE = (".json", ".yaml", ".yml")  # names of files that are one record
WORDS = {"": "neither gzip nor zstd", "gz": "gzip", "zst": "zstd"}
_MAGIC = 4  # bytes that tell the two formats
_BUFFER = 1 << 16
_WINDOW_LOG = 27  # 128 MB of memory: what zstd itself takes without --long=28 and above (RFC 8878, 3.1.1.1.2)


class PackedError(FhirconvError, OSError):
    """Compressed data that cannot be read: damaged, not what its name says, or a bomb. `strerror` says it to people."""

    def __init__(self, message: str, rule: str = "damaged") -> None:
        super().__init__(errno.EIO, message)
        self.rule = rule

    def __str__(self) -> str:
        return str(self.strerror)


class Input(io.BufferedReader):
    """What is in a file, unpacked. `packed` is how many bytes of the file were read so far."""

    def __init__(self, content: io.RawIOBase, source: _Source) -> None:
        super().__init__(content, _BUFFER)
        self._source = source

    @property
    def packed(self) -> int:
        return self._source.count


def open_input(path: Path, limits: Limits = LIMITS) -> Input:
    """A file for reading, unpacked if it is compressed. Raises OSError now and while it is read, PackedError among them."""
    stream = path.open("rb", buffering=0)
    try:
        return _opened(_Source(stream, stream.close), str(path), limits)
    except BaseException:
        stream.close()
        raise


def opened(stream: BinaryIO | io.RawIOBase, name: str, limits: Limits = LIMITS) -> Input:
    """The same for a stream that is open, such as a pipe, and stays so; what was opened so already is given back."""
    return stream if isinstance(stream, Input) else _opened(_Source(stream), name, limits)


def _opened(source: _Source, name: str, limits: Limits) -> Input:
    claimed, found = kind_of_name(name), kind_of(source.head)
    if claimed and source.head and claimed != found:
        what = f"is named .{claimed} and is {WORDS[found]}"
        raise PackedError(f"{what}: give it the name that it should have, or pack it again", "encoding")
    if not found or (not claimed and plain_suffix(name) in LINES + WHOLE):
        return Input(source, source)
    return Input(_Unpacked(source, found, limits), source)


def kind_of(data: bytes) -> Kind:
    """How data that begin so are compressed."""
    if data.startswith(b"\x1f\x8b"):
        return "gz"
    magic = data[:_MAGIC]  # of a frame, of a frame to skip
    return "zst" if magic == b"\x28\xb5\x2f\xfd" or (magic[1:] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50) else ""


def kind_of_name(name: str) -> Kind:
    """How a file of this name is compressed."""
    kind = Path(name).suffix.lower()[1:]
    return cast(Kind, kind) if kind in ("gz", "zst") else ""


def plain_name(name: str) -> str:
    """The name of a file, without its folder and the ending of a compression: 'x.NDJSON' of 'y/x.NDJSON.gz'."""
    path = Path(name)
    return path.stem if kind_of_name(name) else path.name


@functools.lru_cache(maxsize=16)  # asked for each record of a file
def plain_suffix(name: str) -> str:
    """The ending of a name, in small letters, without that of a compression: '.ndjson' of 'x.NDJSON.gz'."""
    return Path(plain_name(name)).suffix.lower()


def compressed(data: bytes, kind: str) -> bytes:
    """The data as one gzip member or one zstd frame with a checksum: the same bytes each time, and several may follow
    each other in a file. Unchanged for kind ''."""
    if kind == "gz":
        import gzip

        return gzip.compress(data, 6, mtime=0)
    if kind == "zst":
        zstd = _zstd()
        return cast(bytes, zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}))
    return data


def _zstd() -> Any:
    """The module of Python 3.14, or the same for those before. (The package zstandard reads half a file as a whole one.)"""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


class _Source(io.RawIOBase):
    """The bytes of a file or pipe as they come, counted; the first ones are looked at before they are given."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, end: Callable[[], None] = lambda: None) -> None:
        """`end` is called when this is closed."""
        self._end = end
        self._fill = _filled_by(stream)
        self.count = 0
        self.head = b""
        piece = bytearray(_MAGIC)
        while len(self.head) < _MAGIC and (size := self._fill(memoryview(piece)[len(self.head) :])):
            self.head += piece[len(self.head) : len(self.head) + size]
        self._ahead = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._ahead:
            size = min(len(buffer), len(self._ahead))
            buffer[:size], self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            size = self._fill(buffer) or 0
        self.count += size
        return size

    def close(self) -> None:
        if not self.closed:
            self._end()
        super().close()


def _filled_by(stream: BinaryIO | io.RawIOBase) -> Callable[[Any], int | None]:
    """Fills a buffer with what is there, and waits only when nothing is: a line of a slow pipe is given when it has come.

    Not by readinto1, which waits for more than is there where the buffer given to it is larger than its own (CPython 3.11).
    """
    read1: Callable[[int], bytes] | None = getattr(stream, "read1", None)
    if read1 is None:
        return stream.readinto  # type: ignore[union-attr]

    def fill(buffer: Any) -> int:
        data = read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    return fill


class _Unpacked(io.RawIOBase):
    """What compressed data holds. Raises PackedError where it is damaged, and where it is too much to be honest."""

    def __init__(self, source: _Source, kind: Kind, limits: Limits) -> None:
        self._source, self._kind, self._limits = source, kind, limits
        self._count = 0
        self._broken: tuple[type[Exception], ...]
        if kind == "gz":
            import gzip
            import zlib

            self._broken = (zlib.error, gzip.BadGzipFile)
            self._reader: Any = gzip.GzipFile(fileobj=source)
        else:
            zstd = _zstd()
            self._broken = (zstd.ZstdError,)
            options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
            self._reader = zstd.ZstdFile(source, options=options)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            size: int = self._reader.readinto1(buffer)  # readinto would lose what stands before the damage
        except EOFError:
            raise PackedError(
                f"ends in the middle of its {WORDS[self._kind]} data: fetch it, or pack it, again"
            ) from None
        except self._broken as error:
            raise PackedError(self._problem(str(error))) from None
        self._count += size
        most = self._limits.ratio
        if self._count > most * self._source.count + self._limits.bytes:  # what one record may have is free
            many = f"unpacks to more than {most} times its size, as only a bomb or the same line again and again does"
            raise PackedError(f"{many}; {RAISE} ('ratio')", "too-large")
        return size

    def _problem(self, error: str) -> str:
        """What is wrong, in our words."""
        words = WORDS[self._kind]
        if "Not a gzipped file" in error or "Unknown frame descriptor" in error:
            return f"has something else after the end of its {words} data: fetch it, or pack it, again"
        if "too much memory" in error:
            return (
                f"asks for more than {1 << _WINDOW_LOG >> 20} MB of memory to unpack it: pack it again without --long"
            )
        return f"holds {words} data that is damaged, and what was read of it may be wrong: fetch it, or pack it, again"

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
            self._source.close()
        super().close()
