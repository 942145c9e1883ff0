"""fhirconv schema"""

from __future__ import annotations

import click

from fhirconv.schema import case_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (2020-12) of case facts.

    It is described so that a person or a language model can fill in a case from it alone.
    """
    click.echo(case_schema().text, nl=False)
