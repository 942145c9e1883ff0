"""The mistakes of a language model that model_errors.py makes: each kind lists the places where a case can have it.

A kind takes the case, which its changes alter, and the text that the case was read from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

Facts = dict[str, Any]
Change = Callable[[Random], None]
OTHERS = {"takanashi-2019": "Discussion", "nakagawa-2022": "References"}  # from here on a text speaks of others
DRUGS = ("anastrozole", "exemestane", "tamoxifen", "letrozole", "ribociclib", "palbociclib", "abemaciclib")
NEGATIONS = {
    ("result", "negative"): "positive",
    ("result", "no abnormalities"): "abnormalities",
    ("result", "no typical findings"): "typical findings",
    ("status", "no progression"): "progression",
    ("status", "no worsening"): "worsening",
    ("status", "not-taken"): "completed",
    ("status", "not-done"): "completed",
    ("presence", "absent"): "present",
    ("verification", "differential"): "confirmed",
}


def facts_of(case: Facts) -> Iterator[tuple[str, Facts]]:
    """Section and fact of all but the case and its source."""
    for section, found in case.items():
        if section not in ("case", "source"):
            yield from ((section, fact) for fact in (found if isinstance(found, list) else [found]))


def quotes_of(fact: Facts) -> list[str]:
    """The quotes of a fact."""
    evidence = fact.get("evidence", [])
    return list(evidence) if isinstance(evidence, list) else [evidence]


def objects_of(fact: Facts) -> Iterator[Facts]:
    """A fact and the objects within it."""
    yield fact
    for value in fact.values():
        if isinstance(value, dict):
            yield from objects_of(value)


def put(where: Facts, key: str, choices: list[Any], draw: Random) -> None:
    """One of the choices that is another than what stands there."""
    where[key] = draw.choice([one for one in choices if one != where[key]])


def _numbers(case: Facts) -> Iterator[tuple[Facts, Facts, str]]:
    """Fact, object and key of each number."""
    for _, fact in facts_of(case):
        for where in objects_of(fact):
            for key in ("value", "score", "decade"):
                if isinstance(where.get(key), int | Decimal):
                    yield fact, where, key


def _other_numbers(value: Any) -> list[Any]:
    return [value * 10, value + 10] if value % 10 == 0 else [value * 10, value + 1, value + 2]


def invented_quote(case: Facts, text: str) -> Iterator[Change]:
    """A word of a quote is another one, so that the text does not have it."""
    words, flat = sorted(set(re.findall(r"\b[a-z]{4,}\b", text))), " ".join(text.split())

    def change(fact: Facts, at: int, draw: Random) -> None:
        quotes = quotes_of(fact)
        inside = quotes[at].split()
        place = draw.randrange(len(inside))
        inside[place] = draw.choice(words)
        while " ".join(inside) in flat:
            inside[place] = draw.choice(words)
        quotes[at] = " ".join(inside)
        fact["evidence"] = quotes

    for _, fact in facts_of(case):
        yield from (partial(change, fact, at) for at in range(len(quotes_of(fact))))


def quote_of_another_fact(case: Facts, text: str) -> Iterator[Change]:
    """The quotes of a fact are those of another."""
    every = [quotes_of(fact) for _, fact in facts_of(case) if "evidence" in fact]
    yield from (partial(put, fact, "evidence", every) for _, fact in facts_of(case) if "evidence" in fact)


def number_changed(case: Facts, text: str) -> Iterator[Change]:
    """A number is another than that of its quotes."""
    yield from (partial(put, where, key, _other_numbers(where[key])) for _, where, key in _numbers(case))


def number_and_quote_changed(case: Facts, text: str) -> Iterator[Change]:
    """A number is another, and so it is in the quotes."""

    def change(fact: Facts, where: Facts, key: str, draw: Random) -> None:
        old = str(where[key])
        put(where, key, _other_numbers(where[key]), draw)
        fact["evidence"] = [quote.replace(old, str(where[key])) for quote in quotes_of(fact)]

    for fact, where, key in _numbers(case):
        if any(str(where[key]) in quote for quote in quotes_of(fact)):
            yield partial(change, fact, where, key)


def unit_changed(case: Facts, text: str) -> Iterator[Change]:
    """The unit of a result or amount is another."""
    for _, fact in facts_of(case):
        for where in (fact, fact.get("amount", {}), fact.get("dose", {})):
            if "unit" in where:
                yield partial(put, where, "unit", ["U/L", "mL", "ng/mL", "g/dL"])


def unit_of_time_changed(case: Facts, text: str) -> Iterator[Change]:
    """Months are weeks, or years."""
    for _, fact in facts_of(case):
        for where in objects_of(fact):
            if "by" in where:
                yield partial(put, where["by"], "unit", ["days", "weeks", "months", "years"])


def drug_swapped(case: Facts, text: str) -> Iterator[Change]:
    """A drug is another of its group."""
    yield from (partial(put, fact, "drug", list(DRUGS)) for fact in case.get("medications", []))


def date_changed(case: Facts, text: str) -> Iterator[Change]:
    """A date is another, or more precise than that of the text."""
    for _, fact in facts_of(case):
        for where in objects_of(fact):
            yield from (
                partial(put, where, key, ["2013-02", "2014-04", "2014-02-15"])
                for key, value in where.items()
                if isinstance(value, str) and re.fullmatch(r"\d{4}(-\d\d)*", value)
            )


def before_for_after(case: Facts, text: str) -> Iterator[Change]:
    """Before an event stands as after it, or the other way."""

    def change(where: Facts, old: str, new: str, draw: Random) -> None:
        where[new] = where.pop(old)

    for _, fact in facts_of(case):
        for where in objects_of(fact):
            for old, new in (("before", "after"), ("after", "before")):
                if old in where:
                    yield partial(change, where, old, new)


def side_changed(case: Facts, text: str) -> Iterator[Change]:
    """Left is right; where no side is stated, one is."""
    for section, fact in facts_of(case):
        if section in ("conditions", "procedures", "specimens", "findings") and "site" in fact:
            yield partial(_put_side, fact)


def _put_side(fact: Facts, draw: Random) -> None:
    fact["laterality"] = draw.choice([side for side in ("left", "right") if side != fact.get("laterality")])


def negation_dropped(case: Facts, text: str) -> Iterator[Change]:
    """What is not, was not done, or was negative, is."""
    for _, fact in facts_of(case):
        for (key, old), new in NEGATIONS.items():
            if fact.get(key) == old:
                yield partial(put, fact, key, [new])


def of_someone_else(case: Facts, text: str) -> Iterator[Change]:
    """A fact from the discussion or the reference list, with its true quote."""

    def change(sentence: str, draw: Random) -> None:
        words = sentence.split()
        at = draw.randrange(len(words) - 2)
        case["conditions"].append({"kind": "other", "name": " ".join(words[at : at + 3]), "evidence": sentence})

    rest = text[text.index(OTHERS[case["case"]["id"]]) :]
    sentences = [" ".join(one.split()) for one in re.findall(r"[A-Z][^.\[\]]{40,150}\.", rest)]
    yield from (partial(change, sentence) for sentence in sentences)


def without_quote(case: Facts, text: str) -> Iterator[Change]:
    """An invented result without any quote."""

    def change(analyte: str, draw: Random) -> None:
        case["labs"].append({"analyte": analyte, "value": draw.randrange(20, 80), "unit": "U/mL"})

    yield from (partial(change, analyte) for analyte in ("CA 125", "CA 19-9", "CYFRA 21-1", "NSE"))


def left_out(case: Facts, text: str) -> Iterator[Change]:
    """A fact is not there."""

    def change(section: str, at: int, draw: Random) -> None:
        del case[section][at]

    for section, found in case.items():
        if isinstance(found, list):
            yield from (partial(change, section, at) for at in range(len(found)))


def said_twice(case: Facts, text: str, other_id: str = "") -> Iterator[Change]:
    """A fact stands twice, as it is or with another id."""

    def change(section: str, fact: Facts, draw: Random) -> None:
        case[section].append({**fact, "id": other_id or fact["id"]})

    for section, found in case.items():
        if isinstance(found, list) and section != "events":
            yield from (partial(change, section, fact) for fact in found)


def code_invented(case: Facts, text: str) -> Iterator[Change]:
    """A code of SNOMED CT or LOINC that nobody stated, its digits by chance."""

    def change(fact: Facts, key: str, draw: Random) -> None:
        snomed = {"system": "snomed", "code": str(draw.randrange(10**7, 10**8)) + str(draw.randrange(10))}
        loinc = {"system": "loinc", "code": f"{draw.randrange(10**4, 10**5)}-{draw.randrange(10)}"}
        fact[key] = {"text": fact[key], "codes": [draw.choice([snomed, loinc])]}

    for _, fact in facts_of(case):
        for key in ("analyte", "test", "drug", "procedure", "finding"):
            if isinstance(fact.get(key), str) and (key != "procedure" or "kind" in fact):
                yield partial(change, fact, key)


KINDS: dict[str, Callable[[Facts, str], Iterator[Change]]] = {
    "a word of a quote is invented": invented_quote,
    "a number is wrong, its quote is right": number_changed,
    "a number is wrong, and so is its quote": number_and_quote_changed,
    "another unit": unit_changed,
    "another drug": drug_swapped,
    "a fact stands twice": said_twice,
    "a fact stands twice, with another id": partial(said_twice, other_id="again"),
    "an invented code": code_invented,
    "the quotes of another fact": quote_of_another_fact,
    "a fact is left out": left_out,
    "another unit of time (weeks for months)": unit_of_time_changed,
    "another date, or a day more than stated": date_changed,
    "before for after": before_for_after,
    "another side, or one that is not stated": side_changed,
    "a negation is dropped": negation_dropped,
    "a fact about others, truly quoted": of_someone_else,
    "an invented result without a quote": without_quote,
}
