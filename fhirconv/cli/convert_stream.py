"""fhirconv convert and read of many cases: a line in, a line out."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import click

from fhirconv.build import RESTFUL
from fhirconv.cli import Exit, let_go, say
from fhirconv.cli.options import Options, tell, tell_report
from fhirconv.cli.outputs import check_paths, names_folder, standard_output
from fhirconv.cli.progress import Progress
from fhirconv.cli.run_report import file_of, report_run
from fhirconv.cli.signals import Signals, StoppedError
from fhirconv.cli.summary import summarize
from fhirconv.compression import WHOLE, kind_of_name, plain_suffix
from fhirconv.inputs import Inputs
from fhirconv.issues import FhirconvError
from fhirconv.many.batches import Batch, BatchJob
from fhirconv.many.chunks import Chunk, chunks_of
from fhirconv.many.converter import BUNDLES, FACTS, RESOURCES, Settings
from fhirconv.many.files import ClosedError, Output, OutputError, Stream, output_for
from fhirconv.many.run import Run
from fhirconv.many.tally import MOST_LISTED
from fhirconv.output import is_stream
from fhirconv.reports import shown_issue

_OTHER_PACKED = (".bz2", ".xz", ".zip")


_MADE = {BUNDLES: "Bundles", RESOURCES: "resources", FACTS: "cases"}


def convert_stream(inputs: Inputs, wanted: str, settings: Settings, options: Options) -> Exit | int:
    """Writes a line for each case, or a folder with a file for each type of resource; the rejected go beside it."""
    if options.shape == RESOURCES:
        if settings.bundle != "transaction":
            raise click.UsageError("--shape resources makes no Bundles: leave out --bundle")
        settings = replace(settings, bundle=RESTFUL)
    target = Path(wanted)
    _check_shape(wanted, options.shape)
    rejects = options.rejects or (None if wanted == "-" or is_stream(target) else _beside(target))
    check_paths(inputs.paths, target, rejects, file_of(options.report))
    listed = MOST_LISTED if options.report else 0
    job = BatchJob(settings, options.shape, verbose=options.verbose, listed=listed)
    teller = Teller(options, inputs.size())
    run: Run | None = None
    with Signals() as signals, teller:
        try:
            if problems := inputs.unopened():
                tell(problems, options.phi_free)
                return Exit.USAGE
            run = Run(job, *_outputs(wanted, options.shape, rejects), options.workers or 1)
            chunks, stops = chunks_of(inputs.records(), inputs.read), options.on_error == "stop"
            run.run(chunks, teller.wrote, signals.held, stops, options.max_rejects)
        except ClosedError:
            teller.close()
            let_go(sys.stdout)
            return Exit.DONE
        except (FhirconvError, StoppedError) as stop:
            teller.close()
            teller.say(f"stopped by {signal.Signals(signals.heard).name}" if signals.heard else f"error: {stop}")
            if run is not None:
                teller.say(_left(run))
                report_run(options, inputs, run.tally, run.is_done, teller.say)
            return 128 + signals.heard if signals.heard else Exit.FINDINGS
    teller.close()
    if not options.quiet:
        tell_report(inputs, options.verbose, teller.say, options.phi_free)
        for line in summarize(run.tally, options.shape == FACTS, options.verbose, options.phi_free):
            teller.say(line)
        for name, path in ((_MADE[options.shape], wanted), ("rejected", rejects)):
            if path and path != "-":
                teller.say(f"{name}: {path}")
    is_told = report_run(options, inputs, run.tally, say=teller.say)
    return Exit.DONE if is_told and not run.tally.rejected else Exit.FINDINGS


def _outputs(wanted: str, shape: str, rejects: Path | None) -> tuple[Output, Output | None]:
    """For what is converted, and for what is rejected; both or, with an OutputError, none."""
    is_folder = shape == RESOURCES
    output = Stream(standard_output(), "standard output") if wanted == "-" else output_for(Path(wanted), is_folder)
    try:
        return output, output_for(rejects, False) if rejects else None
    except OutputError:
        output.leave()
        raise


def _beside(target: Path) -> Path:
    """bundles.rejects.ndjson for bundles.ndjson.gz."""
    return target.with_name(f"{_stem(target.name)}.rejects.ndjson")


def _stem(name: str) -> str:
    plain = Path(name).stem if kind_of_name(name) or name.lower().endswith(_OTHER_PACKED) else name
    return plain[: len(plain) - len(plain_suffix(plain))]


def _check_shape(wanted: str, shape: str) -> None:
    """Bundles go to a file of lines, resources into a folder."""
    target = Path(wanted)
    if shape == RESOURCES:
        if wanted == "-" or os.path.isfile(target) or not target.name:
            raise click.UsageError("--shape resources needs a folder of its own: -o DIR")
        if kind_of_name(target.name):
            raise click.UsageError(f"--shape resources makes a folder of files that are not compressed: -o {target.with_suffix('')}")
    elif names_folder(wanted):
        raise click.UsageError(f"a stream of Bundles goes to a file: -o {target / 'bundles.ndjson'}")
    elif target.suffix.lower() in _OTHER_PACKED or plain_suffix(target.name) in WHOLE:
        packed = f".{kind}" if (kind := kind_of_name(target.name)) else ""
        name = target.with_name(f"{_stem(target.name)}.ndjson{packed}")
        raise click.UsageError(
            f"{target} would hold a line for each Bundle, plain or as .gz or .zst: name it -o {name}"
        )


def _left(run: Run) -> str:
    """What there is of a run that did not come to its end."""
    if run.is_done:
        return "everything had been written by then: the output is complete"
    if not run.tally.converted:
        return "no case was written; run the same command again"
    cases = f"{run.tally.converted:,} {'case' if run.tally.converted == 1 else 'cases'}"
    return f"{run.output.place} has {cases} and is not complete; run the same command again"


class Teller(AbstractContextManager["Teller"]):
    """Tells findings as they come, above a bar on a terminal. That nobody listens does not end the run."""

    def __init__(self, options: Options, size: int | None) -> None:
        self._progress = None if options.quiet else Progress("read" if options.shape == FACTS else "converted", size)
        self._read = 0
        self._phi_free = options.phi_free

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No bar any more."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def wrote(self, chunk: Chunk, batch: Batch, deaths: list[str]) -> None:
        """A batch was written."""
        while deaths:
            self.say(f"warning: {deaths.pop(0)}")
        for issue in batch.told:
            self.say(shown_issue(issue, self._phi_free).text())
        if self._progress is not None:
            self._progress.advance(chunk.read - self._read, batch.tally.records)
            self._read = chunk.read

    def say(self, text: str) -> None:
        """One line for people."""
        try:
            if self._progress is not None:
                self._progress.clear()
            say(text)
        except OSError:
            let_go(sys.stderr)
