"""UCUM codes: the grammar of the Unified Code for Units of Measure over its table of atoms, and what units amount to.

Source: https://ucum.org/ucum (version 2.2); the atoms and prefixes are fhirconv/data/ucum.json (tools/ucum_table.py).
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from typing import Any, NamedTuple

import orjson

from fhirconv.data_files import data_dir
from fhirconv.issues import shown
from fhirconv.memory import remembered

UCUM = "http://unitsofmeasure.org"


class Unit(NamedTuple):
    """What a code amounts to: decimal logarithm of its factor, power of each base unit, and the symbols in it as written."""

    magnitude: float
    dimensions: frozenset[tuple[str, int]]
    symbols: tuple[str, ...]

    def same_as(self, other: Unit) -> bool:
        """Whether a number in one is the same number in the other: mg/L and ug/mL, {cells}/uL and /uL."""
        return self.dimensions == other.dimensions and math.isclose(self.magnitude, other.magnitude, abs_tol=1e-6)


class UcumError(ValueError):
    """Not a UCUM code; the text says why."""


_LONGEST = 200
_DEEPEST = 10

# A symbol is a run of letters and signs; digits and operators stand in it only within square brackets, except that the
# number ten for powers is written 10* or 10^. A number or a symbol may carry an annotation, which may also stand alone.
# Blanks in annotations are not of the grammar, but HL7's own value set of common units has them.
_COMPONENT = re.compile(
    r"(?P<symbol>10[*^]|(?:[!#-'*,:-<>-Z\\^-z|~]|\[[!-Z\\^-~]+\])+)(?P<power>[+-]?[0-9]{1,3})?|(?P<number>[0-9]{1,20})|(?={)"
)
_ANNOTATION = re.compile(r"\{[^{}]*\}")


@functools.cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads((data_dir("data") / "ucum.json").read_bytes())
    return loaded


@remembered(1024)
def _split(symbol: str) -> tuple[str, str] | None:
    """The prefix (or '') and the atom of a symbol; atoms win over prefixes (`cd` is candela, not centiday)."""
    atoms = _table()["atoms"]
    if symbol in atoms:
        return "", symbol
    for length in (1, 2):  # da, Ki, Mi, Gi, Ti
        atom = symbol[length:]
        if symbol[:length] in _table()["prefixes"] and atom in atoms and atoms[atom][0]:
            return symbol[:length], atom
    return None


@remembered(1024)
def _amount(symbol: str) -> tuple[float, Counter[str]]:
    """Magnitude and dimensions of a symbol; raises UcumError for an unknown one."""
    found = _split(symbol)
    if found is None:
        raise UcumError(_why_unknown(symbol))
    prefix, atom = found
    magnitude = math.log10(_table()["prefixes"][prefix]) if prefix else 0.0
    definition = _table()["atoms"][atom][1:]
    if not definition:
        return magnitude, Counter({atom: 1})
    number, unit = definition
    base = parse(unit)
    return magnitude + math.log10(number) + base.magnitude, Counter(dict(base.dimensions))


def _why_unknown(symbol: str) -> str:
    for length in (1, 2):
        if symbol[:length] in _table()["prefixes"] and symbol[length:] in _table()["atoms"]:
            return f"{shown(symbol[length:])} takes no prefix"
    return f"{shown(symbol)} is no unit of UCUM"


class _Reader:
    """Reads one code from left to right, adding up its components."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.at = 0
        self.magnitude = 0.0
        self.dimensions: Counter[str] = Counter()
        self.symbols: list[str] = []

    def whole(self) -> None:
        """The code from its beginning to its end."""
        self._term(1, 0)
        if self.at < len(self.code):
            raise UcumError(self._stray())

    def _term(self, sign: int, depth: int) -> None:
        """Components with '.' and '/' between them; '/' may also stand at the beginning."""
        if depth > _DEEPEST:
            raise UcumError("its parentheses are nested too deep")
        operator = self._take("/")
        while True:
            self._component(-sign if operator == "/" else sign, depth)
            operator = self._take("./")
            if not operator:
                return

    def _take(self, characters: str) -> str:
        found = self.code[self.at : self.at + 1]
        if not found or found not in characters:
            return ""
        self.at += 1
        return found

    def _component(self, sign: int, depth: int) -> None:
        if self._take("("):
            self._term(sign, depth + 1)
            if not self._take(")"):
                raise UcumError(self._stray("a parenthesis is not closed"))
        else:
            found = _COMPONENT.match(self.code, self.at)
            if found is None:
                raise UcumError(self._stray("a unit is missing at its end"))
            self.at = found.end()
            if found["symbol"]:
                self._add(found["symbol"], sign * int(found["power"] or 1))
            elif found["number"]:
                self.magnitude += sign * math.log10(int(found["number"]) or 1)
                self.symbols.append(found["number"])
        annotation = _ANNOTATION.match(self.code, self.at)
        if annotation:
            if not annotation[0].isascii() or not annotation[0].isprintable():
                raise UcumError("an annotation holds characters other than printable ASCII")
            self.at = annotation.end()

    def _add(self, symbol: str, power: int) -> None:
        magnitude, dimensions = _amount(symbol)
        self.magnitude += power * magnitude
        for base, exponent in dimensions.items():
            self.dimensions[base] += power * exponent
        self.symbols.append(symbol)

    def _stray(self, at_end: str = "") -> str:
        character = self.code[self.at : self.at + 1]
        if not character:
            return at_end
        if character.isspace():
            return "a blank may not stand in it"
        return f"{shown(character)} may not stand there"


@remembered(4096)
def parse(code: str) -> Unit:
    """What a UCUM code amounts to; raises UcumError, which says why it is none."""
    if len(code) > _LONGEST:
        raise UcumError(f"it is longer than {_LONGEST} characters")
    reader = _Reader(code)
    reader.whole()
    powers = frozenset((base, power) for base, power in reader.dimensions.items() if power)
    return Unit(reader.magnitude, powers, tuple(reader.symbols))


def read(code: str) -> Unit | None:
    """What a UCUM code amounts to, or None if it is none."""
    try:
        return parse(code)
    except UcumError:
        return None
