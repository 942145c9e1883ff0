"""The watch over a page sees what it is there to see: a page by hand that does each thing no page of ours may do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .hostile import fields_for_words, hostile_cases
from .opened import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

POLICY = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; script-src 'sha256-AAAA'\">"
# What a page does, and how its mention in the watch begins.
DEEDS = {
    "<script>canary(1)</script>": "canary: 1",
    "<img src=x onerror=canary(2)>": "canary: 2",
    "<img src='http://127.0.0.1:1/x.png'>": "request: http://127.0.0.1:1/x.png",
    "<img src=gone.png>": "request: file://",
    "<link rel=stylesheet href='https://x.test/a.css'>": "request: https://x.test/a.css",
    "<script>console.log('hm')</script>": "console: log hm",
    "<script>throw new Error('hm')</script>": "error: hm",
    "<script>alert('hm')</script>": "dialog: alert hm",
    "<iframe srcdoc='<p>in'></iframe>": "frame: about:srcdoc",
    f"{POLICY}<script>canary(3)</script>": "policy: script-src-elem inline",
    f"{POLICY}<p onclick=canary(4)>": "policy: script-src-attr inline",
    f"{POLICY}<p style='color:red'>": "policy: style-src-attr inline",
}


@pytest.mark.parametrize("deed", DEEDS)
def test_every_deed_is_seen(browser: Browser, tmp_path: Path, deed: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><title>t</title>{deed}", encoding="utf-8")
    with opened(browser, path) as page:
        assert any(one.startswith(DEEDS[deed]) for one in page.heard()), page.heard()


def test_what_is_stored_is_seen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!DOCTYPE html><script>localStorage.a = 1; sessionStorage.b = 2</script>", encoding="utf-8")
    with opened(browser, path) as page:
        assert page.kept() == ["a", "b"]


def test_axe_finds_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        "<!DOCTYPE html><html><p style='color:#bbb;background:#fff'>pale</p><button></button>", encoding="utf-8"
    )
    with opened(browser, path) as page:
        found = {one.partition(":")[0] for one in page.axe()}
        assert found >= {"html-has-lang", "document-title", "color-contrast", "button-name", "region"}, found


def test_a_page_without_fault_is_passed(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        "<!DOCTYPE html><html lang=en><title>t</title><main><h1>One</h1><p>text</p></main></html>", encoding="utf-8"
    )
    with opened(browser, path) as page:
        assert (page.heard(), page.kept(), page.axe()) == ([], [], [])


def test_hostile_cases_cover_every_field_that_takes_words() -> None:
    """A new field of the schema, once a maximal case has it, is attacked too."""
    _, poison = hostile_cases()
    assert set(fields_for_words()) - poison.fields == {"#/$defs/source/properties/text"}  # the name of a file
