"""fhirconv's own mappings, of which a run reads no more than it needs.

That is safe because they were checked: their digest stands in fhirconv/data/mappings.sha256, which tools/mappings_digest.py
writes when the whole set has no mistake. Files with another digest, and those of a site, are checked whenever they are read.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import tomli

from fhirconv.data_files import data_dir, data_file

V = TypeVar("V")

_CODE = re.compile(rb'code = "([^"]+)"')


class Lazy(Mapping[str, V]):
    """Values by name, each made when it is first asked for."""

    def __init__(self, names: Iterable[str], make: Callable[[str], V]) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._made: dict[str, V] = {}

    def __getitem__(self, name: str) -> V:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@functools.cache
def own_texts() -> dict[str, bytes]:
    """The files of mappings/ by path, unread. Raises OSError."""
    folder = data_dir("mappings")
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".toml", ".json"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def digest() -> str:
    """The digest of fhirconv's own mappings and of the schema that they are checked against. Raises OSError."""
    found = hashlib.sha256()
    for name, text in own_texts().items():
        found.update(f"{name}\n{len(text)}\n".encode() + text)
    return found.hexdigest()


@functools.cache
def is_proven() -> bool:
    """Whether fhirconv's own mappings are those that were checked."""
    try:
        return digest() == data_file("mappings.sha256").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):  # the full way says what is wrong
        return False


def read_own() -> tuple[Mapping[str, Any], dict[str, str]]:
    """fhirconv's own mappings by name, each file parsed when it is asked for; and where each stands."""
    files = {name.removesuffix(".toml"): text for name, text in own_texts().items() if name.endswith(".toml")}
    folder = data_dir("mappings")
    origin = {name: str(folder / f"{name}.toml") for name in files}
    return Lazy(files, lambda name: tomli.loads(files[name].decode())), origin


def tables_with_code(code: str) -> Iterable[str]:
    """The names of fhirconv's own proven concept tables in which a code stands; they are not parsed to find that out."""
    return _tables_by_code().get(code, ())


@functools.cache
def _tables_by_code() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in own_texts().items():
        if name.startswith("concepts/"):
            for code in set(_CODE.findall(text)):
                found.setdefault(code.decode(), []).append(name.removeprefix("concepts/").removesuffix(".toml"))
    return found
