"""The command line: a thin user of the library. Exit codes stand here and in the README, nowhere else."""

from __future__ import annotations

import importlib
import os
import sys
from enum import IntEnum
from typing import TextIO

import click

import fhirconv
from fhirconv import collector
from fhirconv.issues import printable


class Exit(IntEnum):
    """What a command tells the shell."""

    DONE = 0
    FINDINGS = 1  # a case has errors, or an output cannot be written
    USAGE = 2
    MAPPINGS = 3  # the mappings cannot be used
    SERVER = 4  # it refused, or could not be reached
    INCOMPLETE = 5  # some of a push may not have been carried out: run it again


_COMMANDS = {
    "convert": "Convert cases to FHIR R4 Bundles.",
    "read": "Read tables, and what other tools wrote, into case facts.",
    "readers": "List what can be read.",
    "spark-convert": "Convert NDJSON of cases by Apache Spark, on many machines.",
    "facts": "Read case facts out of FHIR R4 Bundles.",
    "explain": "Show where each element came from, and what became of a fact.",
    "report": "Show cases on a page: the course, each fact beside what it became, what was found.",
    "validate": "Validate cases, FHIR resources and Bundles.",
    "plan": "Show what a push would do on a FHIR server, and write nothing there.",
    "push": "Put cases, Bundles and resources on a FHIR server.",
    "rules": "Explain what a rule asks.",
    "mappings": "Check and show mappings, write pages of them (docs), compare two sets (impact).",
    "schema": "Print the JSON Schema of case facts.",
    "server": "Start and stop a local FHIR server, for trying out.",
}


_CTRL_C = 128 + 2  # as shells have it


class _Commands(click.Group):
    """Loads a command's module when it is called, so that --help starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        collector.settle()
        command: click.Command = importlib.import_module(f"fhirconv.cli.{cmd_name.replace('-', '_')}").command
        collector.settle()
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Ctrl-C where a command does not take it itself, as while it waits for the first line of a pipe."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("stopped by SIGINT")
            raise click.exceptions.Exit(_CTRL_C) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fhirconv.__version__, prog_name="fhirconv")
def main() -> None:
    """Turn parsed case facts (YAML or JSON) into valid, traceable FHIR R4.

    Exit codes: 0 done, 1 a case has errors, 2 wrong usage, 3 the mappings cannot be used, 4 the server refused
    or could not be reached, 5 a push is not complete: run it again.
    """


def say(text: str, err: bool = True) -> None:
    """One line for people, on standard error unless told otherwise; nothing in it can steer a terminal."""
    click.echo(printable(text), err=err)


def let_go(stream: TextIO) -> None:
    """Whoever listened is gone: what Python still holds for them, and all that follows, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
