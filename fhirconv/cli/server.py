"""fhirconv server"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fhirconv import local_server
from fhirconv.cli import Exit, say

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the server's data and log.  [default: fhirconv/server in your data folder]",
)


@click.group("server")
def command() -> None:
    """Start and stop a local HAPI FHIR R4 server, for trying out.

    It needs a JDK (17 or newer) and Maven, listens on 127.0.0.1 only, and asks for no password: it is no place for
    patients' data.
    """


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except local_server.LocalServerError as error:
        for line in str(error).splitlines():
            say(line)
        is_failed = isinstance(error, local_server.ServerFailedError)
        raise click.exceptions.Exit(Exit.SERVER if is_failed else Exit.USAGE) from None


@command.command("start")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=local_server.DEFAULT_PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@_data
def start(port: int, data: Path | None) -> None:
    """Start a server and print its base URL when it answers. It runs until it is stopped."""
    with _errors():
        try:
            server = local_server.start(data or local_server.default_data(), port, say=say)
        except KeyboardInterrupt:
            say("interrupted; no server runs")
            raise click.exceptions.Exit(128 + signal.SIGINT) from None
    click.echo(server.url)


@command.command("stop")
@_data
def stop(data: Path | None) -> None:
    """Stop the server; its data stay for the next start."""
    with _errors():
        was_running = local_server.stop(data or local_server.default_data())
    say("stopped" if was_running else "no server runs")


@command.command("status")
@_data
def status(data: Path | None) -> None:
    """Print the base URL of the running server. Exit code 1 where none runs."""
    with _errors():
        server = local_server.status(data or local_server.default_data())
    if server is None:
        say("no server runs")
        raise click.exceptions.Exit(Exit.FINDINGS)
    if not server.url:
        say("a server is starting")
        return
    click.echo(server.url)
