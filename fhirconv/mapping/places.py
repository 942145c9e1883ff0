"""Where in the files of a set of mappings a key stands: TOML that was parsed no longer knows."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli

from fhirconv.issues import Place

Keys = tuple[str, ...]

_TABLE = re.compile(r"\s*\[\[?(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w.\t -])+?)\s*=""")


class Found(NamedTuple):
    """Where a key stands: the folder of mappings, the file in it and the line (0: only the file is known)."""

    folder: Path
    file: str
    line: int

    @property
    def place(self) -> Place:
        """For a message."""
        return Place(str(self.folder / self.file), self.line, 1 if self.line else 0)


class Places:
    """Looks keys up in the files of folders, of which the later are laid over the earlier."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._lines = functools.cache(_lines_of)

    def find(self, name: str, *keys: str) -> Found | None:
        """Where the file `name` of the set ('concepts/labs') states a key, or else what it is in: in the last folder that does."""
        for length in range(len(keys), 0, -1):
            for found in reversed(self.files(name)):
                line = self._lines(found.folder / found.file).get(keys[:length])
                if line:
                    return found._replace(line=line)
        return None

    def files(self, name: str) -> list[Found]:
        """The files of a name, in the order in which they are laid over each other."""
        found = [Found(folder, f"{name}.toml", 0) for folder in self._folders]
        return [one for one in found if (one.folder / one.file).is_file()]

    def remarks(self, name: str) -> str:
        """What stands as a comment on top of the file in the first folder that has it: what the file is for."""
        first = self.files(name)[0]
        lines = []
        for line in (first.folder / first.file).read_text("utf-8").splitlines():
            if not line.startswith("#"):
                break
            lines.append(line.removeprefix("#").removeprefix(" "))
        return "\n".join(lines)


def _lines_of(path: Path) -> Mapping[Keys, int]:
    """The lines (from 1) of the keys of a file; of a table also where the first key in it stands."""
    text = path.read_text("utf-8")
    data = tomli.loads(text)
    found: dict[Keys, int] = {}
    for number, keys in _stated(text, data):
        for length in range(1, len(keys) + 1):
            found.setdefault(keys[:length], number)
    return found


def _stated(text: str, data: Mapping[str, Any]) -> Iterator[tuple[int, Keys]]:
    """The keys that lines state. What only looks like one, within a list say, is no key of the data."""
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if (match := _TABLE.fullmatch(line)) and _is_in(data, keys := _read(match[1])):
            table = keys
        elif (match := _KEY.match(line)) and _is_in(data, keys := (*table, *_read(match[1]))):
            pass
        else:
            continue
        yield number, keys


def _read(dotted: str) -> Keys:
    """The keys of a dotted key as TOML has it; none if it is not one."""
    try:
        value: Any = tomli.loads(f"{dotted} = 0")
    except tomli.TOMLDecodeError:
        return ()
    keys: list[str] = []
    while isinstance(value, dict):
        ((key, value),) = value.items()
        keys.append(key)
    return tuple(keys)


def _is_in(data: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return bool(keys)
