"""The words of the source: quotes found in its text, and facts held against their own quotes.

Folded when comparing: a line-end hyphen may be dropped, and any white space, line breaks and no-break spaces
included, equals one blank. Nothing else is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fhirconv.facts import Case, Fact, fold
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
            if fold(value) not in said:
                case.add("quote-lacks", f"the quotes of this fact do not have {shown(value)}", fact, path)
        elif str(value) not in numbers:
            case.add("quote-lacks", f"the quotes of this fact do not have the number {value}", fact, path)


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
    for key in ("unit", "drug"):
        words = data.get(key)
        words = words.words if isinstance(words, Term) else words  # of the source; codes are no words of a quote
        if isinstance(words, str) and words:
            found.append(((key,), words))
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
