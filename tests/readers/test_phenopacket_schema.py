"""The table of fields against the schema itself: the protobuf descriptors that GA4GH publishes (PyPI: phenopackets).

So no message, field, enum or oneof is forgotten; and what the table says of a field is what the reader does with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from phenopackets.schema.v2.phenopackets_pb2 import Cohort, Family, Phenopacket

from fhirconv.mapping import load_mappings
from fhirconv.readers.phenopackets.check import grow
from fhirconv.readers.phenopackets.fields import Field, schema
from fhirconv.readers.phenopackets.reader import read_packets
from fhirconv.readers.phenopackets.tree import Node
from fhirconv.readers.report import Report
from fhirconv.source import read_file

PACKETS = Path(__file__).resolve().parents[2] / "fixtures" / "readers" / "phenopacket"
VRS = "org.ga4gh.vrs.v1."  # a standard of its own, of which a packet holds whole objects

KINDS = {
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_BOOL: "flag",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_INT32: "whole",
    FieldDescriptor.TYPE_UINT32: "whole",
    FieldDescriptor.TYPE_UINT64: "whole",
}


def messages() -> Iterator[Descriptor]:
    """Every message that a packet, a family or a cohort may hold."""
    seen: set[str] = set()
    waiting = [top.DESCRIPTOR for top in (Phenopacket, Family, Cohort)]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen or message.full_name.startswith((VRS, "google.")):
            continue
        seen.add(message.full_name)
        if not message.GetOptions().map_entry:
            yield message
            waiting += [field.message_type for field in message.fields if field.message_type]


def short(full_name: str) -> str:
    """'VitalStatus.Status' of org.phenopackets.schema.v2.core.VitalStatus.Status; a message without what is around it."""
    return ".".join(part for part in full_name.split(".") if part[0].isupper())


def kind(field: FieldDescriptor) -> str:
    if field.message_type and field.message_type.GetOptions().map_entry:
        return "map"
    if field.message_type:
        name = field.message_type.full_name
        return (
            "time"
            if name == "google.protobuf.Timestamp"
            else "open"
            if name.startswith(VRS)
            else field.message_type.name
        )
    return short(field.enum_type.full_name).removeprefix("Pedigree.") if field.enum_type else KINDS[field.type]


@pytest.mark.parametrize("message", list(messages()), ids=lambda message: message.name)
def test_table_is_the_schema(message: Descriptor) -> None:
    ours = {
        field.name: (field.type, field.is_list and field.type != "map")
        for field in schema().messages[message.name].fields
    }
    theirs = {field.json_name: (kind(field), field.is_repeated and kind(field) != "map") for field in message.fields}
    assert ours == theirs
    assert {name for field in message.fields for name in (field.json_name, field.name)} == set(
        schema().messages[message.name].by_name
    )
    groups = {frozenset(field.json_name for field in group.fields) for group in message.oneofs}
    words = {field.one for field in schema().messages[message.name].fields if field.one}
    assert groups == {
        frozenset(f.name for f in schema().messages[message.name].fields if f.one == word) for word in words
    }


def test_table_has_no_other_message_or_enum() -> None:
    found = list(messages())
    assert set(schema().messages) == {message.name for message in found}
    enums = {
        short(field.enum_type.full_name).removeprefix("Pedigree."): field.enum_type
        for one in found
        for field in one.fields
        if field.enum_type
    }
    assert schema().enums == {name: tuple(value.name for value in enum.values) for name, enum in enums.items()}


def all_fields() -> list[tuple[str, Field]]:
    return [(name, field) for name, message in schema().messages.items() for field in message.fields]


def test_each_field_goes_somewhere_or_says_why_not() -> None:
    assert [(message, field.name) for message, field in all_fields() if bool(field.to) == bool(field.none)] == []


def stated(node: Node) -> Iterator[tuple[str, str]]:
    """Message and field of all that a node states."""
    for name, parts in node.parts.items():
        yield node.message, name
        for part in parts:
            if isinstance(part, Node):
                yield from stated(part)


def test_fields_do_what_the_table_says() -> None:
    tables, seen = load_mappings().tables, set()
    for name, kind_of in (("maximal", "Phenopacket"), ("family", "Family"), ("cohort", "Cohort")):
        document = read_file(PACKETS / f"{name}.json")
        top = grow(document, kind_of, document.data, "")
        assert top is not None
        seen |= set(stated(top))
        report = Report()
        assert [
            one.issues for one in read_packets(read_file(PACKETS / f"{name}.json"), tables, report) if one.data is None
        ] == []
        wordless = [what for what in report.left.get("no-place", ()) if what.reason == "not read"]
        assert not wordless, "fields that the table says are mapped, and that nothing reads"
        reasons = {what.reason for what in report.left["no-place"]}
        assert reasons <= {field.none for _, field in all_fields()}
    missing = {(message, field.name) for message, field in all_fields()} - seen
    assert not missing, "no made-up packet states these fields"
