"""Elements of a resource in a few words, for people: every word of them stands in the full table beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Names = Mapping[str, str]  # what a system (URI) or a reference is called


def element_words(resource: Mapping[str, Any], name: str, names: Names) -> str:
    """What an element of a resource says, with what stands beside a primitive value ('_name')."""
    return _joined(_said(resource[key], names) for key in (name, f"_{name}") if key in resource)


def _joined(parts: Iterable[str], between: str = "; ") -> str:
    return between.join(part for part in parts if part)


def _said(value: Any, names: Names) -> str:
    if isinstance(value, list):
        return _joined(_said(one, names) for one in value)
    if isinstance(value, dict):
        form = next((form for key, form in _FORMS.items() if key in value), _any)
        return form(value, names)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _concept(value: Mapping[str, Any], names: Names) -> str:
    codes = _joined((_coding(one, names) for one in value["coding"]), ", ")
    text = str(value.get("text", ""))
    return _joined((f"{text} ({codes})" if text else codes, _extensions(value, names)))


def _coding(value: Mapping[str, Any], names: Names) -> str:
    system = str(value.get("system", ""))
    code = _joined((names.get(system, system), str(value.get("code", ""))), " ")
    return _joined((code, str(value.get("display", ""))), " ")


def _reference(value: Mapping[str, Any], names: Names) -> str:
    return _joined((names.get(value["reference"], str(value["reference"])), str(value.get("display", ""))), ": ")


def _quantity(value: Mapping[str, Any], names: Names) -> str:
    amount = f"{value.get('comparator', '')}{_said(value['value'], names)}"
    return _joined((amount, str(value.get("unit", value.get("code", "")))), " ")


def _span(first: str, last: str) -> Callable[[Mapping[str, Any], Names], str]:
    """Range and Period; an end may have an extension in place of a value."""

    def words(value: Mapping[str, Any], names: Names) -> str:
        ends = [element_words(value, end, names) for end in (first, last)]
        return _joined((f"{ends[0] or '…'} – {ends[1] or '…'}", str(value.get("text", ""))))

    return words


def _extension(value: Mapping[str, Any], names: Names) -> str:
    name = str(value["url"]).rpartition("/")[2]
    return f"{name}: {_joined(_said(one, names) for key, one in value.items() if key != 'url')}"


def _extensions(value: Mapping[str, Any], names: Names) -> str:
    return _said(value.get("extension", []), names)


def _any(value: Mapping[str, Any], names: Names) -> str:
    if set(value) <= {"text", "extension"}:  # a CodeableConcept without codes, an Annotation, a primitive's extension
        return _joined((str(value.get("text", "")), _extensions(value, names)))
    return _joined(f"{key}: {_said(one, names)}" for key, one in value.items() if key != "id")


_FORMS: dict[str, Callable[[Mapping[str, Any], Names], str]] = {
    "url": _extension,
    "coding": _concept,
    "reference": _reference,
    "value": _quantity,
    "low": _span("low", "high"),
    "high": _span("low", "high"),
    "start": _span("start", "end"),
    "_start": _span("start", "end"),
    "end": _span("start", "end"),
    "_end": _span("start", "end"),
}
"""The form by which a value is told, by the first of these keys that it has."""
