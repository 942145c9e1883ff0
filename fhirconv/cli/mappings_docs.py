"""fhirconv mappings docs"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import mappings_option, tell
from fhirconv.cli.outputs import write_to
from fhirconv.issues import MappingError, printable
from fhirconv.mapping_docs import FORMS, files, mapping_pages

_MOST_NAMED = 3


@click.command("docs")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the pages; it is made if it is not there, and must hold no others.",
)
@mappings_option
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMS)),
    default="html",
    show_default=True,
    help="html: begin at index.html, in any browser, without a network; md: for a site of documentation.",
)
def command(folder: Path, site: Path | None, form: str) -> None:
    """Write the mapping reference as pages: each element, what it is made of, by which rule, with which codes."""
    from fhirconv.report import ReportError, need_libraries

    try:
        if form == "html":
            need_libraries()
        pages = list(mapping_pages(site))
    except ReportError as error:
        say(f"error: {error}; --format md needs nothing more")
        raise click.exceptions.Exit(Exit.USAGE) from None
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None
    made = dict(files(pages, form))
    others = sorted(path.name for path in folder.glob(f"*.{form}") if path.name not in made)
    if others:
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        say(
            f"error: {folder} holds pages that are not of these mappings: {printable(', '.join(others[:_MOST_NAMED]))}{more}; "
            "take them away, or write to a new folder"
        )
        raise click.exceptions.Exit(Exit.USAGE)
    for name, data in made.items():
        problem = write_to(folder / name, data)
        if problem:
            say(f"error: {problem}")
            raise click.exceptions.Exit(Exit.FINDINGS)
    say(f"{len(pages)} pages: {folder / f'index.{form}'}")
