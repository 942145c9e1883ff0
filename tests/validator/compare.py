"""Our validator against the judges on the same files: `python -m tests.validator.compare [--show misses]`.

HL7's engine is the judge. Where we alone report an error, HAPI's chain is asked too: it knows UCUM.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from . import corpora
from .broken import broken
from .corpora import Sample
from .oracle import Finding
from .verdicts import Verdicts

_SCOPE = Path(__file__).parent / "scope.toml"
_NOISE = re.compile(r"/\*.*?\*/|\[url=.*?\](?=\.|$)|\.(?:ofType|where)\([^)]*\)|\[x\]")
_ANY_ENTRY = re.compile(r"^The fullUrl ")  # the engine lays these all at entry 0
_MCODE = b"/us/mcode/StructureDefinition/"
_STEP = re.compile(r"\[\d+\]|[^.\[\]]+")
# Some errors of a Bundle name the element only in the message, and that in a document's or message's first resource.
_PLACE = re.compile(r"\((Bundle\.[\w.\[\]]+)\)")
_FIRST = re.compile(r"\((?:Composition|MessageHeader)(?: Data|((?:\.[\w\[\]]+)+))\)")
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
    """What fhirconv says of the bytes of a resource: the one place where it is called. mCODE is loaded if it is claimed."""
    from fhirconv import validate

    found: Sequence[OurFinding] = validate(content, profile="mcode" if _MCODE in content else "r4")
    return found


def steps(expression: str) -> tuple[str, ...]:
    """The steps of a FHIRPath below the resource, without what only one writer puts in: types, comments, urls."""
    return tuple(step.lstrip("_") for step in _STEP.findall(_NOISE.sub("", expression))[1:])


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


class Entry(NamedTuple):
    """An entry of scope.toml: findings that a pattern is found in, and why they do not count."""

    pattern: re.Pattern[str]
    reason: str


@cache
def _entries(kind: str) -> list[Entry]:
    return [Entry(re.compile(one["pattern"]), one["reason"]) for one in tomllib.loads(_SCOPE.read_text("utf-8"))[kind]]


def out_of_scope(finding: Finding) -> str:
    """Why this error is none that our validator is asked to find; empty if it is one."""
    return _reason("out", f"{finding.message} @ {finding.expression}")


def _reason(kind: str, text: str) -> str:
    return next((reason for pattern, reason in _entries(kind) if pattern.search(text)), "")


def in_scope(findings: Iterable[Finding]) -> list[Finding]:
    """The errors that our validator is asked to find, each once."""
    return list(dict.fromkeys(f for f in findings if f.is_error and not out_of_scope(f)))


def matches(java: Finding, our: OurFinding) -> bool:
    """Whether both speak of one thing: places that are related, and for an invariant its key or the very same place."""
    if not java.expression or not our.expression:  # the whole text: it is no JSON
        return True
    there = steps(our.expression)
    here = [steps(place) for place in _places(java)]
    if _ANY_ENTRY.search(java.message):
        here, there = [_without_index(place) for place in here], _without_index(there)
    key = _INVARIANT.search(java.message)
    return any(related(place, there) for place in here) and (not key or key[1] == our.rule or there in here)


def _places(java: Finding) -> Iterator[str]:
    yield java.expression
    yield from _PLACE.findall(java.message)
    yield from (f"Bundle.entry[0].resource{rest}" for rest in _FIRST.findall(java.message))


def _without_index(place: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(step for step in place if step[0] != "[")


class Compared(NamedTuple):
    """One file: the judge's errors that we find and that we miss, and those out of scope with the reason; our errors
    that HAPI's chain alone confirms, and those that nobody does."""

    name: str
    found: list[Finding]
    missed: list[Finding]
    out: list[tuple[str, Finding]]
    seconded: list[OurFinding]
    alone: list[OurFinding]
    is_ours_error: bool

    @property
    def group(self) -> str:
        """The column of the table that this file is counted in."""
        java = bool(self.found or self.missed)
        if java == self.is_ours_error:
            return "agree error" if java else "agree clean"
        if java:
            return "we miss"
        return "we alone" if self.alone else "HAPI agrees"


def compare(
    sample: Sample,
    java: Iterable[Finding],
    our: Iterable[OurFinding],
    second: Callable[[bytes], list[Finding]] = lambda _: [],
) -> Compared:
    """Hold our findings against those of the judge; `second` is asked only about errors that he has not."""
    errors = list(dict.fromkeys(f for f in java if f.is_error))
    wanted = _of_the_defect(sample, in_scope(errors))
    ours = [issue for issue in our if issue.is_error]
    found = [f for f in wanted if any(matches(f, issue) for issue in ours)]
    alone = [issue for issue in ours if not any(matches(f, issue) for f in errors)]
    seconds = [f for f in second(sample.content) if f.is_error] if alone else []
    seconded = [issue for issue in alone if any(matches(f, issue) for f in seconds)]
    return Compared(
        name=sample.name,
        found=found,
        missed=[f for f in wanted if f not in found],
        out=[
            (out_of_scope(f) or "follows from the one defect of a broken resource", f)
            for f in errors
            if f not in wanted
        ],
        seconded=seconded,
        alone=[
            issue for issue in alone if issue not in seconded and not _reason("right", f"{issue.rule}: {issue.message}")
        ],
        is_ours_error=bool(ours),
    )


def _of_the_defect(sample: Sample, errors: list[Finding]) -> list[Finding]:
    """Of a resource that is broken in one way: the errors where it is broken, if there are any."""
    near = [f for f in errors if any(related(steps(place), steps(sample.at)) for place in _places(f) if place)]
    return near if sample.at and near else errors


CORPORA: dict[str, Callable[[Sequence[str]], Iterable[Sample]]] = {
    "examples": lambda types: corpora.examples(types or corpora.TYPES),
    "mcode": corpora.mcode,
    "broken": lambda types: (Sample(case.name, case.content, case.at) for case in broken()),
}


def compare_all(samples: Iterable[Sample]) -> Iterator[Compared]:
    """Compare our validator with the judges on every file."""
    with ExitStack() as stack:
        hl7, hapi = (stack.enter_context(Verdicts(engine)) for engine in ("hl7", "hapi"))
        for sample in samples:
            yield compare(sample, hl7.of(sample.content), ours(sample.content), hapi.of)


def shape(message: str) -> str:
    """A message without what differs from file to file."""
    message = re.sub(r"(?<!\w)'[^']*'|\"[^\"]*\"", "'…'", message)
    return re.sub(r"\d+", "N", re.sub(r"https?://\S+", "URL", message))[:140]


def main() -> int:
    """Print the tables; returns 1 when we miss an error of the judge's or report one alone."""
    parser = argparse.ArgumentParser(prog="python -m tests.validator.compare", description=__doc__)
    parser.add_argument("--corpus", choices=(*CORPORA, "all"), default="all")
    parser.add_argument("--types", nargs="+", default=(), metavar="TYPE", help="default: the types of patient data")
    parser.add_argument("--limit", type=int, help="only the first N files of each corpus")
    parser.add_argument("--show", choices=("misses", "alone"), help="print each, not only counts")
    options = parser.parse_args()
    wanted = [name for name in CORPORA if options.corpus in (name, "all")]
    done = {name: list(compare_all(islice(CORPORA[name](options.types), options.limit))) for name in wanted}
    _print_files(done)
    everything = [compared for corpus in done.values() for compared in corpus]
    right = [compared for name in wanted if name != "broken" for compared in done[name]]
    _print_table(
        "errors of HL7's engine that we miss", ((shape(f.message), c.name) for c in everything for f in c.missed)
    )
    _print_table(
        "our errors on examples that HAPI alone confirms", ((i.rule, c.name) for c in right for i in c.seconded)
    )
    _print_table("our errors on examples that nobody confirms", ((i.rule, c.name) for c in right for i in c.alone))
    _print_table("errors of HL7's engine out of scope", ((reason, c.name) for c in everything for reason, _ in c.out))
    for compared in everything if options.show else ():
        _print_each(compared, options.show)
    return int(any(c.missed for c in everything) or any(c.alone for c in right))


_GROUPS = ("agree clean", "agree error", "HAPI agrees", "we miss", "we alone")


def _print_files(done: dict[str, list[Compared]]) -> None:
    print("corpus     files", *(f"{group:>11}" for group in _GROUPS), " | errors in scope   found        missed")
    for name, corpus in done.items():
        groups = Counter(c.group for c in corpus)
        found, missed = sum(len(c.found) for c in corpus), sum(len(c.missed) for c in corpus)
        share = f"({100 * found / (found + missed):.1f} %)" if found + missed else ""
        cells = " ".join(f"{groups[group]:11}" for group in _GROUPS)
        print(f"{name:10} {len(corpus):5} {cells}  | {found + missed:15} {found:7} {share:>9} {missed:7}")


def _print_table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """How often each kind occurs, in how many files, and one of the files; the most frequent first."""
    files: defaultdict[str, list[str]] = defaultdict(list)
    for kind, name in rows:
        files[kind].append(name)
    print(f"\n{title}: {sum(map(len, files.values()))}")
    for kind, names in sorted(files.items(), key=lambda row: (-len(row[1]), row[0])):
        print(f"  {len(names):6} in {len(set(names)):4} files: {kind}   [{names[0]}]")


def _print_each(compared: Compared, what: str) -> None:
    if what == "misses":
        for finding in compared.missed:
            print(f"{compared.name}: missed: {finding.expression}: {finding.message}")
    else:
        for issue in compared.alone:
            print(f"{compared.name}: alone: {issue.expression}: {issue.message} [{issue.rule}]")


if __name__ == "__main__":
    sys.exit(main())
