"""fhirconv schema"""

from __future__ import annotations

import click

from fhirconv.data_files import data_dir
from fhirconv.schema import case_schema

PROMPT_FILE = "case-facts.prompt.md"


@click.command("schema")
@click.option(
    "--prompt", is_flag=True, help="Print the task for a language model instead, to hand over with the schema."
)
def command(prompt: bool) -> None:
    """Print the JSON Schema (2020-12) of case facts.

    It is described so that a person or a language model can fill in a case from it alone.
    """
    text = (data_dir("mappings") / PROMPT_FILE).read_text(encoding="utf-8") if prompt else case_schema().text
    click.echo(text, nl=False)
