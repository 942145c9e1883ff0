"""The journal of a push: what note() returned from is there, whatever happens next; and what is there was noted."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from fhirconv.pushing.journal import Entry, Journal, JournalError, describe
from tests.push.noting import BINDING, DIGEST

OTHERS = {
    "server": replace(BINDING, server="http://127.0.0.1:2/fhir"),
    "input": replace(BINDING, inputs="ff"),
    "settings": replace(BINDING, settings="ff"),
    "fhirconv": replace(BINDING, version="9.9.9"),
}
ADVICE = ("--journal", "--restart")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "case.ndjson.push-journal"


def refusal(path: Path, binding: object = BINDING, *, restart: bool = False) -> str:
    """Why a journal is not opened: one line that names the file and what to do."""
    with pytest.raises(JournalError) as caught:
        Journal(path, binding, restart=restart)  # type: ignore[arg-type]
    words = str(caught.value)
    assert words.startswith(f"{path}: ")
    assert "\n" not in words
    return words


def states(path: Path) -> dict[int, str]:
    """What a journal holds when it is opened once more."""
    with Journal(path, BINDING) as journal:
        found = ((number, journal.entry(number)) for number in range(journal.counts().total() + 50))
        return {number: entry.state for number, entry in found if entry}


def noted(path: Path, *notes: tuple[int, str]) -> Path:
    """A journal in which this was noted, closed."""
    with Journal(path, BINDING) as journal:
        for number, state in notes:
            journal.note(number, 0, state, DIGEST)
    return path


# -- processes -----------------------------------------------------------------------------------------------------------


@contextmanager
def noting(path: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that notes until it is stopped."""
    command = [sys.executable, "-m", "tests.push.noting", str(path), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> list[str]:
    """What it still has to say, up to its end; a line that its end cut off is none."""
    assert process.stdout is not None
    return [line.rstrip("\n") for line in process.stdout if line.endswith("\n")]


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def said_states(said: list[str]) -> dict[int, str]:
    """The last note of each number that a process told of."""
    return {int(number): state for number, _, state in (line.partition(" ") for line in said) if number.isdecimal()}


def assert_kept(found: dict[int, str], said: dict[int, str]) -> None:
    """All that was told is there; of what was not told, only the one note that was being made."""
    allowed = {"done": {"done"}, "in flight": {"unknown", "done"}}
    assert all(found.get(number) in allowed[state] for number, state in said.items())
    beyond = found.keys() - said.keys()
    assert beyond <= {len(said)}
    assert all(found[number] == "unknown" for number in beyond)


def test_killed_anywhere(path: Path) -> None:
    """P34: after SIGKILL at any moment all that was noted is there, and what was in flight is unknown."""
    chance, said = random.Random(34), dict[int, str]()
    for _ in range(12):
        with noting(path, len(said)) as process:
            start = [next_line(process) for _ in range(chance.randrange(1, 40))]
            time.sleep(chance.random() / 500)  # anywhere between two notes, and within one
            process.kill()
            said |= said_states(start + lines(process))
        found = states(path)
        assert_kept(found, said)
        said |= dict.fromkeys(found, "done")  # told or not, from here on they are there
        said = {number: "done" if found[number] == "done" else "in flight" for number in said}
    assert len(said) > 50


def test_killed_while_it_begins(path: Path) -> None:
    """P34: a kill while the journal is made leaves none, or a whole one; the same command runs again."""
    for moment in range(8):
        with noting(path, 0) as process:
            time.sleep(moment / 100)
            process.kill()
            lines(process)
        Journal(path, BINDING).close()
        path.unlink()


def test_second_process(path: Path) -> None:
    """P36: whoever comes second is told so at once; when the first is killed, its lock is gone."""
    with noting(path, 0) as process:
        assert next_line(process) == "open"
        start = time.monotonic()
        words = refusal(path)
        assert time.monotonic() - start < 5
        assert "another push" in words
        assert "--journal" in words
        assert "another push" in refusal(path, restart=True), "--restart takes nothing from a push that runs"
        assert "another push" in describe(path)
    with Journal(path, BINDING):
        assert "another push" in refusal(path), "also within a process"


def test_two_begin_at_once(path: Path) -> None:
    """P36: of processes that make the same journal at the same time, one has it."""
    with noting(path, 0) as one, noting(path, 0) as two, noting(path, 0) as three:
        said = [next_line(process) for process in (one, two, three)]
        assert said.count("open") == 1
        assert sum("another push" in words for words in said) == 2


def test_many_begin_at_once(path: Path) -> None:
    """P36: the one that made the file keeps it: nobody puts another in its place."""
    for _ in range(4):
        barrier = threading.Barrier(6, timeout=60)
        opened: list[Journal] = []

        def begin(barrier: threading.Barrier = barrier, opened: list[Journal] = opened) -> None:
            barrier.wait()
            with suppress(JournalError):
                opened.append(Journal(path, BINDING))

        run_all([begin] * 6)
        assert len(opened) == 1
        opened[0].note(0, 0, "done", DIGEST)
        opened[0].close()
        path.unlink()
    assert not list(path.parent.iterdir())


def test_disk_without_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P32: on a disk that knows no hard links (FAT, some shares) a journal is made, too."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    noted(path, (0, "done"))
    assert states(path) == {0: "done"}
    assert list(path.parent.iterdir()) == [path]


def run_all(tasks: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_disk_full(tmp_path: Path) -> None:
    """P31: on a full disk note() raises; all that it returned from is there when there is room again."""
    with small_disk(tmp_path) as (folder, limit, make_room):
        path = folder / "push-journal"
        with noting(path, 0, *limit) as process:
            said = lines(process)
        assert said[-1].startswith(f"refused: {path}: the disk ")
        assert "run the same command again" in said[-1]
        make_room()
        assert_kept(states(path), said_states(said))
        assert len(said_states(said)) > 10


@contextmanager
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, list[int], Callable[[], object]]]:
    """A folder on a disk of 100 kB and what makes it larger; where nothing may be mounted, a limit on the file's size."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "fhirconv-test", str(tmp_path)]
    if os.geteuid() or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        yield tmp_path, [100_000], lambda: None
        return
    try:
        grow = ["mount", "-o", "remount,size=10m", str(tmp_path)]
        yield tmp_path, [], lambda: subprocess.run(grow, check=True)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_file_size_limit(path: Path) -> None:
    """P31: the same with a quota: a limit on the size of a file."""
    with noting(path, 0, 50_000) as process:
        said = lines(process)
    assert said[-1].startswith(f"refused: {path}: the disk ")
    assert_kept(states(path), said_states(said))
    assert len(said_states(said)) > 10


def test_disk_full_from_the_start(path: Path) -> None:
    """P31: where there is no room for a journal, none is begun, and nothing is left behind."""
    with noting(path, 0, 4096) as process:
        said = lines(process)
    assert len(said) == 1
    assert said[0].startswith(f"refused: {path}: the disk ")
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize("is_there", [True, False], ids=["journal is there", "no journal"])
def test_read_only(is_there: bool) -> None:
    """P32: a journal that cannot be written is refused before anything is noted."""
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name, "push-journal")
        if is_there:
            noted(path, (0, "done")).chmod(0o444)
        folder.chmod(0o555)
        arguments = ["nobody"] if os.geteuid() == 0 else []  # root may write everywhere
        with noting(path, 0, *arguments) as process:
            said = lines(process)
        folder.chmod(0o755)
        assert len(said) == 1
        assert said[0].startswith(f"refused: {path}: the journal cannot be ")
        assert "--journal" in said[0]
        assert not is_there or states(path) == {0: "done"}


@pytest.mark.parametrize("lost", ["file", "folder", "moved", "replaced"])
def test_vanishes(tmp_path: Path, lost: str) -> None:
    """P32: a note in a file that is no longer where it was is no note."""
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "push-journal"
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "in flight", DIGEST)
        if lost == "folder":
            shutil.rmtree(folder)
        else:
            path.rename(folder / "elsewhere")
        if lost == "replaced":
            shutil.copy(folder / "elsewhere", path)
        with pytest.raises(JournalError, match="put it back"):
            journal.note(0, 0, "done", DIGEST)


def test_no_folder(tmp_path: Path) -> None:
    """P32: a place where no file can be."""
    assert "No such file" in refusal(tmp_path / "none" / "push-journal")
    assert "not a file" in refusal(tmp_path)
    assert "not a file" in refusal(Path("/dev/null"))
    assert "too long" in refusal(tmp_path / ("x" * 300))


# -- damage --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(path: Path) -> tuple[Path, dict[int, Entry]]:
    """A journal of some pages, and what is in it; one transaction is still in flight, so that the run is not over."""
    with Journal(path, BINDING) as journal:
        for number in range(150):
            journal.note(number, 0, "planned", random.Random(number).randbytes(32).hex())
        for number in range(0, 150, 10):
            journal.note(number, 0, "done", random.Random(number).randbytes(32).hex(), created=number, updated=1)
        journal.note(150, 1, "failed", DIGEST)
        kept = {number: entry for number in range(150) if (entry := journal.entry(number))}
    assert len(kept) == 150
    return path, kept


def is_detected(path: Path, kept: dict[int, Entry]) -> bool:
    """Whether a journal is refused; else it must say exactly what was noted."""
    try:
        journal = Journal(path, BINDING)
    except JournalError as error:
        return "--journal" in str(error)
    with journal:
        assert journal.resumed, "a silent fresh start"
        assert journal.counts() == {"planned": 135, "done": 15, "failed": 1}
        assert {number: journal.entry(number) for number in range(150)} == kept
    return False


def test_cut_anywhere(full: tuple[Path, dict[int, Entry]]) -> None:
    """P37: a journal that was cut off is refused, wherever; with its consent (--restart) the user begins anew."""
    path, kept = full
    data = path.read_bytes()
    for size in [*range(0, len(data), 509), 1, 99, 4096, len(data) - 1]:
        path.write_bytes(data[:size])
        assert is_detected(path, kept), size
    with Journal(path, BINDING, restart=True) as journal:
        assert not journal.resumed
        assert not journal.counts()


def test_flipped_bytes(full: tuple[Path, dict[int, Entry]]) -> None:
    """P37: a byte that changed is seen, or lies where nothing is noted."""
    path, kept = full
    data = path.read_bytes()
    for place in [*range(0, len(data), 61), *range(100)]:
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])
        is_detected(path, kept)


def test_flipped_in_a_row(full: tuple[Path, dict[int, Entry]]) -> None:
    """P37: each byte of a row counts: number, part, state, counts, digest and seal."""
    path, kept = full
    data = path.read_bytes()
    digest = bytes.fromhex(kept[140].digest)
    at = data.index(digest)
    for place in range(at - 16, at + len(digest) + 4):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        assert is_detected(path, kept), place - at


def test_flipped_in_the_tables_names(full: tuple[Path, dict[int, Entry]]) -> None:
    """P37: what SQLite says of damage may hold the damage: no text at all."""
    path, kept = full
    data = path.read_bytes()
    at = data.index(b"CREATE TABLE entry")
    for place in range(at - 30, at + 30):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :])
        assert is_detected(path, kept), place - at


def test_rows_lost(full: tuple[Path, dict[int, Entry]]) -> None:
    """P37: rows that a page no longer counts are missed."""
    path, kept = full
    data = path.read_bytes()
    page = data.index(bytes.fromhex(kept[140].digest)) // 4096 * 4096
    count = int.from_bytes(data[page + 3 : page + 5], "big")  # https://www.sqlite.org/fileformat2.html#b_tree_pages
    assert data[page] == 0x0A
    path.write_bytes(data[: page + 3] + (count - 3).to_bytes(2, "big") + data[page + 5 :])
    assert is_detected(path, kept)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE run SET is_over = 1",
        "UPDATE run SET version = x'00'",
        "UPDATE entry SET state = 2 WHERE number = 1",
        "UPDATE entry SET created = 1.0 WHERE number = 1",
        "UPDATE entry SET digest = 'words' WHERE number = 1",
        "UPDATE entry SET number = 999 WHERE number = 1",
        "DELETE FROM run",
        "INSERT INTO run SELECT * FROM run",
        "CREATE TRIGGER later AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "PRAGMA journal_mode = WAL",
    ],
)
def test_changed_by_others(full: tuple[Path, dict[int, Entry]], statement: str) -> None:
    """P37: what another program made of the journal is not what was noted."""
    path, kept = full
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()
    assert is_detected(path, kept)


def test_row_of_another_run(full: tuple[Path, dict[int, Entry]], tmp_path: Path) -> None:
    """P37: a row that another run noted does not pass for one of this run."""
    path, kept = full
    other = tmp_path / "other"
    with Journal(other, OTHERS["server"]) as journal:
        journal.note(3, 0, "done", kept[3].digest)
    with closing(sqlite3.connect(path)) as database:
        database.execute("ATTACH ? AS other", (str(other),))
        database.execute("REPLACE INTO main.entry SELECT * FROM other.entry")
        database.commit()
    assert is_detected(path, kept)


def test_not_ours(path: Path) -> None:
    """P37: a file that is something else is refused and never replaced, not even by --restart."""
    strangers = [b"resourceType: Bundle\n", b'{"id": 1}\n' * 2000, b"\0" * 8192]
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE entry (number, part, state)")
    strangers.append(path.read_bytes())
    strangers.append(path.read_bytes()[:5000])  # and that one cut
    for data in strangers:
        path.write_bytes(data)
        assert "--journal" in refusal(path)
        assert "--journal" in refusal(path, restart=True)
        assert path.read_bytes() == data
        assert describe(path).startswith(f"{path}: is ")


def test_empty_file(path: Path) -> None:
    """P37: a file of no length was something once."""
    path.touch()
    assert "is empty" in refusal(path)
    with Journal(path, BINDING, restart=True) as journal:
        assert not journal.resumed


def test_other_layout(path: Path) -> None:
    """P37: a journal of another version of fhirconv is left to that version."""
    noted(path, (0, "done"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=2")
    words = refusal(path)
    assert "layout 2, expected 1" in words
    assert all(advice in words for advice in ADVICE)
    with Journal(path, BINDING, restart=True) as journal:
        assert not journal.counts()


def test_half_of_a_pair(path: Path) -> None:
    """P37: SQLite's side file without the journal would be played back into a new one."""
    side = path.with_name(f"{path.name}-journal")
    side.write_bytes(b"\xd9\xd5\x05\xf9 and so on")
    assert "--restart" in refusal(path)
    with Journal(path, BINDING, restart=True) as journal:
        journal.note(0, 0, "done", DIGEST)
    assert states(path) == {0: "done"}


def test_copied_without_side_file(path: Path, tmp_path: Path) -> None:
    """P37: the file alone holds all that was noted, also after a kill, also when the side file is gone."""
    copy = tmp_path / "copy"
    with Journal(path, BINDING) as journal:
        for number in range(200):
            journal.note(number, 0, "done", DIGEST)
        shutil.copy(path, copy)
    assert states(copy) == dict.fromkeys(range(200), "done")


# -- runs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", OTHERS)
def test_another_push(path: Path, what: str) -> None:
    """P37: an unfinished journal of another server, input, settings or version is refused by name, unless restarted."""
    noted(path, (0, "done"), (1, "in flight"))
    words = refusal(path, OTHERS[what])
    assert what in words
    assert all(advice in words for advice in ADVICE)
    assert not any(other in words for other in OTHERS if other not in (what, "input", "fhirconv"))
    assert states(path) == {0: "done", 1: "unknown"}, "asking harms nothing"
    with Journal(path, OTHERS[what], restart=True) as journal:
        assert not journal.resumed
        assert not journal.counts()


def test_nothing_sent(path: Path) -> None:
    """P01: a push that sent nothing, to a server that is not there say, leaves nothing to forget."""
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "in flight", DIGEST)
        journal.note(0, 0, "planned", DIGEST)
    with Journal(path, OTHERS["server"]) as journal:
        assert not journal.resumed


def test_goes_on(path: Path) -> None:
    """P34: an unfinished run is gone on with: what is done is kept with its counts, what was in flight is unknown."""
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "in flight", DIGEST)
        journal.note(0, 0, "done", DIGEST, created=1, updated=2, unchanged=3, deleted=4)
        journal.note(1, 7, "in flight", "ab")
    with Journal(path, BINDING) as journal:
        assert journal.resumed
        assert journal.entry(0) == Entry("done", DIGEST, 1, 2, 3, 4, 1)
        assert journal.entry(1, 7) == Entry("unknown", "ab", 0, 0, 0, 0, 1)
        assert journal.entry(1) is None
        journal.note(1, 7, "in flight", "ab")
        assert journal.entry(1, 7) == Entry("in flight", "ab", 0, 0, 0, 0, 2)
        assert journal.counts() == {"done": 1, "in flight": 1}


@pytest.mark.parametrize("what", ["same", *OTHERS])
def test_after_the_end(path: Path, what: str) -> None:
    """A run that is over makes room for any other."""
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "done", DIGEST)
        journal.finish()
    with Journal(path, OTHERS.get(what, BINDING)) as journal:
        assert not journal.resumed
        assert not journal.counts()


def test_after_an_end_with_failures(path: Path) -> None:
    """Nothing stopped it, so the same push does all of it again, and knows what failed; another push begins anew."""
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "done", DIGEST)
        journal.note(1, 0, "failed", DIGEST)
        journal.finish()
    with Journal(path, BINDING) as journal:
        assert journal.resumed
        assert journal.counts() == {"failed": 1}
        journal.note(1, 0, "done", DIGEST)
    with Journal(path, BINDING) as journal:
        assert journal.resumed, "whatever ended the second try, it did not say that it came to the end"
        journal.note(1, 0, "failed", DIGEST)
        journal.finish()
    with Journal(path, OTHERS["settings"]) as journal:
        assert not journal.resumed


def test_not_over_while_something_is_open(path: Path) -> None:
    """An end of the input is no end of the run while a transaction may or may not have been carried out."""
    with Journal(path, BINDING) as journal:
        journal.note(0, 0, "in flight", DIGEST)
        journal.finish()
    assert "unfinished" in refusal(path, OTHERS["server"])
    assert states(path) == {0: "unknown"}


def test_closed(path: Path) -> None:
    """P33: a thread that is late finds the journal closed and is told so."""
    journal = Journal(path, BINDING)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.note(0, 0, "done", DIGEST)
    with pytest.raises(JournalError, match="closed"):
        journal.entry(0)


def test_threads(path: Path) -> None:
    """Workers share a journal."""

    def work(part: int) -> None:
        for number in range(25):
            journal.note(number, part, "in flight", DIGEST)
            journal.note(number, part, "done", DIGEST, created=part)

    with Journal(path, BINDING) as journal:
        run_all([partial(work, part) for part in range(4)])
        assert journal.counts() == {"done": 100}
        assert all(
            journal.entry(number, part) == Entry("done", DIGEST, part, 0, 0, 0, 1)
            for number in range(25)
            for part in range(4)
        )


def test_no_place_for_a_patient(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """P30: words go nowhere: not into the file, not into its side file, not into a message."""
    canary = "Mustermann"
    with Journal(path, BINDING) as journal:
        for refused in [(0, 0, canary, DIGEST), (0, 0, "done", canary)]:
            with pytest.raises((KeyError, ValueError)):
                journal.note(*refused)
        journal.note(0, 0, "done", DIGEST)
        assert not any(canary.encode() in file.read_bytes() for file in path.parent.iterdir() if file != path)
    assert canary.encode() not in path.read_bytes()
    assert canary not in describe(path) + "".join(capfd.readouterr())
    assert path.stat().st_mode & 0o077 == 0, "nobody else may read to which server patients went"


def test_memory(path: Path) -> None:
    """Memory does not grow with the number of rows."""
    with Journal(path, BINDING) as journal:
        for number in range(20_000):
            journal.note(number, 0, "planned", DIGEST)
        journal.note(0, 0, "in flight", DIGEST)
    tracemalloc.start()
    try:
        with Journal(path, BINDING) as journal:
            assert journal.counts().total() == 20_000
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


def test_relative_path_and_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal may be named from where one stands, and by a link."""
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("push-journal")
    noted(Path("link"), (0, "done"))
    with Journal(Path("push-journal"), BINDING):
        assert "another push" in describe(Path("link"))
    assert states(tmp_path / "push-journal") == {0: "done"}


def test_describe(path: Path) -> None:
    """A few lines for a message: server, time, states."""
    assert "no journal" in describe(path)
    Journal(path, BINDING).close()
    assert "none noted" in describe(path)
    noted(path, (0, "done"), (1, "done"), (2, "unknown"))
    words = describe(path).splitlines()
    assert len(words) == 3
    assert words[0] == f"{path}: a push to '{BINDING.server}'"
    assert words[1].endswith("UTC with fhirconv 0.1.0, not finished")
    assert words[2] == "transactions: 2 done, 1 unknown"
    assert states(path), "looking changes nothing"


def test_hostile_name(tmp_path: Path) -> None:
    """A file's name does not reach a terminal as it is."""
    path = tmp_path / "a\x1b[31m#?%20.push-journal"
    noted(path, (0, "done"))
    assert path.exists()
    assert "\x1b" not in describe(path)
    with pytest.raises(JournalError) as caught:
        Journal(path, OTHERS["server"])
    assert "\x1b" not in str(caught.value)
