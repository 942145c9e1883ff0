"""Expressions from outside: none takes long, none takes memory, whatever it says."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirconv import r4
from fhirconv.fhirpath import (
    Env,
    FhirPathError,
    FhirPathLimit,
    FhirPathUndecided,
    Node,
    compile_expression,
    root_node,
)
from fhirconv.fhirpath.amendments import AMENDED

BASIC: dict[str, Any] = {"resourceType": "Basic", "id": "a" * 60, "code": {"text": "text"}}
SECONDS = 5.0  # of one core; the slowest takes about two


def run(text: str, resource: dict[str, Any] = BASIC, **env: Any) -> list[Any]:
    node = root_node(resource)
    return compile_expression(text).evaluate(node, Env(node, node, **env))


@pytest.mark.parametrize(
    "text",
    [
        "('a' | 'b').repeat($this & 'x')",
        "'a'.repeat($this & $this)",
        "1.repeat($this + 1)",
        "('x' | 'y').repeat(('1' | '2' | '3').select($this & $this)).repeat($this & 'x')",
        "descendants().select(%resource.descendants()).repeat(%resource.id & $index & $this)",
        "'aaaaaaaaaa'" + ".replace('a', 'aaaaaaaaaa')" * 12,
        "code.text.toChars().aggregate($total.combine($total).combine(1), 1 | 2)"
        + ".select(%resource.descendants())" * 12,
    ],
)
def test_a_budget_of_steps_ends_what_grows(text: str) -> None:
    start = time.process_time()
    with pytest.raises(FhirPathLimit):
        run(text)
    assert time.process_time() - start < SECONDS


def test_a_small_budget_is_kept() -> None:
    with pytest.raises(FhirPathLimit, match="more than 3 steps"):
        run("id.select($this).select($this).select($this).select($this)", budget=3)


def test_matches_takes_time_linear_in_the_text() -> None:
    start = time.process_time()
    assert run("(id & '!').matches('^(a+)+$')") == [False]
    assert run("id.matches('^(a+)+$')") == [True]
    assert time.process_time() - start < 1


def test_a_pattern_that_could_take_forever_is_refused() -> None:
    for text in (r"id.matches('(a+)+\\1$')", "id.replaceMatches('(a+)+$', 'x')", "id.matches('(?=(a+)+$)b')"):
        with pytest.raises(FhirPathUndecided):
            run(text)


def test_what_only_the_slow_engine_knows_is_run_where_it_cannot_be_slow() -> None:
    assert run("'ab'.matches('(?=a)ab')") == [True]
    assert run("'a.b.c'.replaceMatches('\\\\..*', '')") == ["a"]
    assert run("'ab'.replaceMatches('(a)(b)', '$2$1')") == ["ba"]


def test_matches_finds_a_part_and_goes_over_lines() -> None:
    assert run("'xay'.matches('a')") == [True]
    assert run("'a\\nb'.matches('^a.b$')") == [True]
    with pytest.raises(FhirPathError):
        run("'a'.matches('[')")


@pytest.mark.parametrize(
    "text",
    ["(" * 5000 + "1" + ")" * 5000, "-" * 3000 + "1", "1" + " + 1" * 3000, "id" + ".first()" * 2000, "a" * 30_000],
)
def test_long_and_deep_expressions_are_refused(text: str) -> None:
    with pytest.raises(FhirPathLimit):
        compile_expression(text)


def test_numbers_beyond_all_bounds_are_nothing() -> None:
    observation = {"resourceType": "Observation", "valueInteger": 10**15}
    assert run("value * value", observation) == []
    assert run("9.power(900000)") == []
    assert run("(9.9).power(900000)") == []


def test_clock_and_answers_come_from_the_environment() -> None:
    moment = datetime(2020, 5, 6, 7, 8, 9, tzinfo=timezone.utc)  # noqa: UP017
    assert run("today() = @2020-05-06 and now() = @2020-05-06T07:08:09Z", now=lambda: moment) == [True]
    other = Node({"resourceType": "Patient", "id": "x"}, "Patient")
    reference = {"resourceType": "Basic", "subject": {"reference": "Patient/x"}}
    assert run("subject.resolve().id = 'x'", reference, resolve={"Patient/x": other}.get) == [True]
    assert run("subject.resolve()", reference) == []
    assert run("code.memberOf('http://hospital.test/vs')", member_of=lambda node, url: url.endswith("vs")) == [True]


def test_what_is_not_on_board_is_undecided() -> None:
    for text in ("code.memberOf('http://hospital.test/vs')", "conformsTo('http://hospital.test/profile')"):
        with pytest.raises(FhirPathUndecided):
            run(text)


def test_each_amendment_replaces_a_text_of_r4() -> None:
    published = {one.expression for name in r4.all_types() for one in r4.constraints_of(name)}
    assert set(AMENDED) <= published


def test_trace_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    run("id.trace('secret')")
    assert capfd.readouterr() == ("", "")


_WORDS = (
    *(
        "id",
        "code",
        "$this",
        "1",
        "2.5",
        "'a'",
        "@2020-01",
        "@T10",
        "4 days",
        "{}",
        "true",
        "%resource",
        "(",
        ")",
        "[",
        "]",
    ),
    *(
        ".",
        ",",
        "+",
        "-",
        "*",
        "/",
        "&",
        "|",
        "=",
        "!=",
        "~",
        "<",
        ">=",
        "and",
        "or",
        "implies",
        "in",
        "contains",
        "is",
        "as",
    ),
    *(
        "Integer",
        "where(",
        "select(",
        "repeat(",
        "first()",
        "descendants()",
        "matches(",
        "iif(",
        "toQuantity()",
        "not()",
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join)))
def test_any_text_is_an_expression_or_an_error_of_ours(text: str) -> None:
    with suppress(FhirPathError):  # any other exception fails
        run(text, budget=2000)
