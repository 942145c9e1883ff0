"""Units of quantities: whether a UCUM code is one, whether it says what was meant, and whether the printed unit agrees.

Source: https://ucum.org/ucum, https://hl7.org/fhir/R4/datatypes.html#Quantity
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirconv.issues import shown
from fhirconv.memory import remembered
from fhirconv.validation.finding import Finding
from fhirconv.validation.ucum import UcumError, Unit, parse, read


@remembered(4096)
def ucum_problem(code: str) -> Finding | None:
    """What is wrong with a UCUM code: an error if it is none, a warning if it hardly says what was meant."""
    from fhirconv.validation.unit_slips import meant, misread  # costs a start 1 ms: a small case may have no units

    try:
        unit = parse(code)
    except UcumError as error:
        likely = meant(code)
        hint = f"did you mean {shown(likely)}?" if likely else "look it up at https://ucum.org"
        return Finding("ucum-invalid", f"{shown(code)} is not a UCUM code: {error}; {hint}")
    says, likely = misread(code, unit)
    if not says:
        return None
    hint = f"if {shown(likely)} is meant, write that" if read(likely) else "write what is meant"
    return Finding("ucum-meaning", f"{shown(code)} is a UCUM code, but {says}; {hint}")


@remembered(4096)
def unit_problem(printed: str, code: str) -> str:
    """How the printed unit of a quantity contradicts its UCUM code; empty if it does not, or cannot be read."""
    coded = _comparable(code)
    if coded is None or printed in (code, code.replace("{", "").replace("}", "")):
        return ""
    readings = list(_readings(printed))
    if not readings or any(reading.same_as(coded) for reading in readings):
        return ""
    return f"unit {shown(printed)} is not what the UCUM code {shown(code)} says; correct the one that is wrong"


def _readings(printed: str) -> Iterator[Unit]:
    """What a printed unit may mean: as UCUM has it, and as people do."""
    from fhirconv.validation.unit_slips import meant, misread

    unit = read(printed)
    for code in (printed, meant(printed), misread(printed, unit)[1] if unit else ""):
        reading = _comparable(code) if code else None
        if reading is not None:
            yield reading


def _comparable(code: str) -> Unit | None:
    """The unit of a code, where international, arbitrary and enzyme units count as one: print says 'U' for each."""
    for arbitrary in ("[iU]", "[IU]", "[arb'U]"):
        code = code.replace(arbitrary, "U")
    return read(code)
