"""The layer of fhir.resources: whether its R4B models take a resource. A second opinion on structure only.

Its models know no codes, invariants or references, and lose digits: they judge a copy. Imported only when asked for.
"""

from __future__ import annotations

from typing import Any

from fhirconv.bundle import dump_json
from fhirconv.validation.finding import Finding

# The models lack the '_' siblings of Extension.value[x]: a defect of theirs, not of the data.
_DEFECT = "extra_forbidden"


def model_findings(resource: dict[str, Any]) -> list[Finding]:
    """What the models say against a resource; never the values, which their messages would quote."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        model = get_fhir_model_class(str(resource.get("resourceType")))
    except KeyError:
        return [Finding("model", "fhir.resources has no model of this resource type", ("resourceType",))]
    try:
        model.model_validate_json(dump_json(resource))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return [
            Finding("model", f"fhir.resources does not take it ({one['type']})", _path(one["loc"]))
            for one in found
            if not (one["type"] == _DEFECT and str(one["loc"][-1]).startswith("_value"))
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # it fails on some wrong values without a verdict
        return [Finding("model", f"fhir.resources fails on it ({type(error).__name__})")]
    return []


def _path(steps: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The models add class names to the path; elements and positions are left."""
    return tuple(step for step in steps if isinstance(step, int) or step[:1].islower() or step[:1] == "_")
