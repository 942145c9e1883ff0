"""Every page, whatever its case says: it does nothing but show, and everyone can read it."""

from __future__ import annotations

import io
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from .cases import ORDINARY, PAGES
from .conftest import Made
from .hostile import hostile_cases
from .opened import Opened, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

each_page = pytest.mark.parametrize("name", PAGES)
each_ordinary_page = pytest.mark.parametrize("name", ORDINARY)

LIGHT = {"color_scheme": "light"}
DARK = {"color_scheme": "dark"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 568}}
ZOOMED: dict[str, Any] = {
    "viewport": {"width": 640, "height": 360},
    "device_scale_factor": 2,
}  # a screen of 1280 by 720 at 200 %
CONTRAST = {"forced_colors": "active"}
PRINT = {"viewport": {"width": 700, "height": 990}, "media": "print"}
VIEWS: dict[str, dict[str, Any]] = {
    "light": LIGHT, "dark": DARK, "phone": PHONE, "dark phone": PHONE | DARK, "zoomed": ZOOMED, "forced colours": CONTRAST,
    "print": PRINT, "print of a dark screen": PRINT | DARK,
}  # fmt: skip

# Elements and attributes that could run, load or send something; links lead into the page or to the document's own place.
_ACTIVE = """() => [...document.querySelectorAll('*')].flatMap(one => [
    ...['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'IMG', 'image', 'use', 'foreignObject', 'animate', 'set']
        .filter(name => one.nodeName === name),
    ...[...one.attributes].filter(it => it.name.startsWith('on') || it.name === 'style' || it.name === 'src' || it.name === 'action'
        || it.name === 'srcdoc' || (it.name.endsWith('href') && !/^(#|https?:|data:,$)/.test(it.value)))
        .map(it => `${one.nodeName} ${it.name}=${it.value.slice(0, 60)}`)])"""


@each_page
def test_page_only_shows(browser: Browser, made: Made, name: str) -> None:
    """No script but ours, no message, no request, nothing stored, whatever is unfolded, pointed at or pressed."""
    with opened(browser, made(name), **LIGHT) as page:
        page.open_details()
        for key in ("Tab", "Enter", "Tab", "Tab", "Escape"):
            page.page.keyboard.press(key)
        page.page.mouse.move(600, 400)
        page.page.mouse.wheel(0, 3000)
        page.page.mouse.move(500, 300)
        assert page.heard() == []
        assert page.kept() == []
        assert page.page.evaluate(_ACTIVE) == ["SCRIPT"]
        assert page.page.url.partition("#")[0] == made(name).as_uri()


def test_policy_stops_a_script_of_others(browser: Browser, made: Made) -> None:
    """Even if a text were written into the page as it stands."""
    page = made("made-up-lab-series")
    spoiled = page.with_name("spoiled.html")
    text = page.read_text(encoding="utf-8")
    for deed in (
        "<script>canary(1)</script>",
        "<img src=x onerror=canary(2)>",
        "<p style='color:red'>",
        "<style>p{}</style>",
    ):
        text = text.replace("</main>", f"{deed}</main>")
    spoiled.write_text(text, encoding="utf-8")
    with opened(browser, spoiled) as shown:
        heard = [one for one in shown.heard() if not one.startswith(("console: error", "request: file://"))]
        assert {one.partition(" inline")[0] for one in heard if "inline" in one} == {
            "policy: script-src-elem", "policy: script-src-attr", "policy: style-src-attr", "policy: style-src-elem",
        }  # fmt: skip
        assert not any(one.startswith("canary") for one in heard)


def test_hostile_words_are_shown_as_they_are(browser: Browser, made: Made) -> None:
    _, poison = hostile_cases()
    with opened(browser, made("hostile")) as page:
        page.open_details()
        shown = _letters(page.page.evaluate("document.body.textContent"))
    lost = [text for text in poison.texts if _letters(_escaped(text)) not in shown]
    assert lost == []


@each_page
def test_everything_is_there_without_script(browser: Browser, made: Made, name: str) -> None:
    text = "document.querySelector('main').textContent"
    with opened(browser, made(name)) as page:
        expected = page.page.evaluate(text)
    with opened(browser, made(name), java_script_enabled=False) as page:
        found = page.page.locator("main").text_content()
    assert _letters(found or "") == _letters(expected)


@each_ordinary_page
def test_axe_finds_nothing(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), **LIGHT) as page:
        folded = page.axe()
        page.open_details()
        assert (folded, page.axe()) == ([], [])


# Three small pages hold whatever a page can hold; a large one takes axe long, and says no more of a view.
@pytest.mark.parametrize("view", [view for view in VIEWS if view != "light"])
@pytest.mark.parametrize("name", ["relative", "errors", "corpus"])
def test_axe_finds_nothing_however_it_is_seen(browser: Browser, made: Made, name: str, view: str) -> None:
    with opened(browser, made(name), **VIEWS[view]) as page:
        page.open_details()
        assert page.axe() == []


@each_page
def test_page_is_never_wider_than_the_screen(browser: Browser, made: Made, name: str) -> None:
    """What is wide scrolls by itself (and can be reached by keyboard, says axe); the page does not."""
    with opened(browser, made(name), **PHONE) as page:
        page.open_details()
        for view in (PHONE, NARROW, ZOOMED):
            page.page.set_viewport_size(view["viewport"])
            assert too_wide(page) == [], view


@each_ordinary_page
def test_text_of_twice_the_size_is_not_cut(browser: Browser, made: Made, name: str) -> None:
    with opened(browser, made(name), viewport={"width": 1280, "height": 800}) as page:
        page.page.evaluate("document.documentElement.style.fontSize = '200%'")
        page.open_details()
        assert page.page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") >= 26
        assert too_wide(page) == []
        assert page.page.evaluate(_CUT) == []


def too_wide(page: Opened) -> list[str]:
    """Elements that make the document scroll sideways."""
    return page.page.evaluate(  # type: ignore[no-any-return]
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            const inside = one => { for (let at = one.parentElement; at && at !== document.body; at = at.parentElement)
                if (getComputedStyle(at).overflowX !== 'visible') return true; return false; };
            return [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > width + 1
                && !inside(one)).slice(0, 10).map(one => `${one.nodeName}.${one.getAttribute('class')}: `
                + `${Math.round(one.getBoundingClientRect().right)} of ${width}: ${one.textContent.slice(0, 60)}`);
        }"""
    )


# Elements with text of their own that hide a part of it (not those that scroll).
_CUT = """() => [...document.querySelectorAll('main *')].filter(one => {
    const style = getComputedStyle(one);
    return (style.overflowX === 'hidden' || style.overflowX === 'clip' || style.overflowY === 'hidden')
        && one.textContent.trim() && one.clientWidth > 1
        && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map(one => `${one.nodeName}.${one.getAttribute('class')}: ${one.textContent.slice(0, 60)}`)"""


def _letters(text: str) -> str:
    """Without blanks and line breaks, and without the ligatures that paper has."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def _escaped(text: str) -> str:
    """As a page writes what would turn its letters round."""
    return re.sub(r"[\u202a-\u202e\u2066-\u2069]", lambda found: f"\\u{ord(found.group()):04x}", text)


# Every word that the page holds, folded or not, without what is for the screen alone and the raw JSON.
_WORDS = """() => {
    const words = new Set(), walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    while (walk.nextNode())
        if (!walk.currentNode.parentElement.closest('.raw, .filter, title'))
            walk.currentNode.textContent.split(/\\s+/).forEach(word => words.add(word));
    return [...words];
}"""


@pytest.mark.parametrize("name", ["nakagawa-2022", "made-up-lab-series", "several", "errors", "corpus"])
def test_nothing_is_lost_on_paper(browser: Browser, made: Made, name: str) -> None:
    """What is folded on the screen is unfolded on paper: the tables of charts, the elements of resources."""
    from pypdf import PdfReader

    with opened(browser, made(name)) as page:
        words = page.page.evaluate(_WORDS)
        paper = PdfReader(io.BytesIO(page.page.pdf(format="A4")))
    printed = _letters("".join(sheet.extract_text() for sheet in paper.pages))
    assert len(words) > 50
    assert [word for word in words if _letters(word) not in printed] == []


def test_ten_thousand_labs_open(browser: Browser, made: Made) -> None:
    path = made("ten-thousand-labs")
    assert path.stat().st_size < 6_000_000
    with opened(browser, path) as page:
        took = page.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
        assert took < 30_000  # ms; a second on a machine of two cores that does nothing else
        assert page.page.evaluate("document.querySelectorAll('*').length") < 250_000
