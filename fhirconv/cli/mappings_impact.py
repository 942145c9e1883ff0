"""fhirconv mappings impact"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import (
    check_whole,
    inputs_of,
    limits_option,
    profile_option,
    reader_option,
    source_option,
    tell,
    tell_report,
)
from fhirconv.document import Limits
from fhirconv.issues import FhirconvError, MappingError

if TYPE_CHECKING:
    from fhirconv.inputs import Inputs
    from fhirconv.mapping import Mappings
    from fhirconv.mapping_impact.impact import Impact, ImpactJob
    from fhirconv.mapping_impact.sides import Side

_FORMS = ("text", "json", "md")


@click.command("impact")
@click.argument("old")
@click.argument("new")
@click.argument("cases", metavar="CASE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@reader_option
@click.option(
    "--format", "form", type=click.Choice(_FORMS), default="text", show_default=True, help="Form of the answer."
)
@click.option("--workers", type=click.IntRange(1, 256), default=1, help="Processes that convert; 1 by default.")
@profile_option
@source_option
@limits_option
@click.option("--values", is_flag=True, help="Also facts, and old and new values: they are data of patients.")
def command(
    old: str,
    new: str,
    cases: tuple[Path, ...],
    reader: str | None,
    form: str,
    workers: int,
    profile: str,
    source: Path | None,
    limits: Limits,
    values: bool,
) -> None:
    """Show which resources of cases change between two sets of mappings, and which entries of the mappings are why.

    OLD and NEW: a folder of your own that is laid over fhirconv's, 'default' for fhirconv's alone, or a whole set (a copy of
    fhirconv's folder, with its case-facts.schema.json). Cases as 'convert' takes them; readers are those of NEW.

    Exit codes: 0 nothing is different, 1 something is, or no case could be compared, 2 wrong usage, 3 a set cannot be used.
    """
    from fhirconv.many.converter import Settings
    from fhirconv.mapping_impact import told
    from fhirconv.mapping_impact.impact import ImpactJob, same_identities
    from fhirconv.mapping_impact.sides import OURS, changes_between, side_of

    try:
        one, other = side_of(old), side_of(new)
        before, after = _loaded(one, profile), _loaded(other, profile)
        inputs = inputs_of(cases, limits, reader, None if new == OURS else Path(new))
        check_whole(inputs)
        impact = _run(ImpactJob(one, other, Settings(profile, source=source, limits=limits)), inputs, workers)
    except FhirconvError as error:
        raise click.UsageError(str(error)) from None
    changes = changes_between(one, other, before.raw, after.raw)
    has_new_ids = not same_identities(before, after)
    data = told.as_data(impact, changes, has_new_ids, values)
    write = {"text": told.to_text, "json": told.to_json, "md": told.to_markdown}[form]
    click.echo(write(data), nl=False)
    tell_report(inputs)
    if not impact.compared:
        say("warning: no case was compared, since none is converted by both sets; 'fhirconv convert' says why")
    is_same = impact.compared and impact.is_none and not has_new_ids
    raise click.exceptions.Exit(Exit.DONE if is_same else Exit.FINDINGS)


def _loaded(side: Side, profile: str) -> Mappings:
    try:
        return side.load(profile)
    except MappingError as error:
        say(f"error: the mappings of {side.name} cannot be used:")
        tell(error.issues)
        raise click.exceptions.Exit(Exit.MAPPINGS) from None


def _run(job: ImpactJob, inputs: Inputs, workers: int) -> Impact:
    """Raises FhirconvError where a file cannot be read at all, or workers cannot be started."""
    from fhirconv.cli.progress import Progress
    from fhirconv.many.chunks import chunks_of
    from fhirconv.many.crew import Crew
    from fhirconv.mapping_impact.impact import Impact

    problems = inputs.unopened()
    if problems:
        tell(problems)
        raise click.exceptions.Exit(Exit.USAGE)
    impact, read = Impact(), 0
    with Progress("compared", inputs.size()) as progress, Crew(job, workers) as crew:
        for chunk, found in crew.results(chunks_of(inputs.records(), inputs.read)):
            impact.add(found)
            progress.advance(chunk.read - read, found.cases)
            read = chunk.read
            while crew.deaths:
                say(f"warning: {crew.deaths.pop(0)}")
    return impact
