"""Our validator against the judges: on resources broken in one way each, on right ones, and on HL7's own examples.

`--renew` writes broken/verdicts.tsv anew: what each engine says of each broken resource today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

import pytest

from . import compare, corpora
from .broken import HERE, Broken, broken, right
from .compare import in_scope, matches, related, steps
from .corpora import Sample
from .oracle import Engine, Finding
from .verdicts import Verdicts

VERDICTS = HERE / "verdicts.tsv"
ENGINES: tuple[Engine, ...] = ("hl7", "hapi")
CASES = {case.name: case for case in broken()}
RIGHT = {sample.name: sample for sample in right()}
EVERY_NTH = 5  # of HL7's examples
SHARE_FOUND = 0.95

# What the specification calls wrong and we only doubt, and why.
DOUBTED = {
    "codes/system-oid-loinc": "official examples name systems by their OID, and no judge minds",
    "codes/loinc-display": "a code of LOINC has other right names than the one that we know",
    "codes/snomed-letters": "official examples have texts in the place of SNOMED CT codes, and no judge minds",
    "codes/icd-form": "official examples have codes of ICD-10 in other forms, and no judge minds",
    "codes/ucum-snomed": "an official example has a SNOMED CT code as unit, and no judge minds",
    "mcode/patient-profile-unknown": "HL7's engine warns, too: the profile may be one of another version of mCODE",
    "narrative/control-reference": "we report the character, the engine an empty narrative",
}
# What we do not report as an issue, and why.
NOT_REPORTED = {
    "contained/profile-unknown": "a note of the layer of profiles says that the claim was not checked",
    "extensions/twice": "the definitions at hand do not say how often an extension of HL7 may stand",
}


@pytest.fixture(scope="module")
def java() -> Iterator[dict[str, Verdicts]]:
    """Both engines, as remembered."""
    with ExitStack() as stack:
        yield {engine: stack.enter_context(Verdicts(engine)) for engine in ENGINES}


def _row(case: Broken, java: dict[str, Verdicts]) -> str:
    """Name, and what each engine says of the change."""
    return "\t".join([case.name, *(_word(case, verdicts) for verdicts in java.values())])


def _word(case: Broken, verdicts: Verdicts) -> str:
    """Whether an engine finds an error that the right resource has not, or stumbles over the broken one."""
    found = verdicts.of(case.content)
    if any(finding.message.startswith("not validated: ") for finding in found):
        return "stumbles"
    before = in_scope(verdicts.of(RIGHT[case.base].content)) if case.base else []
    return "error" if set(in_scope(found)) - set(before) else "-"


@cache
def _recorded() -> dict[str, tuple[str, ...]]:
    """By broken resource, the word of each engine."""
    rows = [line.split("\t") for line in VERDICTS.read_text("utf-8").splitlines()[1:]]
    return {name: tuple(words) for name, *words in rows}


# -- the set


def test_the_set_is_large_and_says_what_is_wrong() -> None:
    assert len(CASES) >= 300
    assert len(RIGHT) >= 20
    assert [name for name, count in Counter(case.content for case in CASES.values()).items() if count > 1] == []
    assert [
        case.name for case in CASES.values() if not (case.what.endswith(".") and case.spec.startswith("http"))
    ] == []


def test_every_broken_resource_has_a_verdict() -> None:
    assert list(_recorded()) == list(CASES)


@pytest.mark.validator
@pytest.mark.parametrize("name", RIGHT)
def test_right_resource_is_right_for_the_judge(name: str, java: dict[str, Verdicts]) -> None:
    assert in_scope(java["hl7"].of(RIGHT[name].content)) == []


@pytest.mark.validator
def test_recorded_verdicts_are_those_of_today(java: dict[str, Verdicts], renew: bool) -> None:
    rows = ["\t".join(["broken", *ENGINES]), *(_row(case, java) for case in CASES.values())]
    if renew:
        VERDICTS.write_text("\n".join(rows) + "\n", "utf-8")
        _recorded.cache_clear()
    assert rows == VERDICTS.read_text("utf-8").splitlines(), "run with --renew, and read what changed"


# -- ours


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_REPORTED])
def test_broken_resource_is_found(name: str) -> None:
    near = _near(CASES[name])
    assert near, f"{CASES[name].what} Found elsewhere: {compare.ours(CASES[name].content)}"
    if CASES[name].rule:
        assert CASES[name].rule in {issue.rule for issue in near}


@pytest.mark.parametrize("name", [*DOUBTED, *NOT_REPORTED])
def test_the_lists_of_what_we_doubt_or_do_not_report_are_true(name: str) -> None:
    found = _near(CASES[name], errors_only=False)
    assert bool(found) == (name in DOUBTED)
    assert not any(issue.is_error for issue in found)


def _near(case: Broken, errors_only: bool | None = None) -> list[compare.OurFinding]:
    """What we report where a resource is broken: errors, if the specification calls it one and we do not only doubt it."""
    if errors_only is None:
        errors_only = case.severity == "error" and case.name not in DOUBTED
    found = [issue for issue in compare.ours(case.content) if issue.is_error or not errors_only]
    at = steps(case.at)
    return [issue for issue in found if not issue.expression or not case.at or related(at, steps(issue.expression))]


@pytest.mark.parametrize("name", RIGHT)
def test_right_resource_has_no_error(name: str) -> None:
    assert [issue for issue in compare.ours(RIGHT[name].content) if issue.is_error] == []


@pytest.fixture(scope="module")
def compared() -> dict[str, list[compare.Compared]]:
    """The broken resources, mCODE's examples and a sample of HL7's, held against the judges."""
    examples = (s for number, s in enumerate(corpora.examples()) if number % EVERY_NTH == 0)
    every = {"examples": examples, "mcode": corpora.mcode(), "broken": compare.CORPORA["broken"](())}
    return {name: list(compare.compare_all(samples)) for name, samples in every.items()}


@pytest.mark.validator
def test_most_errors_of_the_judge_are_found(compared: dict[str, list[compare.Compared]]) -> None:
    everything = [c for corpus in compared.values() for c in corpus]
    found, missed = sum(len(c.found) for c in everything), [(c.name, f) for c in everything for f in c.missed]
    assert found / (found + len(missed)) >= SHARE_FOUND, "\n".join(f"{name}: {finding}" for name, finding in missed)


@pytest.mark.validator
@pytest.mark.parametrize("corpus", ["examples", "mcode"])
def test_no_example_has_an_error_that_no_judge_has(corpus: str, compared: dict[str, list[compare.Compared]]) -> None:
    assert [(c.name, issue) for c in compared[corpus] for issue in c.alone] == []


# -- the comparison itself


@pytest.mark.parametrize(
    ("java", "ours"),
    [
        ("Observation.value.ofType(Quantity).code", "Observation.value.code"),
        ("Observation.value.ofType(Quantity)", "Observation.valueQuantity.system"),
        ("Patient.name[0]", "Patient.name.family"),
        ("Patient.extension[0].extension[1][url='http://a.b/c']", "Patient.extension[0].extension[1].url"),
        ("Bundle.entry[1].resource/*Patient/p1*/.gender", "Bundle.entry[1].resource.gender"),
        ("Observation", "Observation.contained[0]"),
        ("$", "Resource"),
    ],
)
def test_places_that_are_related(java: str, ours: str) -> None:
    assert related(steps(java), steps(ours))
    assert related(steps(ours), steps(java))


@pytest.mark.parametrize(
    ("java", "ours"),
    [
        ("Patient.name[0]", "Patient.name[1]"),
        ("Patient.name", "Patient.gender"),
        ("Bundle", "Bundle.entry[0].resource.gender"),
        ("Observation", "Observation.contained[0].name"),
        ("Observation.value", "Observation.valued"),
    ],
)
def test_places_that_are_not_related(java: str, ours: str) -> None:
    assert not related(steps(java), steps(ours))


@dataclass(frozen=True)
class Ours:
    """A finding of ours as the comparison reads it."""

    rule: str
    expression: str
    message: str = ""
    is_error: bool = True


def test_an_invariant_is_found_by_its_key_or_at_the_same_place() -> None:
    java = Finding("error", "Observation", "Constraint failed: obs-6: 'x' (defined in y)")
    assert matches(java, Ours("obs-6", "Observation.dataAbsentReason"))
    assert matches(java, Ours("another", "Observation"))
    assert not matches(java, Ours("another", "Observation.value"))


def test_errors_of_the_setup_are_no_misses() -> None:
    setup = Finding("error", "Patient.photo[0].contentType", "No server available")
    true = Finding("error", "Patient.gender", "The value provided ('f') was not found in the value set")
    done = compare.compare(Sample("x", b""), [setup, true], [])
    assert (done.missed, [finding for _, finding in done.out], done.group) == ([true], [setup], "we miss")


def test_hapi_is_asked_about_what_we_alone_report() -> None:
    unit, other = Ours("ucum-invalid", "Observation.value.code"), Ours("another", "Observation.status")
    done = compare.compare(
        Sample("x", b""), [], [unit, other], lambda _: [Finding("error", "Observation.value.ofType(Quantity)", "?")]
    )
    assert (done.seconded, done.alone, done.group) == ([unit], [other], "we alone")


def test_of_a_broken_resource_only_the_defect_counts() -> None:
    defect, follows = Finding("error", "Patient.gender", "?"), Finding("error", "Patient.name[0]", "?")
    done = compare.compare(Sample("x", b"", "Patient.gender"), [defect, follows], [])
    assert (done.missed, [finding for _, finding in done.out]) == ([defect], [follows])
