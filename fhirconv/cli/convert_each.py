"""fhirconv convert and read of single cases: a file of its own for each, indented."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from fhirconv.cli import Exit, say
from fhirconv.cli.options import Options, check_whole, tell, tell_report
from fhirconv.cli.outputs import check_paths, holds, is_dir, names_folder, same, write_to
from fhirconv.cli.run_report import file_of, report_run
from fhirconv.compression import WHOLE, plain_suffix
from fhirconv.conversion import Conversion, convert_document
from fhirconv.inputs import Inputs
from fhirconv.issues import Issue, printable
from fhirconv.ledger import CONVERTED, OUTCOMES
from fhirconv.many.converter import FACTS, Settings, written
from fhirconv.many.tally import MOST_LISTED, Tally
from fhirconv.mapping import DEFAULT_PROFILE, Mappings
from fhirconv.output import file_name
from fhirconv.rules import rule

_SEVERAL = "several cases need a folder (-o DIR), or a file with a line for each (-o OUT.ndjson)"


def convert_each(
    inputs: Inputs,
    wanted: str,
    mappings: Mappings,
    settings: Settings,
    options: Options,
) -> Exit:
    """Writes a Bundle (or the facts) of each case: one to a file or standard output, several into a folder."""
    cases, output = inputs.paths, Path(wanted)
    folder = _is_folder(inputs, wanted)
    report = file_of(options.report)
    check_paths(cases, None if folder else output, None, report)
    if report and holds(output, report):
        raise click.UsageError("--report is the output itself, or in its folder; give it another name")
    check_whole(inputs, options.phi_free)
    tally = Tally(most=MOST_LISTED if options.report else 0)
    made: dict[Path, str] = {}
    for document in inputs.documents():
        case = document.title
        chosen = settings.bundle, settings.source, settings.validate, settings.verify
        result = convert_document(document, mappings, *chosen)
        data = written(result, options.shape, indent=True) if result.ok else b""
        tell(result.issues, options.phi_free)
        target = (output / file_name(result.case.id)) if folder else output
        problem = _problem(target, cases, made, folder) if result.ok else ""
        if result.ok and not problem:
            problem = write_to(target, data)
        if problem:
            say(f"{case}: error: {rule('not-written').title if options.phi_free else problem}")
            result = Conversion(None, [Issue("not-written", problem, document.place(""))], result.case)
        elif result.ok:
            made[target] = case
        tally.count(result)
        if not options.quiet and not problem and (result.ledger or not inputs.report):
            _summary(result, case, target, options)
    if not options.quiet:
        tell_report(inputs, options.verbose, phi_free=options.phi_free)
    return Exit.DONE if report_run(options, inputs, tally) and not tally.rejected else Exit.FINDINGS




def _is_folder(inputs: Inputs, wanted: str) -> bool:
    """Whether the output is a folder, in which each case has its name."""
    output = Path(wanted)
    if inputs.report:
        return plain_suffix(wanted) not in WHOLE
    if len(inputs.paths) > 1 and (wanted == "-" or (is_dir(output.parent) and output.exists() and not output.is_dir())):
        raise click.UsageError(_SEVERAL)
    return len(inputs.paths) > 1 or names_folder(wanted)


def _problem(target: Path, cases: tuple[Path, ...], made: dict[Path, str], folder: bool) -> str:
    """Why a Bundle must not be written to this file; empty if it may."""
    if target in made and not folder:
        raise click.UsageError(_SEVERAL)
    if target in made:
        return f"has the case id of {made[target]}, whose Bundle is in {target}; give each case its own"
    if any(same(case, target) for case in cases):
        return f"its Bundle would overwrite the input {target}; give -o another folder"
    return ""


def _summary(result: Conversion, case: str, target: Path, options: Options) -> None:
    counts = result.ledger.counts()
    parts = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
    say(f"{case}: {len(result.ledger)} facts: {parts or 'none'}")
    if not result.ok:
        errors = sum(issue.is_error for issue in result.issues)
        none = "" if options.shape == FACTS else "no Bundle: "
        say(f"  {none}{errors} {'error' if errors == 1 else 'errors'} (see above); nothing was written")
        return
    if options.shape != FACTS:
        resources = result.resource_counts()
        counted = ", ".join(f"{number} {name}" for name, number in resources.items())
        say(f"  {sum(resources.values())} resources: {counted}")
    if not options.phi_free:  # what follows tells words of the case, or is named by its id
        _summary_of_text(result, options.verbose)
        _summary_of_claims(result)
        if str(target) != "-":
            say(f"  {'facts' if options.shape == FACTS else 'Bundle'}: {target}")


def _summary_of_text(result: Conversion, verbose: bool) -> None:
    kept = result.build.kept_as_text if result.build else []
    if kept:
        words = Counter((one.table, one.words) for one in kept)
        by_table: dict[str, list[str]] = {}
        for (table, word), number in words.items():
            by_table.setdefault(table, []).append(f"'{printable(word)}'" + (f" ({number}x)" if number > 1 else ""))
        say("  kept as text (no code in mappings/concepts):")
        for table, found in sorted(by_table.items()):
            say(f"    {table}: {', '.join(found)}")
    if verbose:
        for line in result.ledger:
            if line.outcome != CONVERTED or line.remarks:
                say(
                    f"    {line.place}: {line.fact}: {line.outcome}"
                    + "".join(f"; {why}" for why in (line.reason, *line.remarks) if why)
                )


def _summary_of_claims(result: Conversion) -> None:
    build = result.build
    if build is None or build.mappings.profile == DEFAULT_PROFILE:
        return
    claimed = sum(entry.variant is not None for entry in build.entries)
    say(f"  {claimed} resources claim a profile of {build.mappings.profile}")
    for entry, claim, lacking in build.unclaimed:
        say(f"    {result.case.place(entry.fact)}: {entry.fact.identity} does not claim {claim}: it has no {lacking}")
