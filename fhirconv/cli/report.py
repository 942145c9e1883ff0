"""fhirconv report"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.report import ReportError, need_libraries


@click.command("report")
@click.argument("cases", metavar="CASE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
def command(cases: tuple[Path, ...]) -> None:
    """Show cases on a page."""
    try:
        need_libraries()
    except ReportError as error:
        say(f"error: {error}")
        raise click.exceptions.Exit(Exit.USAGE) from None
