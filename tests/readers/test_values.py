"""Each value rule: what it makes of cells, and what it says of cells that it cannot read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.readers.reading import Read, read_rows, reader_of

START = """
title = "Made-up"
null = ["NA"]
{top}
[tables.t]
file = "t.csv"
key = "id"
[[facts]]
table = "t"
section = "{section}"
[facts.fields]
{fields}
"""


def made(folder: Path, section: str, fields: str, top: str = "", **cells: str) -> Read:
    """What a rule reads of a table with one row."""
    reader = reader_of(START.format(section=section, fields=fields, top=top))
    return read_rows(reader, folder, t=[["id", *cells], ["A", *cells.values()]])


def fact(folder: Path, section: str, fields: str, top: str = "", **cells: str) -> Any:
    """The fact that a row makes, without its origin; nothing may be said of it."""
    found = made(folder, section, fields, top, **cells)
    assert [line for line in found.lines if "error" in line] == []
    data = found.one.get(section)
    data = data[0] if isinstance(data, list) else data
    return data and {key: value for key, value in data.items() if key != "origin"}


FINDING = 'finding = { column = "f" }\n'

# Field, rule, cell, value. None: there is no such field, and nothing is wrong.
VALUES: list[tuple[str, str, str, Any]] = [
    ("note", '{ column = "x" }', "  as printed ", "as printed"),
    ("note", '{ column = "x" }', "NA", None),
    ("note", '{ column = "x" }', "", None),
    ("note", '{ column = "x" }', "na", "na"),
    ("note", '{ column = "x", null = ["none"] }', "none", None),
    ("note", '{ column = "x", null = ["none"] }', "nothing", "nothing"),
    ("note", '{ column = ["y", "x"] }', "second", "second"),
    ("note", '{ text = "{f}: {x}" }', "words", "size: words"),
    ("note", '{ text = "{f}: {x}" }', "NA", None),
    ("note", '{ text = "{{{x}}}" }', "x", "{x}"),
    ("note", '{ text = "{x}" }', "{y}", "{y}"),
    ("note", '{ text = "{f} in {@table}: {x}" }', "12", "size in t: 12"),
    ("note", '{ column = "x", match = "grade ([0-9])" }', "ductal, grade 2", "2"),
    ("note", '{ column = "x", match = "[0-9]+" }', "about 12 mm", "12"),
    ("result", '{ column = "x", values = { pos = "positive" } }', "pos", "positive"),
    ("result", '{ column = "x", values = { pos = "positive" } }', "POS", "positive"),
    ("result", '{ column = "x", values = { A = "big", a = "small" } }', "a", "small"),
    ("result", '{ column = "x", values = { pos = "positive" }, else = "other" }', "weak", "other"),
    ("result", '{ column = "x", values = { pos = "positive" }, else = "@keep" }', "weak", "weak"),
    ("result", '{ column = "x", values = { pos = { text = "positive" } } }', "pos", {"text": "positive"}),
    ("value", '{ number = "x" }', "9.80", Decimal("9.80")),
    ("value", '{ number = "x" }', "-3", -3),
    ("value", '{ number = "x" }', "<0.5", "<0.5"),
    ("value", '{ number = "x" }', "60-120", "60-120"),
    ("value", '{ number = "x", decimal_mark = "comma" }', "9,80", Decimal("9.80")),
    ("value", '{ number = "x", decimal_mark = "comma" }', "<1.234,5", "<1234.5"),
    ("value", '{ number = "x", decimal_mark = "comma" }', "60,5-120", "60.5-120"),
    ("value", '{ number = "x", decimal_mark = "point" }', "1.234", Decimal("1.234")),
    ("at", '{ date = "x" }', "03.04.2019", "03.04.2019"),
    ("at", '{ date = "x", order = "day-month-year" }', "03.04.2019", "2019-04-03"),
    ("at", '{ date = "x", order = "month-day-year" }', "03/04/2019", "2019-03-04"),
    ("at", '{ date = "x", order = "year-month-day" }', "2019-4-3", "2019-04-03"),
    ("at", '{ date = "x", order = "year-month-day" }', "20190403", "2019-04-03"),
    ("at", '{ date = "x", order = "year-month-day" }', "2019-04", "2019-04"),
    ("at", '{ days = "x", after = "e" }', "61", {"after": "e", "by": {"value": 61, "unit": "days"}}),
    ("at", '{ days = "x", after = "e" }', "-007", {"before": "e", "by": {"value": 7, "unit": "days"}}),
    ("at", '{ days = "x", after = "e" }', "0", {"at": "e"}),
    ("at", '{ days = "x", after = "e", unit = "months" }', "1.5", {"after": "e", "by": {"value": Decimal("1.5"), "unit": "months"}}),
    ("at", '{ age = "x" }', "47", {"age": {"value": 47}}),
    ("at", '{ age = "x", unit = "months" }', ">18", {"age": {"value": 18, "comparator": ">", "unit": "months"}}),
    ("at", '{ age = "x" }', "50-59", {"age": {"low": 50, "high": 59}}),
    ("at", '{ object = { from = { date = "x" }, to = { date = "y" } } }', "2019", {"from": "2019"}),
    ("at", '{ object = { from = { date = "x" }, to = { date = "y" } } }', "NA", None),
    ("at", '{ first = [{ date = "y" }, { days = "x", after = "e" }] }', "1", {"after": "e", "by": {"value": 1, "unit": "days"}}),
    ("absent", '{ object = { reason = { fixed = "masked" }, text = { column = "x" } } }', "NA", None),
    ("evidence", '{ column = "x", split = "|" }', "one | two||", ["one", "two"]),
    ("evidence", '{ list = [{ column = "x" }, { column = "y" }] }', "one", ["one"]),
    ("evidence", '{ list = [{ column = "f" }, { column = "x", split = "|", null = ["-"] }] }', "a|-|b", ["size", "a", "b"]),
    ("note", '{ join = [{ column = "f" }, { column = "y" }, { text = "({x})" }], by = " " }', "12", "size (12)"),
    ("note", '{ join = [{ column = "x" }, { column = "y" }] }', "NA", None),
    ("site", '{ term = "x", code = "y", system_is = "icd-10" }', "breast", "breast"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "rule", "cell", "value"), VALUES)
def test_it_makes_of_a_cell(tmp_path: Path, field: str, rule: str, cell: str, value: Any) -> None:
    event = '[[facts]]\ntable = "t"\nsection = "events"\nfields = { id = { fixed = "e" }, name = { column = "f" } }'
    found = fact(tmp_path, "findings", f"{FINDING}{field} = {rule}\n{event}", f="size", x=cell, y="")
    assert found == {"finding": "size"} | ({} if value is None else {field: value})


@pytest.mark.parametrize(
    ("cells", "term"),
    [
        (
            {"x": "breast", "y": "C50", "z": "icd-10"},
            {"text": "breast", "codes": [{"system": "icd-10", "code": "C50"}]},
        ),
        ({"x": "", "y": "C50", "z": "icd-10"}, {"codes": [{"system": "icd-10", "code": "C50"}]}),
        ({"x": "", "y": "C50", "z": ""}, {"codes": [{"system": "snomed", "code": "C50"}]}),
        ({"x": "breast", "y": "", "z": "icd-10"}, "breast"),
        ({"x": "", "y": "", "z": "icd-10"}, None),
    ],
)
def test_a_term_is_words_with_the_codes_of_the_source(tmp_path: Path, cells: dict[str, str], term: Any) -> None:
    rule = '{ term = "x", code = "y", system = "z", system_is = "snomed" }'
    found = fact(tmp_path, "findings", f"{FINDING}site = {rule}", f="size", **cells)
    assert found == {"finding": "size"} | ({} if term is None else {"site": term})


def test_a_code_alone_is_a_term(tmp_path: Path) -> None:
    found = fact(tmp_path, "findings", 'finding = { code = "c", system_is = "loinc" }', c="1695-6")
    assert found == {"finding": {"codes": [{"system": "loinc", "code": "1695-6"}]}}


def test_columns_in_a_text_may_have_any_name(tmp_path: Path) -> None:
    rules = 'finding = { text = "{size: a} {b!r} {c[0]} {d.e}" }'
    assert fact(tmp_path, "findings", rules, **{"size: a": "1", "b!r": "2", "c[0]": "3", "d.e": "4"}) == {
        "finding": "1 2 3 4"
    }


def test_dotted_fields_make_one_object(tmp_path: Path) -> None:
    rules = 'drug = { column = "d" }\nstatus = { fixed = "active" }\n'
    rules += '"dose.value" = { number = "v" }\n"dose.unit" = { fixed = "mg" }'
    assert fact(tmp_path, "medications", rules, d="x", v="2.50")["dose"] == {"value": Decimal("2.50"), "unit": "mg"}
    assert "dose" not in fact(tmp_path, "medications", rules, d="x", v="NA"), "a unit alone says nothing"


def test_numbers_of_a_case_with_decimal_comma_stay_text_for_the_case_to_read(tmp_path: Path) -> None:
    comma = '[conventions]\ndecimal_mark = "comma"'
    for rule, cell, value in (
        ('{ number = "x" }', "1.234", "1.234"),  # 1234, which the checks of facts say
        ('{ number = "x", decimal_mark = "point" }', "1.234", "1,234"),
        ('{ number = "x", decimal_mark = "point" }', "<1.2", "<1,2"),
    ):
        assert fact(tmp_path, "findings", f"{FINDING}value = {rule}", comma, f="size", x=cell)["value"] == value


def test_integers(tmp_path: Path) -> None:
    rules = 'event = { column = "e" }\npresence = { fixed = "present" }\ngrade = { integer = "g" }'
    for cell, value in (("3", 3), ("3.0", 3), ("+3", 3)):
        assert fact(tmp_path, "adverse_events", rules, e="nausea", g=cell)["grade"] == value


# Field of a finding, rule, cell, what is told of it: an error of the case at the cell.
WRONG: list[tuple[str, str, str, str]] = [
    ("result", '{ column = "x", values = { pos = "positive", neg = "negative" } }', "weak",
     "'weak' is none of the cells that the reader lists: 'pos', 'neg'; correct it, or list it [cell-unknown]"),
    ("value", '{ number = "x", decimal_mark = "comma" }', "1,2,3",
     "'1,2,3' is not a number; write it like 1.5, without blanks or signs in it [cell-form]"),
    ("at", '{ date = "x", order = "day-month-year" }', "12/31/2019",
     "'12/31/2019' is not a day of the calendar in the declared order day-month-year [cell-form]"),
    ("at", '{ date = "x", order = "year-month-day" }', "2023-02-29",
     "'2023-02-29' is not a day of the calendar; check year, month and day [cell-form]"),
    ("at", '{ date = "x", order = "day-month-year" }', "03.04.19",
     "'03.04.19' has a year of two digits; write it as YYYY-MM-DD [cell-form]"),
    ("at", '{ days = "x", after = "e" }', "about 3", "'about 3' is not a number of days [cell-form]"),
    ("at", '{ days = "x", after = "e" }', "٣", "'٣' is not a number of days [cell-form]"),
    ("at", '{ age = "x" }', "adult", "'adult' is not an age in years [cell-form]"),
    ("site", '{ code = "x", system = "y" }', "C50",
     "is a code without its system; say which in 'system_is' [cell-form]"),
    ("note", '{ column = "x" }', "#N/A", "'#N/A' is an error of a spreadsheet, not a value; correct it there [cell-damaged]"),
    ("note", '{ column = "x" }', "#####", "'#####' is an error of a spreadsheet, not a value; correct it there [cell-damaged]"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "rule", "cell", "told"), WRONG)
def test_it_says_what_is_wrong_with_a_cell(tmp_path: Path, field: str, rule: str, cell: str, told: str) -> None:
    event = '[[facts]]\ntable = "t"\nsection = "events"\nfields = { id = { fixed = "e" }, name = { column = "f" } }'
    found = made(tmp_path, "findings", f"{FINDING}{field} = {rule}\n{event}", f="size", x=cell, y="")
    assert [line for line in found.lines if "error" in line] == [f"{tmp_path}/t.csv:2:3: error: {told}"]
    assert field not in found.one["findings"][0]


@pytest.mark.parametrize(
    ("section", "rules", "cell", "told"),
    [
        ("medications", 'status = { fixed = "active" }\n"dose.value" = { number = "x" }', "<5",
         "'<5' is not one number; this field takes no other [cell-form]"),
        ("medications", 'status = { fixed = "active" }\n"dose.value" = { number = "x" }', "1,5",
         "'1,5' can be read as 1.5 or 15; write the number with a point, or declare 'conventions: {decimal_mark: comma}' "
         "(or point) in the case [cell-form]"),
        ("adverse_events", 'presence = { fixed = "present" }\ngrade = { integer = "x" }', "2.5",
         "'2.5' is not a whole number [cell-form]"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_a_number(tmp_path: Path, section: str, rules: str, cell: str, told: str) -> None:
    name = {"medications": "drug", "adverse_events": "event"}[section]
    found = made(tmp_path, section, f'{name} = {{ column = "f" }}\n{rules}', f="a", x=cell)
    assert [line for line in found.lines if "error" in line] == [f"{tmp_path}/t.csv:2:3: error: {told}"]


def test_an_object_without_a_part_that_it_needs_is_none_and_that_is_told(tmp_path: Path) -> None:
    rules = (
        FINDING
        + 'absent = { object = { reason = { column = "r", values = { m = "masked" } }, text = { column = "x" } } }'
    )
    found = made(tmp_path, "findings", rules, f="size", r="", x="why")
    assert found.lines == [
        f"{tmp_path}/t.csv:2:4: information: t.x: not read, because 'reason' is not stated with it [cell-left]"
    ]


def test_rows_have_numbers_within_their_case(tmp_path: Path) -> None:
    rules = 'finding = { column = "f" }\nid = { text = "{@table}-{@n}" }'
    reader = reader_of(START.format(section="findings", fields=rules, top=""))
    found = read_rows(reader, tmp_path, t=[["id", "f"], ["A", "x"], ["B", "y"], ["A", "z"]])
    ids = [[fact["id"] for fact in document.data["findings"]] for document in found.documents]
    assert ids == [["t-1", "t-2"], ["t-1"]]


def test_conditions_on_the_parts_of_a_split(tmp_path: Path) -> None:
    rule = 'split = { column = "x", by = "|" }\nunless = { "@" = "none" }\n[facts.fields]\nfinding = { column = "@" }'
    reader = reader_of(START.format(section="findings", fields=rule, top="").replace("[facts.fields]\nsplit", "split"))
    found = read_rows(reader, tmp_path, t=[["id", "x"], ["A", "bone|None|NA|liver"]])
    assert [fact["finding"] for fact in found.one["findings"]] == ["bone", "liver"]


def test_a_quiet_rule_leaves_the_counting_to_others(tmp_path: Path) -> None:
    rule = '{ column = "x", values = { a = "b" }, else = "@skip", quiet = true }'
    assert made(tmp_path, "findings", f"{FINDING}note = {rule}", f="size", x="weak").lines == []


# Rule of the field 'note', cell, what the report counts.
COUNTED = [
    ('{ column = "x", values = { a = "b" }, else = "@skip" }', "weak", "t.x: 'weak' is passed over [cell-left]"),
    ('{ column = "x", values = { a = "@skip" } }', "a", "t.x: 'a' is passed over [cell-left]"),
    ('{ column = "x", values = { a = "b" }, else = "@keep" }', "weak", "t.x: 'weak' is kept as printed [cell-kept]"),
    ('{ column = "x", match = "[0-9]" }', "weak", "t.x: not read, because it does not match [cell-left]"),
    ('{ column = ["f", "x"] }', "weak",
     "t.x: not read, because another column of its rule has a value and comes first [cell-left]"),
    ('{ first = [{ column = "f" }, { column = "x" }] }', "weak",
     "t.x: not read, because another column of its rule has a value and comes first [cell-left]"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "cell", "told"), COUNTED)
def test_what_is_passed_over_is_counted(tmp_path: Path, rule: str, cell: str, told: str) -> None:
    found = made(tmp_path, "findings", f"{FINDING}note = {rule}", f="size", x=cell)
    assert found.lines == [f"{tmp_path}/t.csv:2:3: information: {told}"]


def test_control_characters_are_told_at_their_cell(tmp_path: Path) -> None:
    found = made(tmp_path, "findings", f'{FINDING}note = {{ column = "x" }}', f="size", x="a\x07b")
    assert found.lines == [
        f"{tmp_path}/t.csv:2:3: error: character U+0007 is not allowed in FHIR text; remove it [character]"
    ]


def test_what_looks_like_a_formula_is_text(tmp_path: Path) -> None:
    for cell in ("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)"):
        assert fact(tmp_path, "findings", f'{FINDING}note = {{ column = "x" }}', f="size", x=cell)["note"] == cell
