"""fhirconv mappings"""

from __future__ import annotations

from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.mappings_docs import command as docs
from fhirconv.cli.mappings_impact import command as impact
from fhirconv.cli.options import mappings_option, tell
from fhirconv.issues import MappingError
from fhirconv.mapping import check_mappings, folders, load_mappings, profiles
from fhirconv.mapping.files import read_folders


@click.group("mappings")
def command() -> None:
    """Check, list and show mappings, write them as pages (docs), compare two sets (impact)."""


command.add_command(docs)
command.add_command(impact)

_folder = click.argument(
    "site", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False, exists=True)
)


@command.command("check")
@_folder
def check(site: Path | None) -> None:
    """Check fhirconv's mappings, with your own folder DIR laid over them, for every profile, readers, and servers.toml.

    Every source is held against the schema of case facts and every target against FHIR R4.
    """
    from fhirconv.client.capability import read_descriptions
    from fhirconv.readers import check_readers

    failed = False
    mistakes = []
    for profile in profiles(site):
        try:
            loaded = check_mappings(site, profile)
        except MappingError as error:
            failed = True
            mistakes += [issue for issue in error.issues if issue not in mistakes]
        else:
            rules = sum(len(mapping.rules) for mapping in loaded.resources)
            concepts = sum(len(table.concepts) for table in loaded.tables.concepts.values())
            say(
                f"profile {profile}: {len(loaded.resources)} mappings, {rules} element rules, {concepts} concepts: no mistakes",
                err=False,
            )
    for look in (read_descriptions, check_readers):
        try:
            look(site)
        except MappingError as error:
            failed = True
            mistakes += [issue for issue in error.issues if issue not in mistakes]
    tell(mistakes)
    raise click.exceptions.Exit(Exit.MAPPINGS if failed else Exit.DONE)


@command.command("list")
@mappings_option
def list_(site: Path | None) -> None:
    """List the mapping files: what each is for."""
    raw, _, _ = read_folders(folders(site))
    for name, content in sorted(raw.items()):
        if name.startswith("resources/"):
            role = f" (as {content['role']})" if "role" in content else ""
            what = f"{content.get('each')} -> {content.get('resource')}{role}"
        elif name.startswith("concepts/"):
            coded = sum("codings" in entry for entry in content.values() if isinstance(entry, dict))
            what = f"{len(content)} concepts, {coded} with codes"
        elif name.startswith("readers/"):
            what = str(content.get("title", ""))
        elif name.startswith("profiles/"):
            what = f"{sum(isinstance(value, dict) for value in content.values())} claims"
        else:
            what = f"{sum(len(value) if isinstance(value, dict) else 1 for value in content.values())} entries"
        click.echo(f"{name:36} {what}")


@command.command("show")
@click.argument("name")
@mappings_option
def show(name: str, site: Path | None) -> None:
    """Show a mapping file by its name in 'mappings list' ('lab', 'concepts/drugs'), or the entry for a word ('Hb')."""
    shown = False
    for folder in folders(site):
        for path in sorted(folder.rglob("*.toml")):
            found = path.relative_to(folder).with_suffix("").as_posix()
            if name in (found, found.partition("/")[2], path.name):
                click.echo(f"# {found}.toml\n{path.read_text(encoding='utf-8')}")
                shown = True
    shown = _show_word(name, site) or shown
    if not shown:
        say(f"no mapping and no concept is named {name!r}; 'fhirconv mappings list' lists the files")
        raise click.exceptions.Exit(Exit.USAGE)


def _show_word(word: str, site: Path | None) -> bool:
    try:
        tables = load_mappings(site).tables.concepts
    except MappingError as error:
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None
    found = False
    for name, table in tables.items():
        concept = table.find(word)
        if concept:
            found = True
            click.echo(f"concepts/{name}: {concept.key}: {concept.text}")
            for coding, verified in zip(concept.codings, concept.verified, strict=True):
                click.echo(f"  {coding['system']} {coding['code']} {coding.get('display', '')}  (verified: {verified})")
    return found
