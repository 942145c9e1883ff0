"""The schemas of primitive types, and of the data types that need none because Python looks at them. See `schemas`."""

from __future__ import annotations

from typing import Any

from fhirconv.validation.plain_narrative import PLAIN_NARRATIVE

Schema = dict[str, Any]

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = r"[A-Za-z0-9\-.]{1,64}"
_YEAR = "[12][0-9]{3}"
_DAY = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_MONTH = "0[1-9]|1[0-2]"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_ZONE = r"(Z|[+\-](0[0-9]|1[0-3]):[0-5][0-9])"
LONGEST_TEXT = 100_000
_TEXT = r"^[!-~\p{L}\p{N}][^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"

PRIMITIVES: dict[str, Schema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "decimal": {"type": "number"},
    "string": {"type": "string", "pattern": _TEXT, "maxLength": LONGEST_TEXT},
    "id": {"type": "string", "pattern": f"^{_ID}$"},
    "code": {"type": "string", "pattern": r"^[!-~]+( [!-~]+)*$"},
    "date": {"type": "string", "pattern": f"^{_YEAR}(-({_MONTH}))?$|^{_YEAR}-({_DAY})$"},
    "dateTime": {"type": "string", "pattern": f"^{_YEAR}(-({_MONTH}))?$|^{_YEAR}-({_DAY})(T{_CLOCK}{_ZONE})?$"},
    "instant": {"type": "string", "pattern": f"^{_YEAR}-({_DAY})T{_CLOCK}{_ZONE}$"},
    "time": {"type": "string", "pattern": f"^{_CLOCK}$"},
    "uri": {"type": "string", "pattern": rf"^(https?://[!-~]+|urn:uuid:{_UUID}|urn:oid:[0-2](\.(0|[1-9][0-9]*))+|urn:ietf:[!-~]+)$"},
    "xhtml": {"type": "string", "pattern": PLAIN_NARRATIVE},
}
PRIMITIVES["markdown"] = PRIMITIVES["string"]
PRIMITIVES["url"] = PRIMITIVES["canonical"] = {"type": "string", "pattern": r"^https?://[!-~]+$"}

# What `plain` looks at by itself, without the schema.
IN_PYTHON: dict[str, Schema] = {
    "Coding": {"type": "object"},
    **{name: {"type": "object"} for name in ("Quantity", "SimpleQuantity")},
    "Reference": {
        "type": "object",
        "properties": {"reference": {"type": "string"}, "display": PRIMITIVES["string"]},
        "additionalProperties": False,
        "minProperties": 1,
    },
}

UCUM = {"const": "http://unitsofmeasure.org"}
UCUM_QUANTITY = {"properties": {"system": UCUM}, "required": ["value", "system", "code"]}
