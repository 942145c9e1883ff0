"""A page in the browser, and everything that it does which a page of ours must not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import install

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# A slow machine that does other things besides is no failure.
PATIENCE_MS = 120_000

_FLAGS = (
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-gpu", "--force-color-profile=srgb",
)  # fmt: skip

# canary() is what every hostile text of the tests calls. A violation of the page's own policy is something that
# tried; it is heard at the document wherever it happens.
_LISTENER = """
window.__heard = [];
window.canary = what => window.__heard.push(`canary: ${what}`);
document.addEventListener('securitypolicyviolation',
    event => window.__heard.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_KEPT = """async () => [
    ...document.cookie.split(';').filter(Boolean), ...Object.keys(localStorage), ...Object.keys(sessionStorage),
    ...(await indexedDB.databases()).map(one => one.name)]"""


@dataclass
class Opened:
    """A page as opened, with what was heard of it."""

    page: Page
    _heard: list[str] = field(default_factory=list)

    def heard(self) -> list[str]:
        """Messages of the console, errors, requests other than for the file itself, dialogs, violations of its policy."""
        inside = self.page.evaluate("window.__heard || []")
        frames = [f"frame: {frame.url}" for frame in self.page.frames[1:]]
        return [*self._heard, *inside, *frames]

    def kept(self) -> list[str]:
        """The names of what the page stored in the browser."""
        found: list[str] = self.page.evaluate(_KEPT)
        return found

    def axe(self) -> list[str]:
        """What axe-core finds, a line for each element: all its rules, those of WCAG 2.2 AA and of good practice too.

        Nothing can be touched on paper: there the size of targets is left out.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        results: dict[str, Any] = self.page.evaluate(
            """() => axe.run(document, {resultTypes: ['violations'],
                rules: {'target-size': {enabled: !matchMedia('print').matches}}})"""
        )
        return [
            f"{found['id']}: {found['help']}: {node['html'][:160]} {' / '.join(check['message'] for check in node['any'][:1])}"
            for found in results["violations"]
            for node in found["nodes"]
        ]

    def open_details(self) -> None:
        """Unfold everything that is folded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    def _listen(self, address: str) -> None:
        page, heard = self.page, self._heard
        page.on("console", lambda message: heard.append(f"console: {message.type} {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("popup", lambda other: heard.append(f"popup: {other.url}"))
        page.on("worker", lambda worker: heard.append(f"worker: {worker.url}"))
        page.on("download", lambda download: heard.append(f"download: {download.url}"))
        page.on("websocket", lambda socket: heard.append(f"websocket: {socket.url}"))
        page.on("request", lambda request: request.url == address or heard.append(f"request: {request.url}"))

        def refuse(dialog: Any) -> None:
            heard.append(f"dialog: {dialog.type} {dialog.message}")
            dialog.dismiss()

        page.on("dialog", refuse)


@contextmanager
def launched() -> Iterator[Browser]:
    """Debian's Chromium without a window, with a profile that lives no longer than it does."""
    from playwright.sync_api import sync_playwright

    with (
        sync_playwright() as driver,
        driver.chromium.launch(executable_path=install.CHROMIUM, args=_FLAGS, timeout=PATIENCE_MS) as browser,
    ):
        yield browser


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Opened]:
    """A page as a file, in a context of its own that is always offline; `options` as Playwright's new_context takes them.

    `media` is the one option besides: what is emulated once it is open ('print').
    """
    media = options.pop("media", None)
    context = browser.new_context(**options)
    try:
        context.set_default_timeout(PATIENCE_MS)
        context.set_offline(True)
        context.add_init_script(_LISTENER)
        page = context.new_page()
        shown = Opened(page)
        shown._listen(path.as_uri())
        page.goto(path.as_uri(), wait_until="load")
        if media:
            page.emulate_media(media=media)
        yield shown
    finally:
        context.close()


@cache
def _axe() -> str:
    """axe-core as a script to evaluate: what a page's own policy keeps out of the page, the browser itself lets in."""
    return f"() => {{ {install.axe_source()} }}"
