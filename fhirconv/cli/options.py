"""Options that several commands share, and what they do with mappings that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.cli import Exit, say
from fhirconv.document import LIMITS, MAX_DEPTH, Limits
from fhirconv.issues import Issue, MappingError
from fhirconv.mapping import DEFAULT_PROFILE, load_mappings

if TYPE_CHECKING:
    from fhirconv.mapping import Mappings

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

phi_free_option = click.option(
    "--phi-free", is_flag=True, help="Say which rule is broken and where, without any value of the data."
)


def _read_limits(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    """NAME=NUMBER pairs over the usual limits."""
    found: dict[str, int] = {}
    for value in values:
        name, _, number = value.partition("=")
        if name not in Limits._fields or not number.isdecimal():
            known = ", ".join(f"{field}={getattr(LIMITS, field)}" for field in Limits._fields)
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER; the limits are {known}")
        found[name] = int(number)
    if found.get("depth", 0) > MAX_DEPTH:
        raise click.BadParameter(f"depth can be raised to {MAX_DEPTH}, not more")
    return LIMITS._replace(**found)


limits_option = click.option(
    "--limit",
    "limits",
    multiple=True,
    callback=_read_limits,
    metavar="NAME=NUMBER",
    help="Raise or lower a limit of the input: bytes, depth, nodes, text, digits, ratio, skip, blank.",
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
