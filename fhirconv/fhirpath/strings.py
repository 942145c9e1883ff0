"""Functions on text. All give nothing for nothing.

Spec: http://hl7.org/fhirpath/N1/#string-manipulation
"""

from __future__ import annotations

from collections.abc import Callable

from fhirconv.fhirpath import patterns
from fhirconv.fhirpath.errors import FhirPathError
from fhirconv.fhirpath.registry import function
from fhirconv.fhirpath.running import Run
from fhirconv.fhirpath.values import Collection, single, text_of


def text(items: Collection, name: str) -> str | None:
    """The text of the one item; None for nothing. Numbers and the like are no text: FhirPathError."""
    if not items:
        return None
    value = single(items, name)
    if not isinstance(value, str):
        # A date or a uri is text to the functions on text, as in HL7's validator.
        written = text_of(items[0]) if not isinstance(value, bool | int | float) else None
        if written is None:
            raise FhirPathError(f"{name} works on text")
        return written
    return value


def _test(name: str, test: Callable[[str, str], bool]) -> None:
    @function(name, 1)
    def run_test(run: Run, items: Collection, other: Collection) -> Collection:
        here, there = text(items, f"{name}()"), text(other, f"{name}()")
        if here is None or there is None:
            return []
        run.spend_text(len(here))
        return [test(here, there)]


_test("startsWith", str.startswith)
_test("endsWith", str.endswith)
_test("contains", str.__contains__)
_test("matches", lambda here, pattern: patterns.matcher(pattern)(here))
_test("matchesFull", lambda here, pattern: patterns.matcher(f"^(?:{pattern})$")(here))


@function("indexOf", 1)
def _index_of(run: Run, items: Collection, part: Collection) -> Collection:
    here, there = text(items, "indexOf()"), text(part, "indexOf()")
    return [] if here is None or there is None else [here.find(there)]


@function("substring", 1, 2)
def _substring(run: Run, items: Collection, start: Collection, length: Collection | None = None) -> Collection:
    here, first = text(items, "substring()"), single(start, "substring()")
    if here is None or not isinstance(first, int) or not 0 <= first < len(here):
        return []
    count = len(here) if length is None else single(length, "substring()")
    if count is None:
        count = len(here)
    return [here[first : first + max(int(count), 0)]]


def _change(name: str, change: Callable[[str], str]) -> None:
    @function(name)
    def run_change(run: Run, items: Collection) -> Collection:
        here = text(items, f"{name}()")
        if here is None:
            return []
        run.spend_text(len(here))
        return [change(here)]


_change("upper", str.upper)
_change("lower", str.lower)
_change("trim", str.strip)


@function("replace", 2)
def _replace(run: Run, items: Collection, part: Collection, other: Collection) -> Collection:
    here, old, new = (text(one, "replace()") for one in (items, part, other))
    if here is None or old is None or new is None:
        return []
    run.spend_text(len(here) + (here.count(old) + 1) * len(new))
    return [here.replace(old, new)]


@function("replaceMatches", 2)
def _replace_matches(run: Run, items: Collection, pattern: Collection, other: Collection) -> Collection:
    here, old, new = (text(one, "replaceMatches()") for one in (items, pattern, other))
    if here is None or old is None or new is None:
        return []
    run.spend_text((len(here) + 1) * (len(new) + 1))
    return [patterns.replaced(here, old, new)]


@function("length")
def _length(run: Run, items: Collection) -> Collection:
    here = text(items, "length()")
    return [] if here is None else [len(here)]


@function("toChars")
def _to_chars(run: Run, items: Collection) -> Collection:
    here = text(items, "toChars()") or ""
    run.spend(len(here))
    return list(here)


@function("split", 1)
def _split(run: Run, items: Collection, separator: Collection) -> Collection:
    here, mark = text(items, "split()"), text(separator, "split()")
    run.spend(len(here or ""))
    return [] if here is None or not mark else list(here.split(mark))


@function("join", 0, 1)
def _join(run: Run, items: Collection, separator: Collection | None = None) -> Collection:
    mark = text(separator or [""], "join()") or ""
    parts = [text([item], "join()") or "" for item in items]
    run.spend_text(sum(map(len, parts)) + len(mark) * len(parts))
    return [mark.join(parts)] if parts else []
