"""fhirconv explain"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fhirconv.bundle import dump_json
from fhirconv.cli import Exit, say
from fhirconv.cli.options import loaded_mappings, mappings_option, profile_option, source_option, tell
from fhirconv.conversion import Conversion, convert_document
from fhirconv.explain import find, quotes_of, trace
from fhirconv.issues import printable
from fhirconv.source import read_file
from fhirconv.trace import Trace


@click.command("explain")
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("target", required=False, metavar="[FACT|RESOURCE|ELEMENT]")
@profile_option
@mappings_option
@source_option
@click.option("--json", "as_json", is_flag=True, help="Every element as JSON, for other programs.")
def command(
    case: Path, target: str | None, profile: str, site: Path | None, source: Path | None, as_json: bool
) -> None:
    """Show which fact (file and line) and which rule made each element, and what became of a fact.

    \b
    Without a target: the ledger, one fact a line. A target is
      a fact      its id, section/key, a section, or a line number of the file
      a resource  Observation, Observation/<id>, or the beginning of an id
      an element  Observation.valueQuantity, <beginning of an id>.code
    """
    result = convert_document(read_file(case), loaded_mappings(site, profile), source=source)
    tell(result.issues)
    if not result.ok:
        raise click.exceptions.Exit(Exit.FINDINGS)
    found = find(result, target) if target else list(trace(result))
    if as_json:
        click.echo(dump_json([one.as_dict() for one in found], indent=True), nl=False)
    elif target is None:
        _ledger(result)
    else:
        _traces(result, found, target)


def _ledger(result: Conversion) -> None:
    for line in result.ledger:
        made = ", ".join(line.resources) or "-"
        origin = f"read from {line.origin}" if line.origin else ""
        why = "".join(f"; {reason}" for reason in (line.reason, *line.remarks, origin) if reason)
        click.echo(printable(f"{line.place}: {line.fact}: {line.outcome} -> {made}{why}"))
    counts = result.ledger.counts()
    click.echo(
        f"{len(result.ledger)} facts = " + " + ".join(f"{number} {outcome}" for outcome, number in counts.items())
    )


def _traces(result: Conversion, found: list[Trace], target: str) -> None:
    named = [line for line in result.ledger if target in (line.fact, line.fact.rpartition("/")[2])]
    for line in named:
        if line.outcome == "merged":
            click.echo(f"{line.place}: {line.fact}: merged into {', '.join(line.resources)}: {line.reason}")
    if not found and not named:
        say(f"nothing is named {target!r}; 'fhirconv explain CASE' lists the facts and resources")
        raise click.exceptions.Exit(Exit.USAGE)
    resource = ""
    for one in found:
        if one.resource != resource:
            resource = one.resource
            click.echo(printable(f"{resource}  from {one.fact} ({one.place})"))
            if one.origin:
                click.echo(printable(f"  read from: {one.origin}"))
            for quote in quotes_of(result, one.fact):
                click.echo(printable(f'  source: "{quote}"'))
        click.echo(printable(f"  {one.element} = {_short(one.value)}"))
        fields = ", ".join(f"{name} (line {at.line})" if at.line else name for name, at in one.fields)
        click.echo(
            printable(f"      from {fields or ('the mapping' if one.is_constant else 'the fact itself')} by {one.rule}")
        )


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 100 else text[:100] + "…"
