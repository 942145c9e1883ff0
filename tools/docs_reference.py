"""The pages of the docs site that are made of the program itself: commands, names of the library, rules, case facts, readers.

Each function gives Markdown (MyST). A page of docs/ says where it stands by a line `<!-- made of the program: NAME -->`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from fhirconv.cli import main
from fhirconv.readers import reader_names
from fhirconv.rules import RULES, invariant_rules
from fhirconv.schema import case_schema, resolve
from fhirconv.validation.layers import LAYERS

CASES = Path(__file__).resolve().parent.parent / "fixtures" / "cases"
MODULES = ("fhirconv", "fhirconv.spark")
GIVEN = (  # classes that public names take or give, and which nobody makes by himself
    "fhirconv.document.Document",
    "fhirconv.document.Limits",
    "fhirconv.ledger.Line",
    "fhirconv.client.capability.Capability",
    "fhirconv.client.answers.EntryAnswer",
    "fhirconv.client.transport.Answer",
    "fhirconv.client.transport.Credentials",
    "fhirconv.client.transport.Timeouts",
    "fhirconv.client.transport.Transport",
    "fhirconv.client.retry.RetryPolicy",
    "fhirconv.client.errors.OutcomeIssue",
    "fhirconv.pushing.result.UnitResult",
    "fhirconv.pushing.result.Made",
)
READER_PAGES = {"mcode-csv": "mcode-csv.md", "phenopacket": "phenopackets.md", "tcga-biotab": "tcga.md"}


def plain(text: str) -> str:
    """Words as Markdown that shows just these."""
    return re.sub(r"([\\`*_\[\]<>|{}])", r"\\\1", " ".join(text.split()))


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; cells are Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def commands() -> str:
    """Every command: how it is called, its help and its options."""
    return "\n".join(_command(main, click.Context(main, info_name="fhirconv"), "##"))


def _command(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    yield f"{heading} {context.command_path}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield from (plain(part) + "\n" for part in inspect.cleandoc(command.help or "").replace("\b", "").split("\n\n"))
    records = [param.get_help_record(context) for param in command.params if isinstance(param, click.Option)]
    rows = [(f"`{shown[0]}`".replace("|", r"\|"), plain(shown[1])) for shown in records if shown]
    if rows:
        yield table(("option", "what it does"), rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if below := command.get_command(context, name):
                yield from _command(below, click.Context(below, parent=context, info_name=name), "###")


def library() -> str:
    """The public names with their docstrings, and what these give back, by autodoc."""
    public = [f"{name}.{one}" for name in MODULES for one in importlib.import_module(name).__all__]
    return f"## What you call\n\n{_documented(public)}\n## What you get\n\n{_documented(GIVEN)}"


def _documented(names: Iterable[str]) -> str:
    """Functions first, then classes, then exceptions."""
    order = ("function", "class", "exception")
    found = sorted((order.index(_kind(name)), name) for name in names)
    directives = [f".. auto{order[kind]}:: {name}\n{'   :members:' * (kind > 0)}\n\n" for kind, name in found]
    return "```{eval-rst}\n" + "".join(directives) + "```\n"


def _kind(name: str) -> str:
    module, _, last = name.rpartition(".")
    found = getattr(importlib.import_module(module), last)
    return "function" if not inspect.isclass(found) else "exception" if issubclass(found, Exception) else "class"


def rules() -> str:
    """Every rule that a finding can name, by layer; each has an anchor `rule-NAME`."""
    every = RULES | invariant_rules()
    parts = []
    for layer in LAYERS:
        rows = [
            (
                f"[`{name}`]{{#rule-{name}}}",
                rule.severity,
                plain(rule.title),
                f"[source]({rule.url})" if rule.url else "",
            )
            for name, rule in sorted(every.items())
            if rule.layer == layer.name
        ]
        parts.append(
            f"## {layer.name}\n\n{plain(layer.covers)}\n\n" + table(("rule", "usually", "what holds", ""), rows)
        )
    return "\n".join(parts)


def readers() -> str:
    """The readers that come with fhirconv."""
    pages = (
        (f"`{name}`", plain(title), f"[{READER_PAGES[name]}](../{READER_PAGES[name]})")
        for name, title in reader_names()
    )
    return table(("reader", "what it reads", "more"), pages)


def case_facts() -> str:
    """Every section and field of case facts, and the values that come in many of them."""
    whole = case_schema()
    sections = whole.schema["properties"]
    referred = {node.get("$ref") or node.get("items", {}).get("$ref") for node in sections.values()}
    values = [name for name in whole.schema["$defs"] if f"#/$defs/{name}" not in referred]
    parts = [plain(whole.schema["description"]) + "\n\n## Sections\n"]
    parts += [_section(name, node) for name, node in sections.items()]
    parts += ["## Values that come again\n", *(_value(name) for name in values)]
    return "\n".join(parts)


def _section(name: str, node: dict[str, Any]) -> str:
    """A section, with the smallest case that has such a fact."""
    _, definition = resolve(case_schema().schema, node.get("items", node))
    text = f"### `{name}`\n\n"
    text += "".join(f"{plain(one['description'])}\n\n" for one in (node, definition) if "description" in one)
    if node.get("description") == definition.get("description"):
        text = f"### `{name}`\n\n{plain(definition['description'])}\n\n"
    if identity := definition.get("x-identity"):
        text += f"Without an `id` a fact is named by {', '.join(f'`{one}`' for one in identity)}.\n\n"
    text += _fields(definition)
    example = CASES / f"minimal-{name}.yaml"
    return text + (f"\n```yaml\n{example.read_text(encoding='utf-8')}```\n" if example.exists() else "")


def _value(name: str) -> str:
    _, definition = resolve(case_schema().schema, {"$ref": f"#/$defs/{name}"})
    head = f"(value-{name})=\n### {plain(definition['title'])}\n\n{plain(definition['description'])}\n\n"
    return head + (_fields(definition) or f"Is: {_holds(definition)}.\n")


def _fields(definition: dict[str, Any]) -> str:
    rows = list(_rows(definition, ""))
    return table(("field", "holds", "what"), rows) if rows else ""


def _rows(definition: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """A row for each field, also for those within; a field that must be stated is marked."""
    for key, node in definition.get("properties", {}).items():
        name, resolved = resolve(case_schema().schema, node)
        must = " (must be stated)" if key in definition.get("required", ()) else ""
        yield f"`{path}{key}`", _holds(node) + must, plain(resolved["description"])
        inner = resolved.get("items", resolved)
        if not name and "$ref" not in inner:
            yield from _rows(inner, f"{path}{key}.")


def _holds(node: dict[str, Any]) -> str:
    """What a field takes, in words, with a link to the value if it is one that comes again."""
    name, resolved = resolve(case_schema().schema, node)
    if name:
        return f"[{plain(resolved['title'])}](#value-{name})"
    if "x-refers" in resolved:
        return "id of one of " + ", ".join(f"`{section}`" for section in resolved["x-refers"])
    if "enum" in resolved or "const" in resolved:
        return "one of " + ", ".join(f"`{one}`" for one in resolved.get("enum", [resolved.get("const")]))
    kinds = resolved.get("type", "object")
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    return f"list of {_holds(resolved['items'])}" if words == "array" and "items" in resolved else words


MADE = {
    "commands": commands,
    "library": library,
    "rules": rules,
    "readers": readers,
    "case facts": case_facts,
}
