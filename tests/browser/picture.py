"""The picture of a report in the README, docs/images/report.png: `make picture`. Look at it before you commit it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from . import install
from .opened import launched, opened

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "report.png"
_CASE = ROOT / "fixtures" / "cases" / "made-up-lab-series.yaml"
_WIDTH, _HEIGHT = 1200, 1230  # px: down to the first two charts of results


def main() -> None:
    """Makes the page by the real command, and takes its upper part."""
    install.ensure()
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        page = Path(folder, "report.html")
        subprocess.run([sys.executable, "-m", "fhirconv", "report", _CASE, "-o", page, "--quiet"], check=True)
        view = {"viewport": {"width": _WIDTH, "height": _HEIGHT}, "color_scheme": "light"}
        with opened(browser, page, **view) as shown:
            shown.page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
