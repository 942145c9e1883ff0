"""What the site makes of the program leaves nothing out."""

from __future__ import annotations

from pathlib import Path

import click
import docs_reference
import pytest

from fhirconv.cli import main
from fhirconv.readers import reader_names
from fhirconv.rules import RULES, invariant_rules
from fhirconv.schema import case_schema, resolve


def test_every_rule_once() -> None:
    rules = RULES | invariant_rules()
    page = docs_reference.rules()
    assert [name for name in rules if page.count(f"{{#rule-{name}}}") != 1] == []
    assert page.count("](http") == sum(bool(rule.url) for rule in rules.values())


def test_every_command_and_option() -> None:
    page = docs_reference.commands()
    for path, command in below("fhirconv", main):
        _, heading, rest = page.partition(f"# {path}\n")
        assert heading, path
        described = rest.partition("\n##")[0]
        options = [option for param in command.params if isinstance(param, click.Option) for option in param.opts]
        assert [option for option in options if option not in described] == [], path


def below(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            assert one
            found += below(f"{path} {name}", one)
    return found


def test_every_section_and_reader() -> None:
    page = docs_reference.case_facts()
    assert [name for name in case_schema().sections if f"## `{name}`\n" not in page] == []
    readers = docs_reference.readers()
    assert [name for name, _ in reader_names() if f"`{name}`" not in readers] == []


@pytest.mark.parametrize("section", case_schema().sections)
def test_every_field_has_a_description(section: str) -> None:
    """Who fills in a case has nothing else to go by; a name that a person gives is told by its definition."""
    schema = case_schema().schema
    nodes = [(section, schema["properties"][section])]
    while nodes:
        path, node = nodes.pop()
        _, found = resolve(schema, node)
        assert found.get("description"), path
        inner = resolve(schema, found["items"])[1] if "items" in found else found
        if path.count(".") < 5:
            nodes += [(f"{path}.{key}", one) for key, one in inner.get("properties", {}).items()]


def test_pages_that_are_linked_are_there() -> None:
    pages = Path(__file__).resolve().parent.parent / "docs"
    assert [name for name in docs_reference.READER_PAGES.values() if not (pages / name).is_file()] == []
