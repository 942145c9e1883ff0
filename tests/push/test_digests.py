"""Digests: the same for the same push, another for another."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

from fhirconv.pushing.digests import input_digest, mappings_digest, settings_digest


def files(folder: Path, **contents: bytes) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def test_inputs(tmp_path: Path) -> None:
    """P37: bytes and their order count, names and folders do not."""
    a, b = files(tmp_path / "one", a=b"12", b=b"3")
    digest = input_digest([a, b])
    assert len(bytes.fromhex(digest)) == 32
    assert input_digest(files(tmp_path / "two", x=b"12", y=b"3")) == digest
    others = [
        [b, a],
        [a],
        [],
        [a, b, b],
        files(tmp_path / "three", a=b"1", b=b"23"),
        files(tmp_path / "four", a=b"123"),
    ]
    assert len({digest, *map(input_digest, others)}) == 7


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    """P32: no file, a folder, a pipe: to complain is the reader's business, and a pipe keeps what is in it."""
    os.mkfifo(tmp_path / "pipe")
    (empty,) = files(tmp_path, empty=b"")
    missing = input_digest([tmp_path / "missing"])
    assert missing == input_digest([tmp_path]) == input_digest([tmp_path / "pipe"]) == input_digest([Path("-")])
    assert missing == input_digest([tmp_path / ("x" * 300)])
    assert missing not in (input_digest([empty]), input_digest([]))


def test_large_input(tmp_path: Path) -> None:
    """Memory does not grow with a file."""
    large = tmp_path / "large.ndjson"
    with large.open("wb") as stream:
        stream.truncate(20_000_000)
    tracemalloc.start()
    try:
        input_digest([large])
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_mappings(tmp_path: Path) -> None:
    """P37: names and bytes of the mappings count, where the folder stands does not; what is no mapping does not either."""
    site = tmp_path / "site"
    files(site / "concepts", **{"labs.toml": b"x = 1", "drugs.toml": b""})
    digest = mappings_digest(site)
    site.rename(tmp_path / "moved")
    site = tmp_path / "moved"
    files(site, **{".labs.toml.swp": b"of an editor", "README.md": b""})
    assert mappings_digest(site) == digest
    (site / "concepts" / "labs.toml").rename(site / "labs.toml")
    renamed = mappings_digest(site)
    (site / "labs.toml").write_bytes(b"x = 2")
    assert len({digest, renamed, mappings_digest(site), mappings_digest(None)}) == 4
    assert mappings_digest(None) == mappings_digest(tmp_path / "missing")


def test_settings() -> None:
    """P37: each name and value counts, the order in which they are given does not."""
    digest = settings_digest(identity="id", limit=1)
    assert settings_digest(limit=1, identity="id") == digest
    others = [{"identity": "id"}, {"identity": "id", "limit": "1"}, {"identity": "id", "limit": None}]
    others += [{"identity": "id", "limit": True}, {"identity": "id'), ('limit', 1"}, {"limit": "id", "identity": 1}]
    assert len({digest, *(settings_digest(**other) for other in others)}) == 7


def test_settings_of_another_process() -> None:
    """P34: the next process finds the same digest."""
    code = "from fhirconv.pushing.digests import settings_digest as d; print(d(identity='id', limit=None))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == settings_digest(identity="id", limit=None)
