"""Cases given as Python values, handed to another process, or converted here where that could change what they are."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhirconv.conversion import Conversion
from fhirconv.document import Document
from fhirconv.numbers import Number
from fhirconv.records import Facts, Record


class ConvertedHere(Document):
    """The place of a case that stays in this process, among those that go; `result` is what became of it."""

    __slots__ = ("result",)
    result: Conversion

    def __reduce__(self) -> tuple[Any, ...]:
        return Document, ("",)


def handed(record: Record, convert: Callable[[Record], Conversion]) -> Record:
    """The record as it is now, whatever becomes of its values later, in a form that can go to another process.

    One that cannot is converted here: classes that only this process knows, generators, depth without end.
    """
    if not isinstance(record.data, Mapping):
        return record
    stream = io.BytesIO()
    try:
        _Plain(stream, 5).dump(dict(record.data))
    except Exception:  # whatever a class of somebody else may raise
        here = ConvertedHere("")
        here.result = convert(record)
        return record._replace(data=here)
    return record._replace(data=Facts(stream.getvalue()))


_NUMBERS = (Decimal, Number)


class _Plain(pickle.Pickler):
    """Takes nothing but values that are the same in each process; those of JSON never come to `reducer_override`."""

    def reducer_override(self, value: object) -> Any:
        if type(value) in _NUMBERS or any(value is one for one in _NUMBERS):
            return NotImplemented
        raise pickle.PicklingError
