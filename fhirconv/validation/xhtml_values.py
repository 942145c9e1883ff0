"""Addresses and styles in a narrative: what a browser would run, and what no browser could follow.

A browser decodes entities, drops white space and control characters in an address, and reads escapes and comments in a
style, before it looks for a scheme: so does this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirconv.issues import shown

Problem = tuple[str, str]

URL_ATTRIBUTES = frozenset(("href", "src", "cite", "longdesc", "usemap"))

_ACTIVE = frozenset(("javascript", "vbscript", "livescript", "data"))
_NO_LINKS = frozenset(("urn", "cid"))
_DROPPED = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*+(?=:)")
_NOT_IN_URL = re.compile(r"[\x00-\x20\"<>\\^`{}\x7f-\xa0]")
_IMAGE_DATA = re.compile(r"data:\s*+image/[a-z0-9.+\-]++(?:;[a-z0-9\-]++=[^;,]*+)*+(;base64)?+,")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?+")


def url_problems(element: str, attribute: str, url: str) -> Iterator[Problem]:
    """What is wrong with an address (its references decoded); whether '#id' is there is not looked at."""
    dropped = _DROPPED.sub("", url)
    found = _SCHEME.match(dropped.lower())
    scheme = found.group() if found else ""
    if element == "img" and attribute == "src" and dropped.lower().startswith("data:image/"):
        yield from _image_problems(url)
        return
    if scheme in _ACTIVE:
        yield (
            "narrative-unsafe",
            f"{attribute} of <{element}> is {shown(url, 40)}; the scheme '{scheme}' carries content that may run: "
            "link to http, https, mailto, tel or '#id', or leave the link out",
        )
    if (element, attribute) not in (("a", "href"), ("img", "src")):
        return
    if not url or _NOT_IN_URL.search(url):
        what = f"is {shown(url, 40)}, with a character that no URL has" if url else "is empty"
        yield "narrative-link", f"{attribute} of <{element}> {what}; write it percent-encoded, or leave it out"
    elif element == "a" and scheme in _NO_LINKS:
        yield "narrative-link", f"href {shown(url, 40)} cannot be followed; link to http, https, mailto, tel or '#id'"


def _image_problems(url: str) -> Iterator[Problem]:
    """An image within its own address must be base64 that can be read."""
    found = _IMAGE_DATA.match(url.lower())
    data = url[found.end() :] if found else ""
    if not found or not data or "," in data or (found[1] and not _BASE64.fullmatch(data)):
        yield "narrative-link", f"src of <img> is {shown(url, 40)}; expected data:image/TYPE;base64, and the image"


_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\r\n\f]?|\\(?![0-9a-fA-F])")
_RUNS = re.compile(r"expression\(|(?:java|vb|live)script:|-moz-binding|behaviou?r:|@import|url\([\"']?data:text")


def style_problems(style: str) -> Iterator[Problem]:
    """What a style would run or load as a style sheet (its references decoded)."""
    plain = style
    if "\\" in plain:
        plain = _ESCAPE.sub(lambda found: _character(found[1]), plain)
    if "/*" in plain:
        plain = "".join(part.partition("/*")[0] for part in plain.split("*/"))
    found = _RUNS.search(_DROPPED.sub("", plain).lower())
    if found:
        what = f"a style holds {shown(found.group())}, which runs or loads something"
        yield "narrative-unsafe", f"{what}; keep to colours, fonts and borders"


def _character(code: str | None) -> str:
    return chr(min(int(code, 16), 0x10FFFF)) if code else ""
