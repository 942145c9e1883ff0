"""Outputs of lines: one run at a time writes one, and what it writes is there as a whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fhirconv.many.batches import BatchJob
from fhirconv.many.chunks import chunks_of
from fhirconv.many.converter import Settings
from fhirconv.many.files import LinesFile, LinesFolder, Output, OutputError, output_for, partial
from fhirconv.many.run import Run
from fhirconv.records import Record

from .lines import WAIT_S, cases, convert

A, B = b'{"a":1}\n', b'{"b":1}\n'


def begun(path: Path, is_folder: bool, line: bytes = A) -> Output:
    made = output_for(path, is_folder)
    made.write({"Patient": line})
    return made


def finish(output: Output) -> None:
    output.settle()
    output.finish()


def written(path: Path) -> bytes:
    return (path / "Patient.ndjson" if path.is_dir() else path).read_bytes()


kinds = pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])


@kinds
def test_one_run_at_a_time(tmp_path: Path, is_folder: bool) -> None:
    """Until it has its name; then another may begin, which disturbs nothing of it."""
    path = tmp_path / "out"
    first = begun(path, is_folder)
    for step in (first.settle, lambda: None):
        with pytest.raises(OutputError, match="is being written by another run"):
            output_for(path, is_folder)
        step()
    first.finish()
    second = begun(path, is_folder, B)
    assert written(path) == A
    second.leave()
    assert written(path) == A
    finish(begun(path, is_folder, B))
    assert written(path) == B
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@kinds
def test_no_other_run_begins_while_names_are_given(
    tmp_path: Path, is_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in the moment of the rename."""
    path = tmp_path / "out"
    first = begun(path, is_folder)
    first.settle()
    real, told = os.replace, []

    def replace(one: Path, other: Path) -> None:
        if one == partial(path):
            with pytest.raises(OutputError) as error:
                output_for(path, is_folder)
            told.append(str(error.value))
        real(one, other)

    monkeypatch.setattr(os, "replace", replace)
    first.finish()
    assert len(told) == 1
    assert written(path) == A


@kinds
def test_a_lock_on_what_was_renamed_meanwhile_is_none(
    tmp_path: Path, is_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run opens the partial output of the first, which then gives it its name and lets go."""
    import fcntl

    path = tmp_path / "out"
    first = begun(path, is_folder)
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        finish(first)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    second = output_for(path, is_folder)
    assert written(path) == A
    with pytest.raises(OutputError, match="another run"):
        output_for(path, is_folder)
    second.write({"Patient": B})
    assert written(path) == A
    finish(second)
    assert written(path) == B


def test_a_folder_is_there_at_every_moment_or_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends between the two renames: the next one puts the old folder back before it begins."""
    path = tmp_path / "out"
    finish(begun(path, True))
    second = begun(path, True, B)
    second.settle()
    real = os.replace

    def replace(one: Path, other: Path) -> None:
        if other == path:
            raise KeyboardInterrupt
        real(one, other)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        second.finish()
    second.leave()
    monkeypatch.undo()
    third = begun(path, True, B)
    assert written(path) == A
    finish(third)
    assert written(path) == B
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@kinds
def test_a_link_stays_one(tmp_path: Path, is_folder: bool) -> None:
    finish(begun(tmp_path / "there", is_folder, B))
    (tmp_path / "out").symlink_to(tmp_path / "there")
    finish(begun(tmp_path / "out", is_folder))
    assert (tmp_path / "out").is_symlink()
    assert written(tmp_path / "there") == A


def test_a_folder_with_lines_that_are_no_resources_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Cases.ndjson").write_bytes(A)
    with pytest.raises(OutputError, match=r"Cases\.ndjson"):
        LinesFolder(tmp_path / "out")
    assert (tmp_path / "out" / "Cases.ndjson").read_bytes() == A
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_what_comes_into_a_folder_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    finish(begun(path, True))
    second = begun(path, True, B)
    (path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        finish(second)
    second.leave()
    assert (path / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert written(path) == A


def test_a_protected_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(A)
    path.chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        LinesFile(path)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@kinds
def test_who_may_read_it_stays_as_it_was(tmp_path: Path, is_folder: bool) -> None:
    """Also while it is written."""
    path = tmp_path / "out"
    finish(begun(path, is_folder))
    path.chmod(0o700 if is_folder else 0o600)
    second = begun(path, is_folder, B)
    assert partial(path).stat().st_mode & 0o077 == 0
    finish(second)
    assert path.stat().st_mode & 0o077 == 0


def test_a_signal_while_names_are_given(tmp_path: Path) -> None:
    """It ends the run, and what is there is not called incomplete."""
    (tmp_path / "cases.ndjson").write_bytes(cases(3))
    program = (
        "import os, signal, sys; from fhirconv.cli import main; real = os.replace\n"
        "def replace(one, other):\n"
        "    if str(other) == 'out':\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "    real(one, other)\n"
        "os.replace = replace; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, "convert", "cases.ndjson", "-o", "out", "-q", "--rejects", "bad"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 130
    assert done.stderr == "stopped by SIGINT\neverything had been written by then: the output is complete\n"
    assert {one.name for one in tmp_path.iterdir()} == {"cases.ndjson", "out", "bad"}


def test_nothing_is_left_of_a_run_that_wrote_nothing(tmp_path: Path) -> None:
    LinesFile(tmp_path / "out").leave()
    LinesFolder(tmp_path / "bulk").leave()
    assert not list(tmp_path.iterdir())
    finish(LinesFolder(tmp_path / "bulk"))
    assert not list((tmp_path / "bulk").iterdir())


def test_no_output_without_the_other(tmp_path: Path) -> None:
    """Rejects that cannot be written are told before anything is."""
    (tmp_path / "cases.ndjson").write_bytes(cases(1))
    for more in ([], ["--shape", "resources"]):
        code, _, said = convert("cases.ndjson", "-o", "out", "--rejects", "cases.ndjson/bad", *more, cwd=tmp_path)
        assert code == 1
        assert "cases.ndjson/bad cannot be written" in said
        assert [one.name for one in tmp_path.iterdir()] == ["cases.ndjson"]


def test_a_disk_that_is_full_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No output gets its name, not even the one of rejects, which comes first."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        if os.fstat(descriptor).st_size:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    run = Run(BatchJob(Settings()), LinesFile(tmp_path / "out"), LinesFile(tmp_path / "bad"))
    with pytest.raises(OutputError, match=r"out\.partial cannot be written: No space left"):
        run.run(chunks_of([Record("x.ndjson", 0, cases(1))]))
    assert {one.name for one in tmp_path.iterdir()} == {"out.partial", "bad.partial"}
