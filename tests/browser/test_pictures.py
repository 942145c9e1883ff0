"""Pictures of every page, for people to look at: build/pictures/NAME.VIEW.png and NAME.pdf, kept after the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .cases import ORDINARY, PAGES
from .conftest import Made
from .opened import Opened, opened
from .test_pages import PHONE, PRINT, ZOOMED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = Path(__file__).resolve().parents[2] / "build" / "pictures"
_TALLEST_PX = 6000  # more is seen by nobody, and a picture has its limits
_WIDE = {"width": 1200, "height": 900}
# What is emulated one after the other on the page as it stands, as Playwright's emulate_media takes it.
_MEDIA: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced-colours": {"color_scheme": "light", "forced_colors": "active"},
    "print": {"media": "print", "forced_colors": "none"},
}


@pytest.mark.parametrize("name", PAGES)
def test_pictures(browser: Browser, made: Made, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with opened(browser, made(name), viewport=_WIDE) as shown:
        for view, media in _MEDIA.items():
            shown.page.emulate_media(**media)
            take(shown, f"{name}.{view}", PRINT["viewport"] if view == "print" else _WIDE)
        if name in ORDINARY:
            shown.page.pdf(path=PICTURES / f"{name}.pdf", format="A4")
    with opened(browser, made(name), **PHONE) as shown:
        take(shown, f"{name}.phone", PHONE["viewport"])
        take(shown, f"{name}.zoomed", ZOOMED["viewport"])


def take(shown: Opened, name: str, viewport: dict[str, int]) -> None:
    """A picture of the page from its top: the screen is made as high as the page, up to a height."""
    page, width = shown.page, viewport["width"]
    page.set_viewport_size({"width": width, "height": viewport["height"]})
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height, _TALLEST_PX)})
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 5_000
