"""A page by keyboard alone: everything is reached, in order, and seen to be reached; what belongs together is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Made
from .opened import Opened, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

each_page = pytest.mark.parametrize("name", ["nakagawa-2022", "made-up-lab-series", "errors", "corpus"])
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
# Each key notes where the focus was before it: what the key before it led to.
_NOTE = f"window.stops = []; document.addEventListener('keydown', event => event.key === 'Tab' && window.stops.push(({_FOCUS})()), true);"
_REACHABLE = """() => [...document.querySelectorAll('*')].flatMap(one =>
    one.matches('a[href], button, summary, select, input, textarea, [tabindex="0"]') && one.checkVisibility()
    && one.getAttribute('tabindex') !== '-1' && !one.disabled ? [one.place] : [])"""

_ON_SCREEN = """one => { const box = one.getBoundingClientRect();
    return box.height > 0 && box.bottom > 0 && box.top < innerHeight; }"""


def stops(page: Opened, key: str, most: int) -> list[dict[str, Any]]:
    """Every stop of a key, pressed `most` times, until it leaves the page or comes round."""
    page.page.evaluate(_NOTE)
    for _ in range(most + 2):
        page.page.keyboard.press(key)
    _, *found = page.page.evaluate("window.stops")
    ends = (number for number, stop in enumerate(found) if stop is None or (number and stop == found[0]))
    return found[: next(ends, None)]


@each_page
def test_tab_reaches_everything_in_order(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), **_WIDE, reduced_motion="reduce") as page:
        page.page.evaluate(_NUMBER)
        expected = page.page.evaluate(_REACHABLE)
        there = stops(page, "Tab", len(expected))
        assert [stop["place"] for stop in there] == expected, "every one, in the order of the text, and the way out"
        assert [stop["what"] for stop in there if not stop["isSeen"]] == []
        assert [stop["what"] for stop in there if not stop["isShown"]] == []


def test_tab_goes_back_as_it_came(browser: Browser, made: Made) -> None:
    with opened(browser, made("errors"), **_WIDE, reduced_motion="reduce") as page:
        page.page.evaluate(_NUMBER)
        expected = page.page.evaluate(_REACHABLE)
        assert [stop["place"] for stop in stops(page, "Shift+Tab", len(expected))] == expected[::-1]


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


def test_mark_leads_to_its_fact_and_back(browser: Browser, made: Made) -> None:
    """Enter on the mark of a result shows what it became; Tab goes on from there; the way back is the browser's own."""
    with opened(browser, made("made-up-lab-series"), **_WIDE, reduced_motion="reduce") as page:
        page.page.evaluate(_NUMBER)
        mark = page.page.locator("figure svg a[aria-label*='10.4 g/dL']")
        mark.press("Enter")
        fact = page.page.locator(":target")
        assert fact.evaluate("one => one.matches('.fact, .fact *, tr, td')")
        assert "10.4 g/dL" in (fact.text_content() or "")
        assert fact.evaluate(_ON_SCREEN)
        page.page.keyboard.press("Tab")
        assert page.page.evaluate(_FOCUS)["place"] > fact.evaluate("one => one.place")
        page.page.go_back()
        assert page.page.locator(":target").count() == 0
        mark.focus()
        assert mark.evaluate(_ON_SCREEN)


@pytest.mark.parametrize("name", ["takanashi-2019", "bundle"])
def test_field_and_element_mark_each_other(browser: Browser, made: Made, name: str) -> None:
    """The focus on a field marks what was made of it; Enter leads there, and from there a link leads back."""
    with opened(browser, made(name), **_WIDE, reduced_motion="reduce") as page:
        field = page.page.locator(".fact dt a[data-k]").nth(3)
        home = field.evaluate("one => one.closest('.fact').id")
        field.focus()
        marked = page.page.evaluate("[...document.querySelectorAll('.marked')].map(one => one.closest('.fact').id)")
        assert len(marked) >= 2
        assert set(marked) == {home}
        page.page.keyboard.press("Escape")
        assert page.page.locator(".marked").count() == 0
        field.press("Enter")
        element = page.page.locator(":target")
        assert element.evaluate(_ON_SCREEN)
        back = element.locator(f"a[href$=':{field.get_attribute('data-k')}']")
        back.press("Enter")
        assert page.page.locator(":target").evaluate("one => one.closest('.fact').id") == home
        assert page.page.locator(":target").evaluate(_ON_SCREEN)


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
