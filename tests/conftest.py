"""What the tests share: the option --renew, the fixtures' folders, and every case converted once for each profile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fhirconv import Conversion, convert
from fhirconv.cli import main

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"

Converted = Callable[[Path, str], Conversion]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write the expected outputs anew; read the diff")


def pytest_configure() -> None:
    """Ctrl-C reaches the commands that the tests start, also where a shell started the tests in the background without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def renew(request: pytest.FixtureRequest) -> bool:
    """Whether to write expected outputs. Refused in CI, where they are what is tested."""
    wanted = bool(request.config.getoption("--renew"))
    if wanted and os.environ.get("CI"):
        pytest.fail("--renew is refused in CI: renew the files where you work, read them, commit them", pytrace=False)
    return wanted


@pytest.fixture(scope="session")
def converted() -> Converted:
    """Converts a case file for a profile, each only once in a run."""

    @cache
    def convert_once(path: Path, profile: str) -> Conversion:
        return convert(path, profile=profile)

    return convert_once


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    """The command in this process; nothing but an exit leaves it."""
    done = CliRunner().invoke(main, arguments, input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert "Traceback" not in done.output
    return done
