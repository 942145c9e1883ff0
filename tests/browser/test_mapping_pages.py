"""The mapping reference as pages: as quiet, as readable and as narrow as those of cases."""

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


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `fhirconv mappings docs` writes."""
    folder = tmp_path_factory.mktemp("mappings") / "docs"
    subprocess.run([sys.executable, "-m", "fhirconv", "mappings", "docs", "-o", folder], check=True, timeout=600)
    return folder


@pytest.mark.parametrize(
    "name", ["index", "resource-lab", "facts-labs", "profile-mcode", "table-drugs", "reader-mcode-csv"]
)
def test_mapping_page(browser: Browser, reference: Path, name: str) -> None:
    for view in (LIGHT, PHONE | DARK):
        with opened(browser, reference / f"{name}.html", **view) as page:
            page.open_details()
            assert page.heard() == []
            assert page.kept() == []
            assert too_wide(page) == []
            assert page.axe() == []
