"""The fast way's look at one object: a function made for its type and its keys, as the object has them.

What R4 says of the keys of an object is settled when such an object is first met: the schema of its type is held against
the keys alone. What is left are the values, each looked at by straight statements: a code among those allowed, a day met
before, a text that is noted and looked at with all others. What a schema asks of values and no statement here knows,
jsonschema_rs decides, for these values alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from fhirconv.key_schemas import asks_of_values, holds_for_keys
from fhirconv.r4 import kind_of
from fhirconv.validation import plain
from fhirconv.validation.extension_schemas import ABSENT_REASON, ORIGINAL_TEXT, absent_reasons
from fhirconv.validation.extensions import is_plain_url
from fhirconv.validation.look_lines import LIST, NAMES, NOTED, OF_HL7, TOGETHER, VALUES
from fhirconv.validation.plain import NotPlainError
from fhirconv.validation.schemas import Generator, Schema, is_plain
from fhirconv.validation.structure import Slot, plan_of
from fhirconv.validation.together import Seen

_MOST = 2_000  # functions, of all types, before all are forgotten: no input can fill the memory
_ORDERS = 5_000  # orders of keys that are remembered for one type

Look = Callable[[Any, Seen], None]
Keys = tuple[str, ...]

_schemas = Generator(with_extensions=False)


class Looks(dict[Keys, Look]):
    """The looks at the objects of one type, by their keys."""

    def __init__(self, type_name: str) -> None:
        super().__init__()
        self._type = type_name

    def __missing__(self, keys: Keys) -> Look:
        found = _look(self._type, tuple(sorted(keys)))
        if len(self) >= _ORDERS:
            self.clear()
        self[keys] = found
        return found


def accepts(schema: Schema) -> Callable[[Any], bool]:
    """A schema as a function, compiled by jsonschema_rs, which only few objects need."""
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions()
    check: Callable[[Any], bool] = jsonschema_rs.Draft202012Validator(schema, pattern_options=options).is_valid
    return check


def looks_at(type_name: str) -> Looks:
    """The looks at a type of R4. A look raises NotPlainError where the exact check has to decide; so does finding none.

    The id of a resource is left to the caller, who knows what else has to be the same.
    """
    return _looks.setdefault(type_name, Looks(type_name))


def _look(type_name: str, keys: Keys) -> Look:
    made = _made.get((type_name, keys))
    if made is None:
        if not plan_of(type_name).slots.keys() | {"resourceType"} >= set(keys):
            raise NotPlainError
        if len(_made) >= _MOST:
            _made.clear()
            for looks in _looks.values():
                looks.clear()
        try:
            made = _Writer(type_name, keys).compiled()
        except NotPlainError:
            made = _refuse
        _made[type_name, keys] = made
    return made


_looks: dict[str, Looks] = {}
_made: dict[tuple[str, Keys], Look] = {}


def _refuse(value: Any, seen: Seen) -> None:
    raise NotPlainError


@functools.cache
def _is_extension(owner: str) -> Callable[[Any], bool]:
    return accepts(_schemas.extension(owner))


def look_at_extension(value: Any, owner: str, seen: Seen) -> None:
    """An extension of a resource of this type, or ('') of anything else, or a part of one."""
    if (owner or not _is_usual(value, seen)) and not _is_extension(owner)(value):
        raise NotPlainError
    _look_into(value, seen)


def _is_usual(value: Any, seen: Seen) -> bool:
    """Whether an extension of an element says, as most do, why there is no value or how the source has it."""
    if len(value) != 2:
        return False
    if value["url"] == ABSENT_REASON:
        return value["valueCode"] in absent_reasons()
    if value["url"] == ORIGINAL_TEXT and type(value["valueString"]) is str:
        seen.texts.append(value["valueString"])
        return True
    return False


def _look_into(value: Any, seen: Seen) -> None:
    """What the schema leaves of an extension's value and parts."""
    for key, inner in value.items():
        if key == "url":
            if ":" in inner and inner not in plain.urls:  # parts have no full URL
                plain.urls.judge(inner, is_plain_url(inner))
        elif key == "valueCodeableConcept":
            looks_at("CodeableConcept")[tuple(inner)](inner, seen)
        elif key == "valueCoding":
            plain.look_at_coding(inner, seen)
        elif key == "valueReference":
            plain.look_at_reference(inner, seen, None)
        elif key == "valueDuration" and inner.keys() != {"extension"}:  # of what stands in its place the schema saw all
            plain.look_at_quantity(inner, plain.comparators)
        elif key == "valueRange":
            looks_at("Range")[tuple(inner)](inner, seen)
        elif key == "extension":
            for one in inner:
                _look_into(one, seen)


def _may_lead_anywhere(slot: Slot) -> bool:
    """Whether a reference may lead to a resource of any type."""
    return not slot.element.targets or "Resource" in slot.element.targets


def _look_at_meta(value: Any, seen: Seen) -> None:
    """A Meta other than the last one."""
    looks_at("Meta")[tuple(value)](value, seen)
    if value.keys() == {"tag"}:
        seen.meta = value


class _Writer:
    """Writes one function, in which '$' stands for the name of what is looked at."""

    def __init__(self, type_name: str, keys: Keys) -> None:
        self._names: dict[str, Any] = dict(NAMES)
        self._lines: list[str] = []
        self._indent, self._count = " " * 4, 0
        self._object(type_name, keys, "v")

    def compiled(self) -> Look:
        """The function."""
        head = ("def look(v, seen):", "    texts, types = seen.texts, seen.types")
        exec(compile("\n".join((*head, *self._lines)), "<look>", "exec"), self._names)  # noqa: S102 made of R4's names alone
        look: Look = self._names["look"]
        return look

    def _write(self, line: str, value: str) -> None:
        self._lines.append(self._indent + line.replace("$", value))

    def _name(self, value: object) -> str:
        """A name for what the function uses."""
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def _object(self, type_name: str, keys: Keys, value: str) -> None:
        """An object that has these keys."""
        schema, slots = _schemas.of_object(type_name), plan_of(type_name).slots
        holds = holds_for_keys(schema, keys)
        if holds is False or not all(schema["properties"].get(key) for key in keys):
            raise NotPlainError
        for key in keys:
            if key != "resourceType" and not (key == "id" and kind_of(type_name) == "resource"):
                self._slot(slots[key], schema["properties"][key], f"{value}[{key!r}]")
        if holds is None:
            self._asked(*asks_of_values(schema), keys, value)
        needed, line = TOGETHER.get(type_name, (("",), ""))
        if all(key in keys for key in needed):
            self._write(line, value)

    def _asked(self, schema: Schema, asked: Keys, keys: Keys, value: str) -> None:
        """What the schema asks of some values together: of the others it sees no more than that they are there."""
        valid, present = self._name(accepts(schema)), self._name(dict.fromkeys(keys))
        shown = "".join(f", {key!r}: $[{key!r}]" for key in asked if key in keys)
        self._write(f"if not {valid}({{**{present}{shown}}}): raise NotPlainError", value)

    def _slot(self, slot: Slot, schema: Schema, value: str) -> None:
        """The value of a key: one, or a list."""
        self._count += 1
        name, before = f"v{self._count}", self._indent
        self._write(f"{name} = {value}", "")
        if slot.element.repeats:
            if slot.definition == "CodeableConcept.coding":
                self._write("if concepts.get($[0].get('code')) != $: look_at_codings($, seen)", name)
                return
            schema = schema.get("items", {"not": {}})
            if slot.type == "CodeableConcept":
                self._concepts(slot, schema, name)
                return
            self._write(LIST, name)
            if slot.type in NOTED:
                self._write(f"{NOTED[slot.type]}.extend($)", name)
                return
            if slot.type == "Reference" and _may_lead_anywhere(slot):
                self._write("seen.references.extend($)", name)
                return
            self._write("for $ in $:", name)
            self._indent += " " * 4
        self._value(slot, schema, name)
        self._indent = before

    def _concepts(self, slot: Slot, schema: Schema, name: str) -> None:
        """A list of concepts, which is often the same in resource after resource, as laboratory results have it."""
        before, last = self._indent, f"seen.last[{slot.definition!r}]"
        self._write(f"if $ != seen.last.get({slot.definition!r}, seen):", name)
        self._indent += " " * 4
        self._write(LIST, name)
        self._write(f"for {name}i in $:", name)
        self._indent += " " * 4
        self._value(slot, schema, f"{name}i")
        self._indent = before + " " * 4
        self._write(f"if len($) == 1 and 'extension' not in $[0]: {last} = $", name)  # in those, 1 is not True
        self._indent = before

    def _value(self, slot: Slot, schema: Schema, name: str) -> None:
        if "not" in schema:
            raise NotPlainError
        if "allOf" in schema:
            self._bound(schema["allOf"][1], name)
        if "enum" in schema:
            self._write(f"if $ not in {self._name(frozenset(schema['enum']))}: raise NotPlainError", name)
        elif slot.type == "Extension":
            owner = slot.owner if kind_of(slot.owner) == "resource" else ""
            self._write(f"{self._name(look_at_extension)}($, {owner!r}, seen)", name)
        elif slot.type == "Reference":
            self._reference(slot, name)
        elif slot.type in VALUES:
            kind = "SimpleQuantity" if slot.element.is_simple else slot.type
            for line in VALUES.get(slot.definition) or VALUES[kind]:
                bounds = (str(schema.get(one)) for one in ("minimum", "maximum"))
                self._write(line.replace("MINIMUM", next(bounds)).replace("MAXIMUM", next(bounds)), name)
        elif "pattern" in schema:
            self._form(slot, schema["pattern"], name)
        else:
            self._inner(slot.type, name)

    def _form(self, slot: Slot, pattern: str, name: str) -> None:
        """A text of a form; where a memory is the element's own, that is asked."""
        matches = self._name(re.compile(pattern).fullmatch)
        for line in VALUES.get(slot.definition, (f"if not {matches}($): raise NotPlainError",)):
            self._write(line, name)
        if slot.type == "canonical":
            self._write(OF_HL7, name)

    def _reference(self, slot: Slot, name: str) -> None:
        """A reference: as it usually is, one to an entry of the same Bundle, of a right type."""
        is_free = _may_lead_anywhere(slot)
        allowed = self._name(None if is_free else frozenset(slot.element.targets))
        is_wrong = "$.get('reference') not in types" if is_free else f"types.get($.get('reference')) not in {allowed}"
        self._write(f"if len($) != 1 or {is_wrong}: look_at_reference($, seen, {allowed})", name)

    def _bound(self, bound: Schema, name: str) -> None:
        """A concept of a required value set: every coding of it is in that."""
        part = bound.get("properties", {}).get("coding", {}).get("items", {}).get("properties")
        if part is None:
            raise NotPlainError
        system, codes = self._name(part["system"]["const"]), self._name(frozenset(part["code"]["enum"]))
        self._write("for c in $['coding']:", name)
        self._write(f"    if c['system'] != {system} or c['code'] not in {codes}: raise NotPlainError", name)

    def _inner(self, type_name: str, name: str) -> None:
        """An object within: noted, or looked at by a function of its own; what usually stands in a concept, at once."""
        if not is_plain(type_name):
            raise NotPlainError
        if type_name in NOTED:
            self._write(f"{NOTED[type_name]}.append($)", name)
            return
        call = f"{self._name(looks_at(type_name))}[tuple($)]($, seen)"
        if type_name == "CodeableConcept":
            self._write(f"if len($) != 2: {call}", name)
            self._write("else:", name)
            self._write("    try:", name)
            self._indent += " " * 8
            self._object(type_name, ("coding", "text"), name)
            self._indent = self._indent[:-8]
            self._write(f"    except KeyError: {call}", name)
        elif type_name == "Meta":
            self._write(f"if $ != seen.meta: {self._name(_look_at_meta)}($, seen)", name)
        else:
            self._write(call, name)
