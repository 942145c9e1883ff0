"""A template and its data -> one HTML file that holds all that it needs, and lets nothing else in.

The page's policy (https://www.w3.org/TR/CSP3/) names style and script by their hashes: so no other script runs and nothing
is asked of a network, whatever the data say. It also means: no style attribute, no on... attribute, in no template.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fhirconv import __version__

_HERE = Path(__file__).parent
# No text of HTML (https://html.spec.whatwg.org/#preprocessing-the-input-stream), or it turns round what follows. Joiners
# and marks of direction stay, which languages are spelled with.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def render(template: str, **context: object) -> str:
    """A page by a template that extends base.html. Same context, same text."""
    style, script = _joined("css"), _joined("js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    own = {"policy": policy, "style": Markup(style), "script": Markup(script), "version": __version__}  # noqa: S704  (ours)
    return _environment().get_template(template).render(own | context)


def visible(value: object) -> object:
    """Text with what no page can hold, or what would turn its letters round, written as escapes."""
    if type(value) is not str or value.isprintable():
        return value
    return _UNFIT.sub(lambda found: f"\\u{ord(found.group()):04x}", value)


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _joined(kind: str) -> str:
    """The files of a kind as one: style.css is the page's own, those of parts of it stand beside."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(_HERE.glob(f"*.{kind}")))


def _hash(text: str) -> str:
    """A hash source of CSP."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
