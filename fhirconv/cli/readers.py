"""fhirconv readers"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import mappings_option, tell
from fhirconv.issues import MappingError
from fhirconv.readers import reader_names


@click.command("readers")
@mappings_option
def command(site: Path | None) -> None:
    """List what 'fhirconv read --as NAME' and 'convert --as NAME' can read."""
    try:
        found = reader_names(site)
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None
    for name, title in found:
        say(f"{name:20} {title}", err=False)
