"""Resources in the shape that R4's JSON has, so that who reads them can rely on it.

What has another shape (a list where there is one value, null, an element that its type does not have) is taken out and
reported. Spec: https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirconv.back.reading import leaves
from fhirconv.r4 import element_keys, elements_of, kind_of

_OTHER: dict[str, tuple[type, ...]] = {"boolean": (bool,), "decimal": (int, float, Decimal)}
_OTHER |= dict.fromkeys(("integer", "positiveInt", "unsignedInt"), (int,))
_ANY = "Resource"  # contained resources, of whatever type; they are not read


def shaped(value: dict[str, Any], type_name: str, report: Callable[[str], None], path: str = "") -> dict[str, Any]:
    """The object without what a FHIR type has not, whose leaves are reported by their path."""
    keys, elements, made = element_keys(type_name), elements_of(type_name), {}
    for key, item in value.items():
        if key == "resourceType" and not path:
            made[key] = item
            continue
        here = f"{path}.{key}" if path else key
        name, kind = keys.get(key, ("", ""))
        fits = _fitting(item, kind, report, here) if name and isinstance(item, list) is elements[name].repeats else None
        if fits is None:
            for leaf in list(leaves(item, here)) or [here]:
                report(leaf)
        else:
            made[key] = fits
    return made


def _fitting(item: Any, kind: str, report: Callable[[str], None], path: str) -> Any:
    """The value, or the items of a list, as far as they fit a type; None if they do not."""
    if isinstance(item, list):
        found = [_fitting(one, kind, report, path) if not isinstance(one, list) else None for one in item]
        for one, fits in zip(item, found, strict=True):
            if fits is None and not (one is None and kind == "Element"):  # in '_given' null says that there is nothing
                for leaf in list(leaves(one, path)) or [path]:
                    report(leaf)
        return [fits for fits in found if fits is not None] or None
    if kind_of(kind) == "primitive":
        wanted = _OTHER.get(kind, (str,))
        return item if isinstance(item, wanted) and (isinstance(item, bool) is (kind == "boolean")) else None
    if not isinstance(item, dict):
        return None
    return item if kind == _ANY else shaped(item, kind, report, path) or None
