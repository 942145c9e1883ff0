"""A page by keyboard alone: everything is reached, in order, and seen to be reached; what belongs together is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .conftest import Made
from .opened import Opened, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

each_page = pytest.mark.parametrize("name", ["nakagawa-2022", "made-up-lab-series", "several", "errors", "corpus"])
_WIDE = {"viewport": {"width": 1200, "height": 800}}

# The elements get numbers in the order of the text.
_NUMBER = "document.querySelectorAll('*').forEach((one, place) => { one.place = place; })"
# Where the focus is, whether it is on the screen, and whether it shows: by an outline, or as the outline of a mark.
_FOCUS = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    const mark = one.ownerSVGElement && getComputedStyle(one.querySelector('path'));
    return {
        place: one.place,
        what: `${one.nodeName} ${one.getAttribute('aria-label') || one.textContent}`.slice(0, 100),
        isSeen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0,
        isShown: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)
            || (!!mark && !/^(none|transparent|rgba[(].*, 0[)])$/.test(mark.stroke) && parseFloat(mark.strokeWidth) >= 2),
    };
}"""
_REACHABLE = """() => [...document.querySelectorAll('*')].flatMap(one =>
    one.matches('a[href], button, summary, select, input, textarea, [tabindex="0"]') && one.checkVisibility()
    && one.getAttribute('tabindex') !== '-1' && !one.disabled ? [one.place] : [])"""


class Stop(NamedTuple):
    """Where Tab stopped."""

    place: int
    what: str
    is_seen: bool
    is_shown: bool


def stops(page: Opened, key: str = "Tab") -> list[Stop]:
    """Every stop of a key, until it leaves the page or comes round."""
    found: list[Stop] = []
    for _ in range(5000):
        page.page.keyboard.press(key)
        at: dict[str, Any] | None = page.page.evaluate(_FOCUS)
        if at is None or (found and at["place"] == found[0].place):
            return found
        found.append(Stop(at["place"], at["what"], at["isSeen"], at["isShown"]))
    raise AssertionError(f"{key} comes to no end: {found[-3:]}")


@each_page
def test_tab_reaches_everything_in_order(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), **_WIDE, reduced_motion="reduce") as page:
        page.page.evaluate(_NUMBER)
        expected = page.page.evaluate(_REACHABLE)
        there = stops(page)
        places = [stop.place for stop in there]
        assert places == sorted(set(places)), "not in the order of the text"
        assert set(expected) <= set(places)
        assert [stop for stop in there if not stop.is_seen] == []
        assert [stop for stop in there if not stop.is_shown] == []
        back = [stop.place for stop in stops(page, "Shift+Tab")]
        assert back == places[::-1]


def test_first_stop_leads_past_the_head(browser: Browser, made: Made) -> None:
    with opened(browser, made("nakagawa-2022"), **_WIDE) as page:
        page.page.keyboard.press("Tab")
        skip = page.page.evaluate(_FOCUS)
        assert skip["what"].startswith("A Skip")
        assert skip["isSeen"]
        page.page.keyboard.press("Enter")
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.querySelector('main').contains(document.activeElement)")


@each_page
def test_folds_open_and_close(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), **_WIDE) as page:
        folds = page.page.locator("details > summary:visible")
        for number in range(min(folds.count(), 5)):
            fold = folds.nth(number)
            for key in ("Enter", "Space"):
                before = fold.evaluate("one => one.parentElement.open")
                fold.press(key)
                assert fold.evaluate("one => one.parentElement.open") is not before


def test_theme_is_changed_and_not_kept(browser: Browser, made: Made) -> None:
    """The button of the head: dark on a light screen and back, as readable as a dark screen's, and forgotten."""
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, made("made-up-lab-series"), color_scheme="light") as page:
        light = page.page.evaluate(paper)
        page.page.locator("button.theme").press("Enter")
        assert page.page.evaluate(paper) != light
        page.open_details()
        assert page.axe() == []
        page.page.locator("button.theme").press("Space")
        assert page.page.evaluate(paper) == light
        assert page.kept() == []
