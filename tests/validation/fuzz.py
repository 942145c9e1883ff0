"""Mutated FHIR resources, and the laws that the validator keeps whatever it is given.

    python -m tests.validation.fuzz [--seconds 60] [--seed N] [--count N] [FILE...]

Takes HL7's and mCODE's examples from the packages that tests.validator.install fetches, or FILEs (JSON), else the right
resources of the tests; changes each in one to four places, and holds the outcome against the laws. What breaks one is
told with its seed: document N of a run with --seed S is document 0 of a run with --seed S+N. Exit code 1 when one broke.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.peak import peak_kb
from tests.validation.laws import check_every_layer, check_laws, check_text
from tests.validator import corpora, install
from tests.validator.broken import right

BUNDLES = Path(__file__).resolve().parents[2] / "fixtures" / "bundles"
SECONDS_EACH = 10  # for a document: hundreds of times what the slowest example takes
MEGABYTES = 1200  # for a whole run
MAX_BYTES = 100_000  # of an example: larger ones cost time and show nothing new

Path_ = tuple[str | int, ...]

# -- changing a resource -------------------------------------------------------------------------------------------------

KEYS = ["id", "extension", "modifierExtension", "text", "div", "code", "status", "subject", "display", "unknown", "value"]
KEYS += ["valueString", "valueQuantity", "_status", "_value", "_div", "resourceType", "contained", "end", "low", "system"]
KEYS += ["component", "dataAbsentReason", "entry", "fullUrl", "request", "reference", "coding", "meta", "profile", "url"]
KEYS += ["", "0", "a/b", "~", "fhir_comments", "{0.__class__}", "\x1b[2J", "é", "active", "name", "start", "versionId"]
ODD: list[Any] = [None, "", {}, [], "x", 5, 5.0, True, False, -1, 0, 2**31, 2**63, 1e300, -0.0, " ", "a  b", "\u0007x"]
ODD += [[None], [[]], [{}], {"id": "x"}, {"": 1}, ["x", "x"], "M", "final", "2014-02-30", "2024-02-29", "2024", "0000"]
ODD += ["2024-01-01T24:00:00Z", "2024-01-01T00:00:00+14:30", "http://x y", "http://x.org/a", "urn:uuid:ABC", "urn:oid:1.2"]
ODD += [{"reference": "Practitioner/1"}, {"reference": "#x"}, {"reference": "#"}, {"reference": "urn:uuid:x", "type": "X"}]
ODD += [{"start": "2020-01-02", "end": "2020-01-01"}, {"text": "x"}, {"url": "http://hl7.org/fhir/StructureDefinition/x"}]
ODD += [{"coding": [{"system": "http://loinc.org", "code": "718-8"}]}, {"value": 1, "code": "mg"}, {"resourceType": "Bundle"}]
ODD += ["<div>x</div>", '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>', "<" * 50, "&lt;&#0;", "a" * 70]
ODD += [{"resourceType": "Patient", "id": "x"}, {"extension": [{"url": "http://x.org/e", "valueString": "x"}]}, "\u202ex"]


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of all values within `value`, itself left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from places(one, (*path, step))


def value_at(value: Any, path: Path_) -> Any:
    """The value at a path; KeyError, IndexError or TypeError where there is none."""
    for step in path:
        value = value[step]
    return value


def mutated(rnd: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    """The resource changed in one to four places; it stays an object."""
    changed = copy.deepcopy(document)
    for _ in range(rnd.choice((1, 1, 1, 2, 4))):
        known = list(places(changed))
        if not known:
            break
        path = rnd.choice(known)
        rnd.choice(CHANGES)(rnd, value_at(changed, path[:-1]), path[-1], [value_at(changed, one) for one in known])
    return changed


def _drop(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    del holder[step]


def _replace(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    holder[step] = copy.deepcopy(rnd.choice(ODD))


def _copy(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    holder[step] = copy.deepcopy(rnd.choice(others))


def _add(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    new = copy.deepcopy(rnd.choice((rnd.choice(others), rnd.choice(ODD))))
    if isinstance(holder, dict):
        holder[rnd.choice(KEYS)] = new
    else:
        holder.insert(step, new)


def _rename(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    if isinstance(holder, dict):
        holder[rnd.choice(("_" + step, step.lower(), step.capitalize(), step + " ", step.strip("_")))] = holder.pop(step)


def _retype(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    value = holder[step]
    ways: list[Callable[[], Any]] = [lambda: [value], lambda: {"value": value}, lambda: str(value)]
    if isinstance(value, list) and value:
        ways.append(lambda: value[0])
    elif isinstance(value, int | float):
        ways += [lambda: float(value), lambda: -value, lambda: bool(value), lambda: value * 10**20]
    holder[step] = rnd.choice(ways)()


def _retext(rnd: random.Random, holder: Any, step: Any, others: list[Any]) -> None:
    """A text with a character more, less or other, or often."""
    text = holder[step]
    if isinstance(text, str) and text:
        at = rnd.randrange(len(text))
        sign = rnd.choice(" \t\n/<>&\"'#|.-:%{}[]()0aAé\u0000\u001b\u00a0\u202e\ud800\uffff")
        holder[step] = rnd.choice((text[:at] + sign + text[at:], text[:at] + text[at + 1 :], text * 3, text.swapcase()))


CHANGES = (_drop, _drop, _replace, _replace, _copy, _add, _add, _rename, _retype, _retext, _retext)

# -- a run ---------------------------------------------------------------------------------------------------------------


class Failure(NamedTuple):
    """A law that was broken: the seed that shows it again, and what was said."""

    seed: int
    what: str


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what takes longer."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def try_one(seed: int, documents: list[dict[str, Any]]) -> str:
    """Holds one mutated document against the laws; what broke, or ''."""
    rnd = random.Random(seed)
    document = mutated(rnd, rnd.choice(documents))
    try:
        with limited(SECONDS_EACH):
            kind = rnd.random()
            if kind < 0.1:
                check_text(rnd, document)
            elif kind < 0.2:
                check_every_layer(document)
            else:
                check_laws(rnd, document)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = next((one for one in reversed(frames) if "fhirconv" in Path(one.filename).parts), frames[-1])
        return f"{Path(where.filename).name}:{where.lineno} {where.name}: {type(error).__name__}: {str(error)[:600]}"
    return ""


def run(documents: list[dict[str, Any]], seed: int, seconds: float, count: int = 0) -> tuple[int, list[Failure]]:
    """How many documents were tried, and what broke; each place in the code is told five times at most."""
    tried, failures, known = 0, [], Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (count and tried == count):
        what = try_one(seed + tried, documents)
        place = what.partition(" ")[0]
        known[place] += 1
        if what and known[place] <= 5:
            failures.append(Failure(seed + tried, what))
        tried += 1
    used = peak_kb() // 1024
    if used > MEGABYTES:
        failures.append(Failure(seed, f"the run took {used} MB of memory; at most {MEGABYTES} were expected"))
    return tried, failures


def right_resources() -> list[dict[str, Any]]:
    """Resources without an error that lie beside the tests: those of tests.validator.broken, and our own Bundles."""
    texts = [sample.content for sample in right()] + [path.read_bytes() for path in sorted(BUNDLES.glob("m*.json"))]
    return [json.loads(text) for text in texts]


def examples() -> list[dict[str, Any]]:
    """HL7's and mCODE's examples, where their packages are; and ours."""
    if not install.EXAMPLES.path.is_file():
        return right_resources()
    samples = [*corpora.examples(), *corpora.mcode()]
    return right_resources() + [json.loads(one.content) for one in samples if len(one.content) <= MAX_BYTES]


def main() -> int:
    parser = argparse.ArgumentParser(description="Holds mutated FHIR resources against the laws of the validator.")
    parser.add_argument("files", nargs="*", type=Path, help="resources to mutate (JSON); else the examples")
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the first document (0)")
    parser.add_argument("--count", type=int, default=0, help="at most so many documents")
    asked = parser.parse_args()
    documents = [json.loads(path.read_bytes()) for path in asked.files] or examples()
    tried, failures = run(documents, asked.seed, asked.seconds, asked.count)
    files = "".join(f" {path}" for path in asked.files)
    for seed, what in failures:
        print(f"{what}\n    python -m tests.validation.fuzz --count 1 --seed {seed}{files}")
    print(f"{tried} documents of {len(documents)} resources, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
