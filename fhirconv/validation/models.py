"""The layer of fhir.resources: whether its R4B models take a resource. A second opinion on structure only.

Its models know no codes, invariants or references, and lose digits: they judge a copy. Imported only when asked for.
"""

from __future__ import annotations

from typing import Any

from fhirconv.bundle import dump_json
from fhirconv.validation.finding import Finding

# The models lack the '_' siblings of Extension.value[x]: a defect of theirs, not of the data.
_DEFECT = "extra_forbidden"
_WORDS = {"missing": "something that its model requires is missing", _DEFECT: "its model does not know this element"}
_OTHER = "its model does not take this value"


def model_findings(resource: dict[str, Any]) -> list[Finding]:
    """What the models say against a resource; never the values, which their messages would quote."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        model = get_fhir_model_class(str(resource.get("resourceType")))
    except (KeyError, ValueError):
        return [Finding("model", "fhir.resources has no model of this resource type")]
    try:
        model.model_validate_json(dump_json(resource))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return [
            Finding("model", f"fhir.resources: {_WORDS.get(one['type'], _OTHER)}", _path(one["loc"], resource))
            for one in found
            if not (one["type"] == _DEFECT and str(one["loc"][-1]).startswith("_value"))
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # it fails on some wrong values without a verdict
        return [Finding("model", f"fhir.resources fails on it ({type(error).__name__})")]
    return []


def _path(steps: tuple[str | int, ...], resource: Any) -> tuple[str | int, ...]:
    """The steps that lead to something in the resource: the models add names of their own, and name what is missing."""
    path: list[str | int] = []
    value = resource
    for step in steps:
        known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if step in known:
            value = value[step]
            path.append(step)
    return tuple(path)
