"""The words of the source: quotes found in its text, and facts held against their own quotes.

Folded when comparing: a line-end hyphen may be dropped, and any white space, line breaks and no-break spaces
included, equals one blank. Nothing else is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fhirconv.facts import Case, Fact, fold, merged_into
from fhirconv.issues import shown
from fhirconv.numbers import Measured, read_measured
from fhirconv.source import read_text
from fhirconv.terms import Term

_NUMBER_WORDS = dict(
    zip(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
        range(1, 13),
        strict=True,
    )
)
_TENS = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_NUMBER_WORDS |= {word: 20 + 10 * position for position, word in enumerate(_TENS)}


def check_evidence(case: Case, source: Path | None = None) -> None:
    """Notes quotes that the source does not have, and values that a fact's own quotes do not have."""
    facts = [fact for fact in case.facts if "evidence" in fact.data]
    if not facts:
        return
    text = _source_text(case, source)
    if text is not None:
        _check_quoted(case)
    for fact in facts:
        quotes = fact.data["evidence"]
        listed = isinstance(quotes, list)
        if not all(isinstance(quote, str) for quote in (quotes if listed else [quotes])):
            continue  # told by the schema
        for position, quote in enumerate(quotes if listed else [quotes]):
            if text is not None and find_quote(text, quote) is None:
                path = ("evidence", position) if listed else ("evidence",)
                case.add(
                    "quote-not-found",
                    f"the source does not have these words: {shown(quote, 200)}; copy them letter by letter",
                    fact,
                    path,
                )
        _check_support(case, fact, " ".join(quotes) if listed else quotes)


def _check_quoted(case: Case) -> None:
    """Facts without words of the source: not the case and its source, what is from a table, the time of another fact."""
    for fact in case.facts:
        is_own = fact.section.name not in ("case", "source") and merged_into(case, fact) is None
        if is_own and not fact.data.keys() & {"evidence", "origin"}:
            message = "no words of the source state this fact; add them as 'evidence', or remove the fact"
            case.add("quote-missing", message, fact)


def _source_text(case: Case, source: Path | None) -> str | None:
    """The text of the source: --source, or 'source.text' of the case, relative to the case's file."""
    name = case.section("source").get("text")
    if source is None:
        if not isinstance(name, str):  # none, or told by the schema
            return None
        if not case.document.name:  # Python values: there is no file that the text could lie beside
            return None
        if Path(name).is_absolute():
            case.document.add(
                "source-unreadable", f"{shown(name)} is absolute; name it relative to the case's file", "/source/text"
            )
            return None
        path = Path(case.document.name).parent / name
        if not path.is_file():
            pointer = "/source/text"
            message = (
                f"{shown(name)} is not there; the quotes were not checked against the source (give it with --source)"
            )
            case.document.add("source-missing", message, pointer)
            return None
        source = path
    text, problem = read_text(source)
    if problem:
        case.document.add("source-unreadable", f"{source}: {problem}", "/source/text" if name else "/source")
        return None
    return text


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Start and end of a quote in a text, or None; see the module for what is folded."""
    at = text.find(quote)
    if at >= 0 and quote:  # as it usually is
        return at, at + len(quote)
    found = _quote_pattern(quote).search(text)
    return found.span() if found else None


def _quote_pattern(quote: str) -> re.Pattern[str]:
    """Blanks match any white space; inside a word a hyphen and a line break may stand, after a hyphen a line break."""
    words = []
    for word in quote.split():
        letters = [re.escape(letter) for letter in word]
        joined = letters[0]
        for before, letter in zip(word, letters[1:], strict=False):
            joined += (r"(?:\s*\n\s*)?" if before in "-\u2010\u2011" else r"(?:-[^\S\n]*\n\s*)?") + letter
        words.append(joined)
    return re.compile(r"\s+".join(words))


def _check_support(case: Case, fact: Fact, quotes: str) -> None:
    """Numbers, drugs and units of a fact stand in its own quotes."""
    said = fold(quotes).replace("\u2019", "'")
    numbers = {token.rstrip(".") for token in re.findall(r"\d[\d.]*", said)}
    numbers |= {str(_NUMBER_WORDS[word]) for word in re.findall(r"[a-z]+", said) if word in _NUMBER_WORDS}
    numbers |= {token[:-1] for token in re.findall(r"\d+s\b", said)}
    for path, value in _stated(fact.data, case.conventions.get("decimal_mark", "")):
        if isinstance(value, str):
            if not (_has_unit(said, fold(value)) if path[-1] == "unit" else fold(value) in said):
                case.add("quote-lacks", f"the quotes of this fact do not have {shown(value)}", fact, path)
        elif str(value) not in numbers:
            case.add("quote-lacks", f"the quotes of this fact do not have the number {value}", fact, path)


def _has_unit(said: str, unit: str) -> bool:
    """Whether a unit stands there as a whole: mL is no part of U/mL, nor g of mg or g/dL; '4 units' has a unit."""
    before = r"(?<![^\W\d_])(?<![/*^])" if unit[:1].isalpha() else ""
    plural = "s?" if unit.isalpha() and len(unit) > 2 else ""
    return re.search(f"{before}{re.escape(unit)}{plural}(?![\\w/*^])", said) is not None


def _stated(data: dict[str, Any], mark: str) -> list[tuple[tuple[str, ...], Any]]:
    """Path and value of the numbers, drugs and units that a fact states."""
    found: list[tuple[tuple[str, ...], Any]] = []
    if "value" in data:
        measured = read_measured(data["value"], mark)
        if isinstance(measured, Measured):
            printed = data["value"] if isinstance(data["value"], str) else None
            ends = [measured.value, measured.low, measured.high]
            found += [
                (("value",), printed.strip("<>=≤≥ ") if printed and end is measured.value else end)
                for end in ends
                if end is not None
            ]
    for path in (("unit",), ("amount", "unit"), ("dose", "unit"), ("drug",)):
        where = data.get(path[0]) if len(path) > 1 else data
        words = where.get(path[-1]) if isinstance(where, dict) else None
        words = words.words if isinstance(words, Term) else words  # of the source; codes are no words of a quote
        if isinstance(words, str) and words:
            found.append((path, words))
    if "score" in data:
        found.append((("score",), data["score"]))
    for outer in ("amount", "dose", "age"):
        for key in ("value", "low", "high", "decade"):
            value = data.get(outer, {}).get(key) if isinstance(data.get(outer), dict) else None
            if value is not None:
                found.append(((outer, key), value))
    for outer in ("at", "start", "end", "onset", "abatement"):
        by = data[outer].get("by") if isinstance(data.get(outer), dict) else None
        found += [((outer, "by", key), by[key]) for key in ("value", "low", "high") if isinstance(by, dict) and key in by]
    return found
