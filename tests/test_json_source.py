"""JSON is read in two ways: a fast one for texts in which nothing is wrong, and the exact one. Both read the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv.document import LIMITS, Limits, escape_pointer
from fhirconv.json_source import UNSURE, read_exactly, read_fast

FILES = sorted(Path("fixtures").rglob("*.json"))

PLAIN = [
    "{}",
    "[]",
    '""',
    "null",
    "[true, false, null]",
    '{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}',
    "[1.50, 0.0, 1E5, 1e-7, -0.0, 0e1, 100, 12345678901234567]",
    '{"a": "with colon: and \\" and \\\\ and \\u00e9 \\ud83d\\ude00"}',
    '{"a": "\\n\\t"}',
    "[0, -1]",
    '{"": 0}',
    '{"a" : 1, "b"\n:\t":", "c\\\\" : "\\":", ":": " :"}',
    '{"a": "\\\\", "b": "\\\\\\"", "\\"": "\\u0022"}',
    '["\x7f", "\u0085\u2028", "\\\\b"]',
    "[" * 64 + "]" * 64,
]

# What a fast reader takes silently, or reads in another way, or refuses in its own words.
DOUBTFUL = {
    "repeated key": '{"a": 1, "a": 1}',
    "repeated key, deep": '{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}',
    "repeated key, written in two ways": '{"a": 1, "\\u0061": 2}',
    "repeated key, a text with a key in it makes up for it": '{"a": 1, "a" : "\\":"}',
    "repeated key, a text that begins with a colon makes up for it": '{"a": 1, "a" : ":"}',
    "repeated key, line break before its colon": '{"a": 1, "a"\n: "\\":"}',
    "repeated key, tab before its colon": '{"a": 1, "a"\t: "\\":"}',
    "repeated key, carriage return before its colon": '{"a": 1, "a"\r: "\\":"}',
    "minus zero": "[-0]",
    "minus zero at the end": "-0",
    "19 digits": "[1234567890123456789]",
    "18 characters with the sign": "[-123456789012345678]",
    "64 bits": "[18446744073709551615]",
    "35 digits": "[12345678901234567890123456789012345]",
    "5,000 digits": "1" * 5000,
    "exponent": "[1e400]",
    "decimal of 40 digits": "[1." + "1" * 40 + "]",
    "exponent that Decimal does not hold": "[1e99999999999999999999]",
    "not a number": '{"a": NaN}',
    "infinite": "[-Infinity]",
    "lone surrogate, escaped": '["\\ud800"]',
    "lone surrogate": '["\ud800"]',
    "NUL": '["\\u0000"]',
    "no character": '["\uffff"]',
    "byte order mark": "\ufeff{}",
    "66 levels": "[" * 66 + "]" * 66,
    "100,000 levels": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "cut off": '{"a": 1',
    "two values": "{} {}",
    "comment": '{"a": 1 /* b */}',
    "control character": '["a\nb"]',
    "nothing": "",
}


def as_written(value: Any) -> Any:
    """A value with what `==` does not see: types, digits, the order of keys."""
    if isinstance(value, dict):
        return [(key, as_written(item)) for key, item in value.items()]
    if isinstance(value, list):
        return ["list", *map(as_written, value)]
    return type(value).__name__, str(value)


def agree(text: str, limits: Limits = LIMITS) -> None:
    """What the fast way reads, the exact way reads just so, and finds nothing wrong."""
    fast = read_fast(text, limits)
    if fast is not UNSURE:
        exact = read_exactly(text, "x.json", limits)
        assert not exact.issues
        assert as_written(fast) == as_written(exact.data)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_json_is_read_fast_and_with_every_digit(text: str) -> None:
    assert read_fast(text) is not UNSURE
    agree(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_read_the_same_both_ways(path: Path) -> None:
    agree(path.read_bytes().decode(errors="surrogateescape"))


@pytest.mark.parametrize("text", DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_what_may_be_wrong_is_left_to_the_exact_way(text: str) -> None:
    assert read_fast(text) is UNSURE


@pytest.mark.parametrize("code", [*range(9), 11, 12, *range(14, 32), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF], ids=hex)
def test_no_forbidden_character_is_read_fast(code: int) -> None:
    for written in (chr(code), f"\\u{code:04x}"):
        for text in (f'["{written}"]', f'{{"a": "é{written}", "b": "\U0001f600"}}'):
            assert read_fast(text) is UNSURE
            assert read_exactly(text, "x.json").issues


def test_numbers_that_come_again_keep_their_own_digits() -> None:
    assert str(read_fast("[1.5, 1.50, 1.500, 1.5]")) == str([Decimal(t) for t in ("1.5", "1.50", "1.500", "1.5")])


def test_limits_hold_for_both_ways() -> None:
    limits = LIMITS._replace(depth=3, nodes=5, text=4, digits=3)
    for text in ('["abcde"]', "[[[[1]]]]", "[1,2,3,4,5]", "[1.234]", "[1234]"):
        assert read_fast(text, limits) is UNSURE
        assert read_exactly(text, "x.json", limits).issues
    assert read_fast('["abcd", [1.23]]', limits) is not UNSURE


@pytest.mark.parametrize(
    ("name", "limit", "texts"),
    [
        ("depth", 3, ("[[[[1]]]]", '{"a": [[{}, {}]], "b": [[{}, {"a": []}]]}')),
        ("nodes", 5, ("[1,2,3,4,5]", '{"a": [], "b": [[], []], "c": ""}')),
        ("text", 4, ('["abcde"]', '["\\n\\n\\n\\n\\n"]')),
        ("digits", 3, ("[1.234]", "[1234]", "[-1234]", "[0.01234]")),
    ],
)
def test_each_limit_holds_by_itself(name: str, limit: int, texts: tuple[str, ...]) -> None:
    for text in texts:
        for over, limits in ((True, LIMITS._replace(**{name: limit})), (False, LIMITS._replace(**{name: limit + 1}))):
            assert (read_fast(text, limits) is UNSURE) == over
            assert bool(read_exactly(text, "x.json", limits).issues) == over


keys = st.sampled_from(["a", "b", "a", "", ":", '"', '":', "\\u0061", " :", "é", "\\"])
blanks = st.sampled_from(["", "", "", " ", "\n", "\t", "\r"])
numbers = st.sampled_from(
    ["0", "-0", "1.50", "-0.0", "1E5", "1e-7", "123456789012345678", "-12345678901234567", "1e400"]
)
numbers |= st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?\Z")
words = st.sampled_from(["true", "false", "null", '"\\ud83d\\ude00"', '"\\ud800"', '"\\":"', '":"', '" :"', '"\\\\"'])
words |= st.sampled_from(['"2014-02-03T10:00"', '"\\u0022"', '"\\b"', '"\\n"', '"\\u0000"', '"\ufffe"', '"\\uffff"'])
words |= st.text(max_size=5).map(json.dumps) | st.text(max_size=5).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)


def written(key: str) -> str:
    return f'"{key}"' if key == "\\u0061" else json.dumps(key)


@st.composite
def objects(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(keys.map(written), blanks, blanks, values), max_size=4))
    return "{" + ",".join(f"{key}{before}:{after}{value}" for key, before, after, value in pairs) + "}"


json_texts = st.recursive(
    numbers | words,
    lambda inner: objects(inner) | st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]"),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400)
@given(json_texts)
def test_what_is_read_fast_is_as_the_exact_way_reads_it(text: str) -> None:
    agree(text)


@settings(deadline=None, max_examples=300)
@given(
    json_texts,
    st.fixed_dictionaries({}, optional=dict.fromkeys(("depth", "nodes", "text", "digits"), st.integers(1, 6))),
)
def test_under_narrow_limits_too(text: str, narrow: dict[str, int]) -> None:
    agree(text, LIMITS._replace(**narrow))


@settings(deadline=None, max_examples=400)
@given(json_texts, st.data())
def test_damaged_text_too(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    agree(text[:start] + data.draw(st.text('{}[]":,\\-0.eE tn\x0b\ufeff\ud800', max_size=3)) + text[end:])


def pointers(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Each value with its JSON Pointer, in order."""
    yield pointer, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from pointers(item, f"{pointer}/{escape_pointer(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from pointers(item, f"{pointer}/{index}")


@settings(deadline=None, max_examples=300)
@given(json_texts, st.randoms(use_true_random=False))
def test_each_value_is_found_at_its_place_in_whatever_order_they_are_asked_for(text: str, chance: Any) -> None:
    found = read_exactly(text, "x.json")
    asked = list(pointers(json.loads(text)))
    places = [found.place(pointer) for pointer, _ in asked]
    lines = text.split("\n")
    offsets = [sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1 for place in places]
    for (_, value), offset in zip(asked, offsets, strict=True):
        assert json.JSONDecoder().raw_decode(text, offset)[0] == value
    if not any(issue.rule == "duplicate-key" for issue in found.issues):
        assert offsets == sorted(set(offsets))  # so that equal values are not taken for each other

    again = read_exactly(text, "x.json")
    chance.shuffle(asked)
    assert {again.place(pointer) for pointer, _ in asked} == set(places)


def test_what_is_not_there_has_the_place_of_what_is_around_it() -> None:
    document = read_exactly('{"a": [1,\n {"b": 2}],\n "c/~": 3}', "x.json")
    assert document.place("/a/1/b")[1:3] == (2, 8)
    for one in (document, pickle.loads(pickle.dumps(document))):  # a walk that has begun goes with nobody
        assert one.place("/a/1/none/x")[1:] == (2, 2, "/a/1/none/x")
        assert one.place("/none")[1:3] == (1, 1)
        assert one.place("/c~1~0")[1:3] == (3, 9)
