"""What push and plan share: the records that they are given, and how these become requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import tell
from fhirconv.compression import PackedError
from fhirconv.document import Limits
from fhirconv.issues import MappingError
from fhirconv.r4 import resource_types

if TYPE_CHECKING:
    from fhirconv.pushing.units import Settings

_FIRST = ("Organization", "Practitioner", "Device", "Patient", "DocumentReference", "Specimen", "Condition", "Procedure")
_LAST = ("Provenance",)


def _as_they_refer(context: click.Context, parameter: click.Parameter, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Files of FHIR Bulk Data (TYPE.ndjson) with those first that the others refer to: a server wants them to be there."""
    types = [path.name.partition(".")[0] for path in files]
    if not set(types) <= resource_types():
        return files
    order = {name: at - len(_FIRST) for at, name in enumerate(_FIRST)} | dict.fromkeys(_LAST, 1)
    return tuple(sorted(files, key=lambda path: order.get(path.name.partition(".")[0], 0)))


records_argument = click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    callback=_as_they_refer,
)
identity_option = click.option(
    "--identity",
    type=click.Choice(("id", "identifier")),
    default="id",
    show_default=True,
    help="id: each resource is a PUT to its own id; identifier: the server gives the ids, and resources are found by "
    "their identifiers.",
)


def settings_of(identity: str, profile: str, site: Path | None, source: Path | None) -> Settings:
    """How records become requests, or the end of the command with every mistake in the mappings."""
    from fhirconv.client.capability import read_descriptions
    from fhirconv.pushing.pusher import settings_for

    try:
        read_descriptions(site)  # a mistake there is told before a server is asked
        return settings_for(identity, profile, site, source)
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--profile") from None


def digest_of(files: tuple[Path, ...], limits: Limits) -> str:
    """The digest of the files, without standard input; or the end of the command where a compressed one is damaged."""
    from fhirconv.pushing.digests import input_digest

    try:
        return input_digest([path for path in files if str(path) != "-"], limits)
    except PackedError as error:
        say(f"error: {error}")
        say("nothing was sent")
        raise click.exceptions.Exit(Exit.FINDINGS) from None
