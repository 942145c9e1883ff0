"""Our validator against HL7's engine on the same files: `python -m tests.validator.compare [--show misses]`."""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from . import corpora
from .broken import broken
from .corpora import Sample
from .oracle import Finding
from .verdicts import Verdicts

_SCOPE = Path(__file__).parent / "scope.toml"
_NOISE = re.compile(r"/\*.*?\*/|\[url=.*?\](?=\.|$)|\.(?:ofType|where)\([^)]*\)|\[x\]")
_STEP = re.compile(r"\[\d+\]|[^.\[\]]+")
_PLACE = re.compile(r"\(([A-Z]\w+\.[\w.\[\]]+)\)")  # some errors of a Bundle name the element only in the message
_INVARIANT = re.compile(r"Constraint failed: ([\w-]+):")


class OurFinding(Protocol):
    """What a comparison reads of fhirconv.Issue."""

    @property
    def rule(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def expression(self) -> str: ...
    @property
    def is_error(self) -> bool: ...


def ours(content: bytes) -> Sequence[OurFinding]:
    """What fhirconv says of the bytes of a resource: the one place where it is called."""
    from fhirconv import validate

    found: Sequence[OurFinding] = validate(content)
    return found


def steps(expression: str) -> tuple[str, ...]:
    """The steps of a FHIRPath below the resource, without what only one writer puts in: types, comments, urls."""
    return tuple(_STEP.findall(_NOISE.sub("", expression)))[1:]


def related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one is the other, or leads to it within the same resource. An index that one leaves out is no difference.

    valueQuantity counts as value: a choice is written either way.
    """
    i = j = 0
    while i < len(one) and j < len(other):
        left, right = one[i], other[j]
        if left[0] == "[" != right[0]:
            i += 1
        elif right[0] == "[" != left[0]:
            j += 1
        elif not _same(left, right):
            return False
        else:
            i, j = i + 1, j + 1
    rest = [step for step in one[i:] + other[j:] if step[0] != "["]
    return not {"resource", "contained"} & set(rest[:-1])


def _same(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (long.startswith(short) and long[len(short)].isupper() and short[0].islower())


class Reason(NamedTuple):
    """Why an error of Java's is none for us."""

    pattern: re.Pattern[str]
    reason: str


@cache
def _reasons() -> list[Reason]:
    return [Reason(re.compile(out["pattern"]), out["reason"]) for out in tomllib.loads(_SCOPE.read_text())["out"]]


def out_of_scope(finding: Finding) -> str:
    """Why this error is none that our validator is asked to find, by scope.toml; empty if it is one."""
    text = f"{finding.message} @ {finding.expression}"
    return next((reason for pattern, reason in _reasons() if pattern.search(text)), "")


def in_scope(findings: Iterable[Finding]) -> list[Finding]:
    """The errors that our validator is asked to find, each once."""
    return list(dict.fromkeys(f for f in findings if f.is_error and not out_of_scope(f)))


def matches(java: Finding, our: OurFinding) -> bool:
    """Whether both speak of one thing: places that are related, and for an invariant its key or the very same place."""
    if not java.expression or not our.expression:  # the whole text: it is no JSON
        return True
    there = steps(our.expression)
    here = [steps(place) for place in (java.expression, *_PLACE.findall(java.message))]
    key = _INVARIANT.search(java.message)
    return any(related(place, there) for place in here) and (not key or key[1] == our.rule or there in here)


class Compared(NamedTuple):
    """One file: Java's errors in scope that we find and that we miss, ours that it does not, and those out of scope."""

    name: str
    found: list[Finding]
    missed: list[Finding]
    alone: list[OurFinding]
    out: list[Finding]
    is_ours_error: bool

    @property
    def group(self) -> str:
        """The column of the table that this file is counted in."""
        java = bool(self.found or self.missed)
        if java == self.is_ours_error:
            return "agree error" if java else "agree clean"
        return "we miss" if java else "we alone"


def compare(name: str, java: Iterable[Finding], our: Iterable[OurFinding]) -> Compared:
    """Hold the errors of both against each other."""
    errors = list(dict.fromkeys(f for f in java if f.is_error))
    wanted = in_scope(errors)
    our_errors = [issue for issue in our if issue.is_error]
    found = [f for f in wanted if any(matches(f, issue) for issue in our_errors)]
    return Compared(
        name,
        found,
        [f for f in wanted if f not in found],
        [issue for issue in our_errors if not any(matches(f, issue) for f in errors)],
        [f for f in errors if f not in wanted],
        bool(our_errors),
    )


def samples(corpus: str, types: Sequence[str] = ()) -> Iterator[Sample]:
    """The resources of a corpus: examples, mcode, broken or all."""
    if corpus in ("examples", "all"):
        yield from corpora.examples(types or corpora.TYPES)
    if corpus in ("mcode", "all"):
        yield from corpora.mcode(types)
    if corpus in ("broken", "all"):
        yield from (Sample(case.name, case.content) for case in broken())


def compare_all(files: Iterable[Sample]) -> Iterator[Compared]:
    """Compare our validator with HL7's engine on every file."""
    with Verdicts("hl7") as java:
        for name, content in files:
            yield compare(name, java.of(content), ours(content))


def shape(message: str) -> str:
    """A message without what differs from file to file."""
    message = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", message)
    return re.sub(r"\d+", "N", re.sub(r"https?://\S+", "URL", message))[:140]


def main() -> int:
    """Print the table; returns 1 when we miss an error of Java's or report one alone."""
    parser = argparse.ArgumentParser(prog="python -m tests.validator.compare", description=__doc__)
    parser.add_argument("--corpus", choices=("examples", "mcode", "broken", "all"), default="all")
    parser.add_argument("--types", nargs="+", default=(), metavar="TYPE", help="default: the types of patient data")
    parser.add_argument("--limit", type=int, help="only the first N files")
    parser.add_argument("--show", choices=("misses", "alone"), help="print each, not only counts")
    options = parser.parse_args()
    files = list(samples(options.corpus, options.types))[: options.limit]
    done = list(compare_all(files))
    _print_files(done)
    _print_table("Java's errors that we miss", ((shape(f.message), c.name) for c in done for f in c.missed))
    _print_table("our errors that Java has not", ((i.rule, c.name) for c in done for i in c.alone))
    _print_table("Java's errors out of scope", ((out_of_scope(f), c.name) for c in done for f in c.out))
    for compared in done if options.show else ():
        _print_each(compared, options.show)
    return int(any(c.missed or c.alone for c in done))


def _print_files(done: Sequence[Compared]) -> None:
    groups = Counter(c.group for c in done)
    print(f"{len(done)} files")
    for group in ("agree clean", "agree error", "we miss", "we alone"):
        print(f"  {group:12} {groups[group]:6}")
    found, missed = sum(len(c.found) for c in done), sum(len(c.missed) for c in done)
    share = 100 * found / (found + missed) if found + missed else 100
    print(f"errors of HL7's engine in scope: {found + missed}, found {found} ({share:.1f} %), missed {missed}")


def _print_table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """How often each kind occurs, in how many files, and one of the files; the most frequent first."""
    files: defaultdict[str, list[str]] = defaultdict(list)
    for kind, name in rows:
        files[kind].append(name)
    print(f"\n{title}: {sum(map(len, files.values()))}\n  errors  files")
    for kind, names in sorted(files.items(), key=lambda row: (-len(row[1]), row[0])):
        print(f"  {len(names):6} {len(set(names)):6}  {kind}   [{names[0]}]")


def _print_each(compared: Compared, what: str) -> None:
    if what == "misses":
        for finding in compared.missed:
            print(f"{compared.name}: missed: {finding.expression}: {finding.message}")
    else:
        for issue in compared.alone:
            print(f"{compared.name}: alone: {issue.expression}: {issue.message} [{issue.rule}]")


if __name__ == "__main__":
    sys.exit(main())
