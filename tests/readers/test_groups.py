"""Rows by case: the same whatever fits into memory, in flat memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peak import TELL_PEAK

from fhirconv.issues import FhirconvError
from fhirconv.readers.groups import Groups
from fhirconv.readers.layout import Row

KEYS = st.sampled_from(["p1", "p2", "ä", "", "\ud800", "1", "01"])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(KEYS, st.integers(0, 2), st.integers(0, 2), st.text(max_size=3)), max_size=40),
    st.integers(0, 300),
)
def test_rows_come_out_by_key_in_the_order_of_first_rows(added: list[tuple[str, int, int, str]], most: int) -> None:
    """Law: the same as a plain dict gives, wherever rows had to wait, and each time that they are asked for."""
    expected: dict[str, list[tuple[int, int, Row]]] = {}
    with Groups(most) as groups:
        for line, (key, table, file, text) in enumerate(added):
            row = Row(line, (key, text))
            expected.setdefault(key, []).append((table, file, row))
            groups.add(key, table, file, row)
        assert list(groups) == list(expected.items())
        assert list(groups) == list(expected.items())


PROGRAM = """
import sys
from fhirconv.readers.groups import Groups
from fhirconv.readers.layout import Row
with Groups(1 << 20) as groups:
    for number in range(int(sys.argv[1])):
        groups.add(f"p{number % 997}", 0, 0, Row(number, ("text of a cell", str(number), "mg/L")))
    assert sum(len(rows) for _, rows in groups) == int(sys.argv[1])
"""


def test_memory_does_not_grow_with_rows() -> None:
    def peak(rows: int) -> int:
        code = PROGRAM + TELL_PEAK
        done = subprocess.run([sys.executable, "-c", code, str(rows)], capture_output=True, text=True, check=True)
        return int(done.stderr.split()[-1])

    few, many = peak(20_000), peak(200_000)
    assert many < few + 8_000, f"{few} kB for 20,000 rows, {many} kB for 200,000"


def test_a_full_disk_is_told() -> None:
    with Groups(0) as groups:
        groups.add("p1", 0, 0, Row(2, ("1",)))
        groups._stored._database.execute("PRAGMA max_page_count = 8")  # type: ignore[union-attr]  # of 4 kB each
        with pytest.raises(FhirconvError, match=r"folder for temporary files .TMPDIR names another.: .* full"):
            groups.add("p2", 0, 0, Row(3, ("x" * 100_000,)))
