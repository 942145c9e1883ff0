"""fhirconv report --corpus: what becomes of many cases, without writing their Bundles."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import click

from fhirconv.account.account import Account, account_of
from fhirconv.account.draft import drafts_of
from fhirconv.account.forms import rendered
from fhirconv.account.page import run_page
from fhirconv.account.tables import MOST_ROWS
from fhirconv.cli import Exit
from fhirconv.cli.convert_stream import Teller
from fhirconv.cli.options import Options, inputs_of, loaded_mappings, tell, tell_report
from fhirconv.cli.outputs import holds, write_to
from fhirconv.cli.run_report import ReportTo, report_to
from fhirconv.cli.signals import Signals, StoppedError
from fhirconv.cli.summary import summarize
from fhirconv.compression import Kind
from fhirconv.inputs import Inputs
from fhirconv.issues import FhirconvError
from fhirconv.many.batches import BatchJob
from fhirconv.many.chunks import chunks_of
from fhirconv.many.converter import NOTHING, Settings
from fhirconv.many.run import Run
from fhirconv.many.tally import MOST_LISTED
from fhirconv.mapping import Mappings

_TO_STANDARD_OUTPUT = ReportTo("html", Path("-"))


class _Nowhere:
    """An output that takes no lines: the cases are only counted."""

    place = "nothing"
    kind: Kind = ""

    def write(self, lines: Mapping[str, bytes]) -> None:
        """See Output."""

    def settle(self) -> None:
        """See Output."""

    def finish(self) -> None:
        """See Output."""

    def leave(self) -> None:
        """See Output."""


def corpus_report(
    paths: tuple[Path, ...],
    reader: str | None,
    wanted: str,
    settings: Settings,
    workers: int | None,
    draft: Path | None,
    phi_free: bool,
    quiet: bool,
) -> Exit:
    """Writes the account of the cases and, into the folder `draft`, mappings to be filled in for their words."""
    to = _TO_STANDARD_OUTPUT if wanted == "-" else report_to(wanted)
    _check(paths, to, draft, phi_free)
    mappings = loaded_mappings(settings.site, settings.profile)
    inputs = inputs_of(paths, settings.limits, reader, settings.site)
    if problems := inputs.unopened():
        tell(problems, phi_free)
        return Exit.USAGE
    options = Options(NOTHING, workers, None, None, to, phi_free, quiet, False)
    with Teller(options, inputs.size()) as teller:
        run = _counted(inputs, settings, options, teller)
        account = account_of(inputs.paths, run.tally, inputs.report, phi_free, run.is_done)
        problem = _write(account, to, mappings, draft)
        if not quiet:
            tell_report(inputs, say=teller.say, phi_free=phi_free)
            for line in summarize(run.tally, False, False, phi_free):
                teller.say(line)
        for name, path in (("report", to.path), ("draft", draft)):
            if path and not (problem or quiet or str(path) == "-"):
                teller.say(f"{name}: {path}")
        if problem:
            teller.say(f"error: {problem}")
    return Exit.FINDINGS if problem or run.tally.rejected or not run.is_done else Exit.DONE


def _check(paths: tuple[Path, ...], to: ReportTo, draft: Path | None, phi_free: bool) -> None:
    if any(holds(output, path) for output in (to.path, draft) if output for path in paths):
        raise click.UsageError("the output file is the input file; give it another name")
    if draft and phi_free:
        raise click.UsageError("--draft writes the words of the cases, which --phi-free leaves out")
    if draft and draft.exists() and (not draft.is_dir() or any(draft.iterdir())):
        raise click.UsageError(
            f"{draft} is there already and stays as it is: give --draft a folder that is new or empty"
        )


def _counted(inputs: Inputs, settings: Settings, options: Options, teller: Teller) -> Run:
    """The run; one that was stopped has counted what came before."""
    job = BatchJob(settings, NOTHING, listed=MOST_LISTED)
    run = Run(job, _Nowhere(), workers=options.workers or 1)
    with Signals() as signals:
        try:
            run.run(chunks_of(inputs.records(), inputs.read), teller.wrote, signals.held)
        except (FhirconvError, StoppedError) as stop:
            teller.close()
            teller.say(f"stopped by {signal.Signals(signals.heard).name}" if signals.heard else f"error: {stop}")
    teller.close()
    return run


def _write(account: Account, to: ReportTo, mappings: Mappings, draft: Path | None) -> str:
    """Writes account and draft; returns why one could not be written."""
    if to.form == "html":
        shown = {} if account.phi_free else drafts_of(account.words[:MOST_ROWS], mappings.raw)
        data = run_page(account, shown).encode()
    else:
        data = rendered(account, to.form)
    problems = [write_to(to.path, data)]
    for table, text in drafts_of(account.words, mappings.raw).items() if draft else ():
        problems.append(write_to(Path(draft, "concepts", f"{table}.toml"), text.encode()) if draft else "")
    return "; ".join(filter(None, problems))
