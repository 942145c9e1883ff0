"""Pictures of every page, for people to look at: build/pictures/NAME.VIEW.png and NAME.pdf, kept after the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .cases import PAGES
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
            shown.page.set_viewport_size(PRINT["viewport"] if view == "print" else _WIDE)
            take(shown, f"{name}.{view}")
        shown.page.pdf(path=PICTURES / f"{name}.pdf", format="A4")
    with opened(browser, made(name), **PHONE) as shown:
        take(shown, f"{name}.phone")
        shown.page.set_viewport_size(ZOOMED["viewport"])
        take(shown, f"{name}.zoomed")


def take(shown: Opened, name: str) -> None:
    """A picture of the page from its top, as far as it goes."""
    size = shown.page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], _TALLEST_PX)}
    path = PICTURES / f"{name}.png"
    shown.page.screenshot(path=path, clip=clip, full_page=True)
    assert path.stat().st_size > 5_000
