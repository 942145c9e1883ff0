"""Options that several commands share, and what they do with mappings that cannot be used."""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.issues import Issue, MappingError
from fhirconv.mapping import DEFAULT_PROFILE, Mappings, load_mappings

mappings_option = click.option(
    "--mappings",
    "site",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder with your own mappings, laid over fhirconv's.",
)
profile_option = click.option(
    "--profile",
    default=DEFAULT_PROFILE,
    show_default=True,
    metavar="NAME",
    help="r4 (base FHIR), mcode, or one of yours.",
)
source_option = click.option(
    "--source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Text that the quotes are checked against, in place of source.text of the case.",
)


def loaded_mappings(site: Path | None, profile: str) -> Mappings:
    """The mappings, or the end of the command with every mistake in them."""
    try:
        return load_mappings(site, profile)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--profile") from None
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None


def tell(issues: list[Issue]) -> None:
    """Warnings and errors for people, one a line; information stands in the summary."""
    for issue in issues:
        if issue.severity != "information":
            say(issue.text())
