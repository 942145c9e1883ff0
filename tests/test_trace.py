"""The way from one element back to the facts finds what the trace of the whole resource says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES

from fhirconv import convert
from fhirconv.explain import find
from fhirconv.trace import Trace, origin_of, trace_entry

CASES = [FIXTURES / "cases" / f"{name}.yaml" for name in ("takanashi-2019", "maximal-medications", "maximal-findings")]
Steps = tuple[str | int, ...]


def steps_below(value: Any, steps: Steps = ()) -> Iterator[Steps]:
    """The path of each value, and of something in it that is not there."""
    yield steps
    yield (*steps, "none")
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from steps_below(value[step], (*steps, step))


def told(traces: list[Trace], element: str) -> str:
    """JSON Pointer to the origin of the first leaf at, below or around an element; '' when there is none."""
    for one in traces:
        if f"{one.element}.".startswith((f"{element}.", f"{element}[")) or element.startswith(f"{one.element}."):
            units = [place for name, place in one.fields if name.rpartition(".")[2] == "unit"]
            is_unit = element.endswith((".unit", ".code", ".system"))
            places = units if is_unit and units else [place for _, place in one.fields]
            return (places or [one.place])[0].pointer
    return ""


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_one_element_is_led_back_as_the_whole_trace_has_it(path: Path) -> None:
    made = convert(path, profile="mcode", validate=False)
    assert made.build is not None
    led = 0
    for entry in made.build.entries:
        traces = list(trace_entry(made.case, made.build, entry))
        for steps in steps_below(entry.resource):
            element = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
            expected = told(traces, element) if steps else ""
            assert origin_of(made.build, entry, steps) == (expected or entry.fact.pointer), (
                entry.resource["id"],
                element,
            )
            led += expected not in ("", entry.fact.pointer)
    assert led > 10  # it leads to fields, not to facts alone


def test_an_index_may_be_left_out_of_a_target() -> None:
    made = convert(FIXTURES / "cases" / "maximal-labs.yaml")
    every = [one.element for one in find(made, "Observation.interpretation.text")]
    assert every
    assert set(every) == {"interpretation[0].text"}
    assert [one.element for one in find(made, "Observation.interpretation[0].text")] == every
    assert find(made, "Observation.interpretation[1].text") == []
