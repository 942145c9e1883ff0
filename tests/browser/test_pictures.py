"""Pictures of every page, for people to look at: build/pictures/NAME.VIEW.png and NAME.pdf, kept after the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .cases import PAGES
from .conftest import Made
from .opened import opened
from .test_pages import VIEWS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = Path(__file__).resolve().parents[2] / "build" / "pictures"
_TALLEST_PX = 6000  # more is seen by nobody, and a picture has its limits
_WIDE = {"viewport": {"width": 1200, "height": 900}}


@pytest.mark.parametrize("view", ["light", "dark", "phone", "zoomed", "forced colours", "print"])
@pytest.mark.parametrize("name", PAGES)
def test_picture(browser: Browser, made: Made, name: str, view: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with opened(browser, made(name), **(_WIDE | VIEWS[view])) as shown:
        page = shown.page
        size = page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], _TALLEST_PX)}
        path = PICTURES / f"{name}.{view.replace(' ', '-')}.png"
        page.screenshot(path=path, clip=clip, full_page=True)
        assert path.stat().st_size > 5_000
        if view == "print":
            page.pdf(path=PICTURES / f"{name}.pdf", format="A4")
