"""The pages of the docs site that are made of the program itself: commands, names of the library, rules, case facts,
readers, and the mapping reference.

Functions of MADE give Markdown (MyST): a page of docs/ says where it stands by a line `<!-- made of the program: NAME -->`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from fhirconv.cli import main
from fhirconv.mapping_docs import files, mapping_pages
from fhirconv.readers import reader_names
from fhirconv.rules import RULES, invariant_rules
from fhirconv.schema import case_schema, resolve
from fhirconv.validation.layers import LAYERS

CASES = Path(__file__).resolve().parent.parent / "fixtures" / "cases"
MODULES = ("fhirconv", "fhirconv.report", "fhirconv.spark")
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
    """Every section of case facts, with the case of the tests that has all of its fields."""
    schema = case_schema().schema
    return plain(schema["description"]) + "\n\n" + "\n".join(_section(name) for name in case_schema().sections)


def _section(name: str) -> str:
    node = case_schema().schema["properties"][name]
    words = f"{plain(resolve(case_schema().schema, node)[1]['description'])} [Its fields](mapping/facts-{name}.md)."
    example = CASES / f"maximal-{name}.yaml"
    shown = f"\n```yaml\n{example.read_text(encoding='utf-8')}```\n" if example.exists() else ""
    return f"## `{name}`\n\n{words}\n{shown}"


def mapping() -> str:
    """Where `write_mapping` puts its pages."""
    return "```{toctree}\nmapping/index\n```\n"


def write_mapping(folder: Path) -> None:
    """The mapping reference, as files: its pages are many."""
    folder.mkdir(exist_ok=True)
    for name, content in files(mapping_pages(), "md"):
        (folder / name).write_bytes(content)
    with (folder / "index.md").open("a", encoding="utf-8") as index:
        index.write("\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n")


MADE = {
    "commands": commands,
    "library": library,
    "rules": rules,
    "readers": readers,
    "case facts": case_facts,
    "mapping": mapping,
}
