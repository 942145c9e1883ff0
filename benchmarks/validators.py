"""The validators that benchmarks/validate.py holds side by side: each as a function that says whether a Bundle is right."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from fhirconv import validate
from fhirconv.rules import rule
from fhirconv.source import read_value
from fhirconv.validation.exact import exact_findings
from fhirconv.validation.fast import findings_of
from fhirconv.validation.finding import Finding
from fhirconv.validation.profiled import ProfileLayer
from fhirconv.validation.run import Validator
from fhirconv.validation.schemas import Generator

Bundle = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[1]
FHIRKIT = "fhirkit-rs==0.1.0"


class Contender(NamedTuple):
    """One way to validate. `checks` are the letters of LEGEND; `share` says of how many Bundles a round is made (0 to 1).

    `prepare` makes what it reads of a Bundle, outside of the clock; `is_process` is one that is waited for: its clock is
    the wall's, that of all others the CPU time of the thread.
    """

    name: str
    checks: str
    is_right: Callable[[Any], bool]
    share: float = 1.0
    prepare: Callable[[Bundle], Any] = lambda bundle: bundle
    is_process: bool = False


LEGEND = {
    "S": "structure: elements, cardinality, JSON types, forms of primitive values",
    "B": "required bindings",
    "I": "invariants (i: only those that a schema can say)",
    "R": "references and Bundle rules: form, target types, what is not there",
    "C": "codes: UCUM, code systems of HL7, check digits; of Java: no SNOMED CT, LOINC in part",
    "N": "narrative",
    "P": "profiles",
}
FULL = "SBIRCN"


def ours() -> list[Contender]:
    """The base check of fhirconv, as it is called and always the exact way."""
    return [
        Contender("fhirconv.validate", FULL, lambda bundle: not validate(bundle)),
        Contender("fast.findings_of", FULL, lambda bundle: not findings_of(bundle)),
        Contender("fhirconv.validate, from bytes", FULL, lambda text: not validate(text), prepare=orjson.dumps),
        Contender("exact.exact_findings (never the fast way)", FULL, lambda bundle: not exact_findings(bundle), 0.1),
    ]


def ours_with_profiles() -> list[Contender]:
    """What mCODE Bundles cost: the base check, the profiles alone, and all that `fhirconv validate` does with a record."""
    layer, validator = ProfileLayer("mcode", ()), Validator("mcode")
    return [
        Contender("Validator('mcode').check", FULL + "P", functools.partial(_checks, validator), 0.1),
        Contender("of it: fast.findings_of", FULL, lambda bundle: not _errors(findings_of(bundle)), 0.1),
        Contender("of it: the layer of profiles", "P", lambda bundle: not _errors(layer.run(bundle)[0]), 0.1),
    ]


def _errors(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if (one.severity or rule(one.rule).severity) in ("error", "fatal")]


def _checks(validator: Validator, bundle: Bundle) -> bool:
    return not any(issue.is_error for issue in validator.check(read_value(bundle)).issues)


def models() -> Contender:
    """The models of fhir.resources for R4B, which is R4 for these resource types."""
    from fhir.resources.R4B.bundle import Bundle as Model
    from pydantic import ValidationError

    def is_right(bundle: Bundle) -> bool:
        try:
            Model.model_validate(bundle)
        except (ValidationError, KeyError):  # KeyError: an unknown resource type
            return False
        return True

    return Contender("fhir.resources R4B model_validate", "S", is_right, 0.1)


def json_schema() -> Contender:
    """The schemas that the functions of the fast way are made of, resource by resource, run by `jsonschema`."""
    import jsonschema

    @functools.cache
    def of(type_name: str) -> jsonschema.Draft202012Validator | None:
        schema = Generator().schema(type_name)
        # Python's expressions have no \p{L}; \w is the nearest that they have.
        schema = json.loads(json.dumps(schema).replace(r"\\p{L}\\p{N}", r"\\w"))
        return None if "not" in schema else jsonschema.Draft202012Validator(schema)

    def is_right(bundle: Bundle) -> bool:
        resources = (entry["resource"] for entry in bundle["entry"])
        return all((known := of(one["resourceType"])) is not None and known.is_valid(one) for one in resources)

    return Contender("jsonschema, the schemas of our fast way", "SBi", is_right, 0.02)


def rust() -> list[Contender]:
    """fhirkit-rs, if it is there."""
    try:
        import fhirkit
    except ImportError:
        print(f"left out: fhirkit-rs; install it beside fhirconv: {sys.executable} -m pip install {FHIRKIT}")
        return []

    def is_right(data: Any) -> bool:
        return not any(issue.severity == "error" for issue in fhirkit.validate(data))

    def is_right_text(text: bytes) -> bool:
        try:
            return is_right(text)
        except fhirkit.ParseError:
            return False

    def is_right_dict(bundle: Bundle) -> bool:
        try:
            return is_right(bundle)
        except (fhirkit.ParseError, ValueError, TypeError):
            return False

    return [
        Contender("fhirkit-rs, from bytes", "S", is_right_text, prepare=orjson.dumps),
        Contender("fhirkit-rs, from a dict", "S", is_right_dict),
    ]


def java(stack: ExitStack) -> list[Contender]:
    """HL7's engine and HAPI's chain, each in a JVM that stays up until the stack is left; if they are built."""
    sys.path.insert(0, str(REPOSITORY))  # for tests.validator
    from tests.validator import install
    from tests.validator.oracle import Oracle, command

    if not install.CLASSES.is_dir():
        print("left out: the Java validators; with JDK 17, Maven and npm: python -m tests.validator.install")
        return []
    engines = (("HL7's engine (Java)", "hl7"), ("HAPI's chain (Java)", "hapi"))
    return [_engine(name, stack, Oracle(engine, argv=_all_compilers(command(engine)))) for name, engine in engines]


def _all_compilers(command: list[str]) -> list[str]:
    """Tests want a quick start, and stop at the first compiler; who runs warm has both."""
    return [part for part in command if part != "-XX:TieredStopAtLevel=1"]


def _engine(name: str, stack: ExitStack, process: AbstractContextManager[Any]) -> Contender:
    oracle = stack.enter_context(process)

    def is_right(text: bytes) -> bool:
        return not any(finding.is_error for finding in oracle.outcome(text))

    return Contender(name, FULL + "P", is_right, 1 / 15, orjson.dumps, is_process=True)
