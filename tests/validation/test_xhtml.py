"""The narrative check: what it accepts and refuses (narratives.json), in time that grows with the length only."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirconv.issues import Issue
from fhirconv.validation.xhtml import NAMESPACE, PLAIN_NARRATIVE, _Checker, _plain, narrative_problems

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "narratives.json").read_text(encoding="utf-8"))


def div(inner: str) -> str:
    return f'<div xmlns="{NAMESPACE}">{inner}</div>'


def rules(text: str) -> list[str]:
    return sorted({rule for rule, _ in narrative_problems(text, ())})


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["div"]))
def test_cases(case: dict[str, Any]) -> None:
    assert rules(case["div"]) == case["rules"]


def test_messages_say_what_was_found_and_what_to_do() -> None:
    for case in CASES:
        for rule, message in narrative_problems(case["div"]):
            assert len(message) < 250
            assert ";" in message
            assert rule.startswith("txt-") or Issue(rule, message).layer == "narrative"


def test_a_link_may_name_an_id_of_the_resource() -> None:
    text = div('<a href="#lab-1">x</a><img src="#pic" alt=""/>')
    assert narrative_problems(text) == []
    assert narrative_problems(text, {"lab-1", "pic"}) == []
    assert [message for _, message in narrative_problems(text, {"pic"})] == [
        "a link names 'lab-1', an id that is not there; mend it"
    ]


SCHEMES = st.sampled_from(["javascript:", "vbscript:", "data:text/html,", "livescript:"])


@given(SCHEMES, st.data())
def test_no_disguise_hides_a_scheme_that_runs(scheme: str, data: st.DataObject) -> None:
    """Case, blanks and control characters in it, and every character as a reference: a browser sees through them."""
    hidden = ""
    for character in scheme:
        blanks = data.draw(st.sampled_from(["", "", "", " ", "\t", "&#10;", "&#13;", "\x01", "&#1;"]))
        form = data.draw(st.sampled_from(["{0}", "{1}", "&#{2};", "&#x{2:x};", "&#{2:07};"]))
        hidden += blanks + form.format(character, character.upper(), ord(character))
    for element in ('<a href="{}x">x</a>', '<img src="{}x" alt="x"/>', '<area href="{}x"/>x', '<q cite="{}x">x</q>'):
        assert "narrative-unsafe" in rules(div(element.format(hidden)))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    narrative_problems(text)
    narrative_problems(div(text), ())


MARKUP = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "<ul>", "<li>", "</li>", "</ul>", "<br/>", "x", "&amp;", "<", ">", "&", '"', "'",
         "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<!DOCTYPE", " a=", '<a href="', "<img ", "/>", "\x00"]
    )
)  # fmt: skip


@given(MARKUP)
def test_no_markup_raises(pieces: list[str]) -> None:
    narrative_problems(div("".join(pieces)), ())


# -- what needs no reading ------------------------------------------------------------------------------------------------


def slow(text: str) -> list[tuple[str, str]]:
    checker = _Checker(())
    checker.check(text)
    return list(checker.problems)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(WORDS, WORDS, st.lists(WORDS, max_size=3))
def test_what_is_plain_has_no_problem(head: str, role: str, rows: list[str]) -> None:
    """Of whatever words: the expression accepts no more than the check does."""
    listed = f"<ul>{''.join(f'<li>{row}</li>' for row in rows)}</ul>" if rows else ""
    text = div(f"<p><b>{head}</b>{role}</p>{listed}")
    if _plain(text):
        assert slow(text) == []


@given(st.from_regex(PLAIN_NARRATIVE, fullmatch=True))
def test_whatever_the_expression_matches_has_no_problem(text: str) -> None:
    assert slow(text.removesuffix("\n")) == []


def test_what_fhirconv_writes_is_plain() -> None:
    for file in sorted((FIXTURES / "bundles").glob("*.json")):
        for entry in json.loads(file.read_bytes())["entry"]:
            text = entry["resource"].get("text")
            assert text is None or _plain(text["div"]), text


def test_the_expression_is_one_of_rust_too() -> None:
    """No look-around, no back reference, nothing possessive: jsonschema-rs compiles it."""
    import jsonschema_rs

    schema = jsonschema_rs.validator_for({"type": "string", "pattern": PLAIN_NARRATIVE}, pattern_options=jsonschema_rs.RegexOptions())
    assert schema.is_valid(div("<p><b>Hb &amp; &lt; 9</b> (x)</p><ul><li>value: 9.8</li></ul>"))
    assert not schema.is_valid(div("<p><b>Hb</b></p><script>x</script>"))
    assert not schema.is_valid(div("<p><b> </b></p>"))


# -- hostile texts: 1 MB each ---------------------------------------------------------------------------------------------

_N = 100_000
HOSTILE = {
    "nested": div("<div>" * _N + "x" + "</div>" * _N),
    "nested, not allowed": div("<b>" * _N + "x" + "</b>" * _N),
    "blocks deep in text": div("<div>" * _N + "<span>" + "<ul>" * _N + "</ul>" * _N + "</span>" + "</div>" * _N),
    "never closed": "<div>" * 2 * _N,
    "open brackets": "<" * 10 * _N,
    "blanks in a tag": "<p" + " " * 10 * _N,
    "attributes": div("<p" + ' a="b"' * _N + ">x</p>"),
    "attributes never closed": div("<p" + ' a="b"' * _N),
    "quotes never closed": div('<p a="' * _N),
    "comments never closed": div("<!--" * _N),
    "dashes": div("<!--" + "-" * 10 * _N),
    "CDATA never closed": div("<![CDATA[" * _N),
    "ampersands": div("&" * 10 * _N),
    "references": div("&#1;" * 2 * _N),
    "unknown elements": div("".join(f"<x{number}/>" for number in range(_N))),
    "one long name": div("<" + "x" * 10 * _N + ">"),
    "broken links": div("".join(f'<a href="#{number}">x</a>' for number in range(_N // 2))),
    "comments in a style": div(f'<p style="{"/*" * 5 * _N}">x</p>'),
    "escapes in a style": div(f'<p style="{chr(92) * 10 * _N}">x</p>'),
    "a long address": div(f'<a href="{"a" * 10 * _N}">x</a>'),
    "a long image": div(f'<img alt="" src="data:image/png{";a=b" * 2 * _N}"/>'),
    "an entity bomb": '<!DOCTYPE d [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>' + div("&c;" * _N),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_costs_what_a_long_one_does(name: str) -> None:
    begin = time.perf_counter()
    found = narrative_problems(HOSTILE[name], ())
    assert time.perf_counter() - begin < 5  # 0.3 s at most where this was written; quadratic would be minutes
    assert len(found) <= 20
    assert all(len(message) < 250 for _, message in found)
