"""convert_many: as convert, for many; and what a Conversion is that was in another process."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict, UserDict
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from conftest import FIXTURES

from fhirconv import Conversion, ConversionError, MappingError, convert, convert_many
from fhirconv.conversion import convert_document
from fhirconv.issues import by_place
from fhirconv.mapping import load_mappings
from fhirconv.records import Record

from .lines import BROKEN, UNFIT, case, cases

REPORTS = sorted((FIXTURES / "cases").glob("*.yaml"))
INVALID = sorted((FIXTURES / "invalid").glob("*.yaml"))[:10]


def facts(number: int) -> Iterator[dict[str, Any]]:
    for at in range(number):
        yield json.loads(case(f"c{at}"))


def assert_same(made: Conversion, wanted: Conversion) -> None:
    """All public attributes, whichever is asked for first."""
    assert made.ok == wanted.ok
    assert made.issues == wanted.issues
    assert made.counts() == wanted.counts() == wanted.ledger.counts()
    assert made.ledger == wanted.ledger
    assert made.resource_counts() == wanted.resource_counts()
    assert made.case.id == wanted.case.id
    assert [fact.identity for fact in made.case.facts] == [fact.identity for fact in wanted.case.facts]
    assert by_place(made.case.issues) == wanted.issues
    if wanted.ok:
        assert made.json() == wanted.json()
        assert made.json(indent=True) == wanted.json(indent=True)
        assert repr(made.bundle) == repr(wanted.bundle)
        assert made.json() == wanted.json()
    else:
        assert made.bundle is None
        with pytest.raises(ConversionError):
            made.json()


@pytest.mark.parametrize("path", [*REPORTS, *INVALID], ids=lambda path: path.stem)
def test_a_conversion_can_be_pickled(path: Path) -> None:
    wanted = convert(path)
    before = wanted.counts()  # without the ledger, which is made next
    assert before == wanted.ledger.counts()
    data = pickle.dumps(wanted)
    if wanted.ok:
        assert pickle.loads(data).bundle == wanted.bundle
    assert_same(pickle.loads(data), wanted)
    assert_same(pickle.loads(pickle.dumps(pickle.loads(data))), wanted)


def test_a_bundle_that_was_changed_is_written_as_it_is() -> None:
    made = pickle.loads(pickle.dumps(convert(REPORTS[0])))
    made.bundle["type"] = "collection"
    assert b'"type":"collection"' in made.json()
    assert pickle.loads(pickle.dumps(made)).bundle["type"] == "collection"


def test_digits_are_kept() -> None:
    lab = {"analyte": "Hb", "value": Decimal("9.80"), "unit": "g/dL"}
    made = pickle.loads(pickle.dumps(convert({"case": {"id": "a"}, "patient": {}, "labs": [lab]})))
    assert b'"value":9.80,' in made.json()
    (value,) = (one["resource"]["valueQuantity"] for one in made.bundle["entry"] if "valueQuantity" in one["resource"])
    assert str(value["value"]) == "9.80"


@pytest.mark.parametrize("workers", [1, 2])
def test_all_that_convert_takes(workers: int) -> None:
    given: list[Any] = [*REPORTS, str(INVALID[0]), json.loads(case("a")), case("b"), b"{", Path("none.yaml")]
    wanted = [convert(one) for one in given[:-3]]
    made = list(convert_many(given, workers=workers))
    assert len(made) == len(given)
    for one, other in zip(made, wanted, strict=False):
        assert_same(one, other)
    assert made[-3].json() == convert(json.loads(case("b"))).json()
    assert [made[at].issues[0].rule for at in (-2, -1)] == ["not-json", "file-unreadable"]


class Sex(str, Enum):  # noqa: UP042  # as users have them
    """Workers cannot import it: they know no `__main__`, and no tests either."""

    FEMALE = "female"


class Poison(str):
    def __reduce__(self) -> Any:
        return os._exit, (3,)


def strange() -> list[Any]:
    """Cases that cannot go to another process, or could become others on the way."""
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"n": deep}
    sex: dict[str, Any] = {"case": {"id": "a"}, "patient": {"sex": Sex.FEMALE}}
    cyclic: dict[str, Any] = {"case": {"id": "a"}}
    cyclic["patient"] = cyclic
    return [
        MappingProxyType(json.loads(case("proxy"))),
        UserDict(json.loads(case("user"))),
        OrderedDict(json.loads(case("ordered"))),
        sex,
        {**sex, "patient": {"sex": Poison("female")}},
        {**sex, "patient": deep},
        cyclic,
        {**sex, "labs": (one for one in ())},
        {**sex, "labs": lambda: 0},
        {**sex, "case": {"id": "\ud800"}},
        {"case": {"id": "d"}, "patient": {}, "labs": [{"analyte": "Hb", "value": Decimal("9.80"), "unit": "g/dL"}]},
        bytearray(case("bytes")),
        "a\0b",
        case("secret").decode(),
        None,
        5,
        [],
    ]


def test_any_number_of_workers_makes_the_same_of_whatever_is_given() -> None:
    given = [one for strange_one in strange() for one in (json.loads(case("a")), strange_one)]
    wanted = list(convert_many(given))
    made = list(convert_many(given, workers=2))
    assert len(made) == len(wanted) == len(given)
    for one, other in zip(made, wanted, strict=True):
        assert (one.ok, one.issues) == (other.ok, other.issues)
        assert one.ok is False or one.json() == other.json()
    assert all(one.ok for one in made[::2])
    assert [one.ok for one in made[1:6:2]] == [True] * 3
    assert [one.issues[0].rule for one in made[-5::2]] == ["wrong-type"] * 3
    assert [made[-9].issues[0].rule, made[-9].issues[0].message] == ["file-unreadable", "is no name of a file"]
    assert made[-7].issues[0].message == "a str is the name of a file; give JSON as bytes"
    assert "secret" not in made[-7].issues[0].text()
    assert "found NoneType" in made[-5].issues[0].message


@pytest.mark.parametrize("workers", [1, 2])
def test_a_case_is_what_it_was_when_it_was_given(workers: int) -> None:
    """Also where whoever gives them fills one dict again and again."""

    def again() -> Iterator[dict[str, Any]]:
        one = json.loads(case(""))
        for at in range(200):
            one["case"]["id"] = f"c{at}"
            yield one

    made = list(convert_many(again(), workers=workers))
    assert [one.case.id for one in made] == [f"c{at}" for at in range(200)]
    assert_same(made[199], convert(json.loads(case("c199"))))


def test_convert_keeps_a_case_as_it_was() -> None:
    given = json.loads(case("a", labs=[{"analyte": "Hb", "value": 9, "unit": "g/dL"}]))
    made = convert(given)
    given["case"]["id"] = "b"
    given["labs"].clear()
    assert made.case.id == "a"
    assert made.ledger.counts()["converted"] == convert(json.loads(case("a"))).ledger.counts()["converted"] + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_given_before_a_fault_is_converted(workers: int) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from facts(500)
        raise OSError("the database has gone")

    made = []
    with pytest.raises(OSError, match="the database has gone"):
        made.extend(one.case.id for one in convert_many(broken(), workers=workers))
    assert made == [f"c{at}" for at in range(500)]


def test_a_blank_line_is_a_case_with_an_error() -> None:
    made = convert_document(Record("x.ndjson", 0, b" ").document(), load_mappings(None))
    assert not made.ok
    assert [issue.rule for issue in made.issues] == ["empty-input", "blank-line"]


@pytest.mark.parametrize("workers", [1, 2])
def test_names_of_settings_hold_where_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Nothing is read before the first Conversion is asked for: by then the program may stand elsewhere."""
    for name in ("site", "elsewhere"):
        (tmp_path / name / "concepts").mkdir(parents=True)
    (tmp_path / "source.txt").write_text("sex: female", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given = json.loads(case("a", labs=[{"analyte": "Hb", "value": 9, "unit": "g/dL", "evidence": "Hb 9 g/dL"}]))
    made = convert_many([given], workers=workers, mappings="site", source="source.txt")
    monkeypatch.chdir("elsewhere")
    (one,) = made
    assert [issue.rule for issue in one.issues if issue.is_error] == ["quote-not-found"]


@pytest.mark.parametrize("workers", [1, 2])
def test_names_of_cases_hold_where_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Also for workers, which stand where they were started; messages have the names as they were given."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.json").write_bytes(case("a"))
    (tmp_path / "many.ndjson").write_bytes(cases(2) + UNFIT)
    monkeypatch.chdir(tmp_path)
    each, lines = convert_many(["a.json"] * 400, workers=workers), convert_many("many.ndjson", workers=workers)
    first = next(each)
    monkeypatch.chdir("elsewhere")
    assert all(made.ok for made in (first, *each))
    found = list(lines)
    assert [made.ok for made in found] == [True, True, False]
    assert found[2].issues[0].place.file == "many.ndjson"


@pytest.mark.parametrize("wrong", [case("a"), bytearray(case("a")), json.loads(case("a")), None, 5])
def test_one_case_in_place_of_many(wrong: Any) -> None:
    with pytest.raises(TypeError, match="an iterable of cases, not"):
        convert_many(wrong)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_of_lines(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "cases.ndjson"
    path.write_bytes(cases(100) + b"\n" + BROKEN + UNFIT + cases(100, first=100))
    made = list(convert_many(path, workers=workers, bundle="collection"))
    assert [one.case.id for one in made if one.ok] == [f"c{at}" for at in range(200)]
    assert [(one.issues[0].rule, one.issues[0].place.line) for one in made if not one.ok] == [
        ("not-json", 102),
        ("unknown-key", 103),
    ]
    assert made[0].json() == convert(json.loads(case("c0")), bundle="collection").json()


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, 64 * 6)])
def test_it_is_lazy(workers: int, ahead: int) -> None:
    """Nothing is read before a result is asked for, little ahead of it, and nothing after the iterator was closed."""
    read = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal read
        for one in facts(10**6):
            read += 1
            yield one

    made = convert_many(counted(), workers=workers)
    assert read == 0
    assert [next(made).case.id for _ in range(10)] == [f"c{at}" for at in range(10)]
    assert read <= 10 + ahead
    before = read
    made.close()  # type: ignore[attr-defined]
    assert read == before


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"profile": "none"}, ValueError),
        ({"bundle": "none"}, ValueError),
        ({"workers": 0}, ValueError),
        ({}, MappingError),
    ],
)
def test_wrong_settings_are_told_at_once(tmp_path: Path, wrong: dict[str, Any], error: type[Exception]) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "lab.toml").write_text('resource = "None"\n', encoding="utf-8")
    with pytest.raises(error):
        convert_many([], **({"mappings": tmp_path} if error is MappingError else wrong))


def test_the_settings_of_convert(tmp_path: Path) -> None:
    """Profile, mappings and source go to the workers as well."""
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "labs.toml").write_text(
        '[mine]\ntext = "Mine"\nalso = ["my test"]\ncodings = [{ system = "loinc", code = "718-7", verified = "x" }]\n',
        encoding="utf-8",
    )
    (tmp_path / "source.txt").write_text("my test 1 g/dL", encoding="utf-8")
    lab = {"analyte": "my test", "value": 1, "unit": "g/dL", "evidence": "my test 1 g/dL"}
    given = json.loads(case("a", labs=[lab]))
    more: dict[str, Any] = {
        "profile": "mcode",
        "mappings": tmp_path,
        "source": tmp_path / "source.txt",
        "validate": False,
    }
    (made,) = convert_many([given], workers=2, **more)
    assert_same(made, convert(given, **more))
    assert b'"718-7"' in made.json()
