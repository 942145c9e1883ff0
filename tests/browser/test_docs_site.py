"""The docs site: it stays on this machine, and everyone can read it. What is in it: tests/test_docs.py and `make docs`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .opened import opened
from .test_pages import DARK, LIGHT, PHONE, too_wide

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent.parent
OF_THE_THEME = {  # what axe-core finds in elements that Sphinx and Furo write, by rule, and whereby such an element is known
    "aria-required-attr": '<p class="caption" role="heading">',  # the headings of the navigation have no level
    "landmark-unique": '<aside class="sidebar-drawer">',  # both side bars lack a name
    "scrollable-region-focusable": '<div class="table-wrapper',  # browsers let the tab key reach what scrolls by itself
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make docs` writes, without its checks."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--doctree-dir", folder / "trees", "docs", folder / "site"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=900)
    return folder / "site"


@pytest.mark.parametrize("name", ["index", "overview", "tutorial", "reference/commands", "reference/library"])
def test_page_of_the_site(browser: Browser, site: Path, name: str) -> None:
    for view in (LIGHT, PHONE | DARK):
        with opened(browser, site / f"{name}.html", **view) as page:
            page.open_details()
            elsewhere = [said for said in page.heard() if not said.startswith(f"request: {site.as_uri()}/")]
            assert elsewhere == []
            assert too_wide(page) == []
            assert [found for found in page.axe() if not of_the_theme(found)] == []


def of_the_theme(found: str) -> bool:
    element = OF_THE_THEME.get(found.partition(":")[0])
    return element is not None and element in found
