"""Holds every link of a built site against what is there: python tools/docs_links.py build/site

Within the site, files and anchors must exist. What a page loads must be of the site itself. Links to elsewhere must be https and
lead to one of HOSTS, so that a slip in an address is found without a network. Ends with 1 where anything is wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HOSTS = {
    "build.fhir.org",
    "doi.org",
    "github.com",
    "hl7.org",
    "phenopacket-schema.readthedocs.io",
    "ucum.org",
    "www.iana.org",
    "www.rfc-editor.org",
    "www.w3.org",
    "yaml.org",
}
CANONICAL = "http://hl7.org/fhir/"  # the names of HL7's profiles, which are links too
LOADED = {"img": "src", "link": "href", "script": "src", "iframe": "src", "source": "src"}
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class _Page(HTMLParser):
    """What a page loads, where its links lead, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes one element."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in LOADED and given.get(LOADED[tag]):
            self.loads.append(given[LOADED[tag]])
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])


@cache
def _page(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def _inside(base: Path, address: str) -> str:
    """What is wrong with an address within the site; empty for nothing."""
    parts = urlsplit(address)
    target = (base.parent / unquote(parts.path)).resolve() if parts.path else base
    if not target.is_file():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and target.suffix == ".html" and anchor not in _page(target).anchors:
        return "the page has no such anchor"
    return ""


def _outside(address: str) -> str:
    parts = urlsplit(address)
    if address.startswith(CANONICAL):
        return ""
    return (
        "" if parts.scheme == "https" and parts.hostname in HOSTS else f"not https to one of {', '.join(sorted(HOSTS))}"
    )


def wrong(site: Path) -> Iterator[str]:
    """What is wrong, a line each."""
    for path in sorted(site.rglob("*.html")):
        for address in _page(path).loads:
            problem = "is loaded from elsewhere" if _is_elsewhere(address) else _inside(path, address)
            if problem and not address.startswith("data:"):
                yield f"{path}: {address}: {problem}"
        for address in _page(path).links:
            if problem := _outside(address) if urlsplit(address).scheme else _inside(path, address):
                yield f"{path}: {address}: {problem}"
    for path in sorted(site.rglob("*.css")):
        for address in ("".join(found) for found in IN_STYLES.findall(path.read_text(encoding="utf-8"))):
            if _is_elsewhere(address):
                yield f"{path}: {address}: is loaded from elsewhere"


def _is_elsewhere(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https")


def main() -> int:
    """Prints what is wrong; else how many pages and links there are."""
    site = Path(sys.argv[1]).resolve()
    problems = list(wrong(site))
    for problem in problems:
        print(problem)
    pages = [_page(path) for path in site.rglob("*.html")]
    links = [link for page in pages for link in page.links]
    elsewhere = {link for link in links if urlsplit(link).scheme}
    print(
        f"{len(pages)} pages, {len(links)} links, {len(elsewhere)} different ones to elsewhere: {len(problems)} wrong"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
