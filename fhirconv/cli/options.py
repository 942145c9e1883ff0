"""Options that several commands share, and what they do with mappings that cannot be used."""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.issues import Issue, MappingError
from fhirconv.mapping import Mappings, load_mappings, profiles

mappings_option = click.option(
    "--mappings",
    "site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with your own mappings, laid over fhirconv's.",
)
profile_option = click.option(
    "--profile", default="r4", show_default=True, metavar="NAME", help="r4 (base FHIR), mcode, or one of yours."
)
source_option = click.option(
    "--source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Text that the quotes are checked against, in place of source.text of the case.",
)


def loaded_mappings(site: Path | None, profile: str) -> Mappings:
    """The mappings, or the end of the command with every mistake in them."""
    if profile not in profiles(site):
        raise click.BadParameter(f"{profile!r} is not one of {', '.join(profiles(site))}", param_hint="--profile")
    try:
        return load_mappings(site, profile)
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None


def tell(issues: list[Issue], least: str = "warning") -> None:
    """Issues for people, one a line; information only where it is asked for."""
    for issue in issues:
        if least == "information" or issue.severity != "information":
            say(issue.text())
