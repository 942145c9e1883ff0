"""fhirconv schema"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.schema import case_schema

PROMPT = Path(__file__).with_name("prompt.md")


@click.command("schema")
@click.option(
    "--prompt", is_flag=True, help="Print the task for a language model instead, to hand over with the schema."
)
def command(prompt: bool) -> None:
    """Print the JSON Schema (2020-12) of case facts.

    It is described so that a person or a language model can fill in a case from it alone.
    """
    click.echo(PROMPT.read_text(encoding="utf-8") if prompt else case_schema().text, nl=False)
