"""The laws that the validator keeps whatever it is given; each check raises AssertionError for one that is broken."""

from __future__ import annotations

import copy
import json
import random
import re
from collections import Counter
from functools import cache
from typing import Any

from fhirconv.document import escape_pointer
from fhirconv.issues import Issue
from fhirconv.reports import FORMATS, render
from fhirconv.rules import rule
from fhirconv.source import read_value
from fhirconv.validation.exact import exact_findings
from fhirconv.validation.fast import quick_findings
from fhirconv.validation.run import Validator, validate
from tests.validator import install

UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")  # for a terminal
ONCE = "extension-not-checked"  # is told at the first place of each URL


def identity(issue: Issue) -> tuple[str, str, str, str]:
    """What an issue says, wherever the file has the line."""
    return issue.rule, issue.severity, issue.place.pointer, issue.expression


def check_fast(document: Any) -> None:
    """Where the fast way has an answer, it is that of the exact check."""
    quick = quick_findings(document)
    exact = quick if quick is None else exact_findings(document)
    assert quick == exact, f"the fast way says {quick}, the exact check {exact}"


def check_outcome(document: dict[str, Any]) -> None:
    """Validation leaves its input as it is, says the same again, and each issue is one that can be followed."""
    before = copy.deepcopy(document)
    issues = validate(document)
    assert repr(document) == repr(before), "the input was changed"
    assert validate(document) == issues, "the same input has another outcome"
    for issue in issues:
        check_issue(issue, document)
    for form in FORMATS:
        render(issues, form, False, "1")
        render(issues, form, True, "1")


def check_issue(issue: Issue, document: dict[str, Any]) -> None:
    """An issue has a rule of the catalogue, one line of text, a place that is there, and an expression."""
    assert rule(issue.rule).title, issue
    text = issue.text()
    assert not UNSAFE.search(text), f"not fit for a terminal: {text!a}"
    assert resolves(document, issue.place.pointer), f"{issue.place.pointer!r} leads nowhere: {text}"
    if "resourceType" in document and issue.layer != "input":
        assert issue.expression, f"no expression: {text}"


def resolves(value: Any, pointer: str) -> bool:
    """Whether a JSON Pointer leads to a value."""
    for step in pointer.split("/")[1:]:
        keys = {escape_pointer(key): key for key in value} if isinstance(value, dict) else {}
        if step in keys:
            value = value[keys[step]]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return True


def check_order(rnd: random.Random, document: dict[str, Any]) -> None:
    """The order of the keys of objects decides nothing (but where an extension is named that nobody here can check)."""
    told = [[issue for issue in validate(given) if issue.rule != ONCE] for given in (document, shuffled(rnd, document))]
    one, other = (Counter(map(identity, issues)) for issues in told)
    assert one == other, f"the order of keys decides: {one - other} or {other - one}"


def shuffled(rnd: random.Random, value: Any) -> Any:
    """The value with the keys of each object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        rnd.shuffle(keys)
        return {key: shuffled(rnd, value[key]) for key in keys}
    return [shuffled(rnd, one) for one in value] if isinstance(value, list) else value


def check_bytes(document: dict[str, Any]) -> None:
    """The bytes of a document have the outcome of the document. (An infinite number has no JSON text.)"""
    try:
        text = json.dumps(document, allow_nan=False).encode()
    except ValueError:
        return
    one, other = (Counter(map(identity, validate(given))) for given in (document, text))
    assert one == other, f"as a dict {one - other}, as bytes {other - one}"


def check_laws(rnd: random.Random, document: dict[str, Any]) -> None:
    """All of them."""
    check_fast(document)
    check_outcome(document)
    check_order(rnd, document)
    check_bytes(document)


def check_text(rnd: random.Random, document: dict[str, Any]) -> None:
    """JSON text with some of its bytes lost, doubled or replaced has an outcome, whatever it is."""
    data = bytearray(json.dumps(document).encode())
    for _ in range(rnd.randint(1, 5)):
        start = rnd.randrange(len(data))
        data[start : start + rnd.choice((0, 1, 1, 5, 200))] = rnd.choice((b"", b"\x00", b'"', b"{", b"]", b"\xff", b"1e9", b"\n"))
    for issue in validate(bytes(data)):
        assert not UNSAFE.search(issue.text())


@cache
def every_layer() -> Validator:
    """A validator that also asks the models, and the profiles of mCODE where its package is."""
    mcode = [guide.path for guide in install.GUIDES if guide.name == "hl7.fhir.us.mcode" and guide.path.is_file()]
    return Validator("mcode" if mcode else "r4", mcode, strict=True)


def check_every_layer(document: dict[str, Any]) -> None:
    """The layers that run when they are asked for end too, and their issues can be followed."""
    for issue in every_layer().check(read_value(document)).issues:
        check_issue(issue, document)
