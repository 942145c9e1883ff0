"""One Chromium for the whole run; each page is opened in a context of its own. Nothing here skips: what is missing fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import install
from .cases import PAGES
from .opened import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
_TIMEOUT_S = 600

Made = Callable[[str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder need a browser: none can be forgotten."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window, with a profile that lives as long as the run."""
    try:
        install.ensure()
    except install.SetupError as problem:
        pytest.fail(f"{problem} (browser tests never skip)", pytrace=False)
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Writes the page of a name in cases.PAGES by the real command, once in a run."""

    @cache
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        page = folder / f"{name}.html"
        command = [sys.executable, "-m", "fhirconv", "report", *PAGES[name](folder), "-o", page]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        assert page.exists(), done.stderr
        return page

    return make
