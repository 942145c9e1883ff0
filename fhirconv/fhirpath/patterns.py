"""Regular expressions from outside, in time linear in the text.

matches() runs on the engine of jsonschema-rs (Rust's regex), which does not backtrack. It knows neither look-around
nor back-references, and cannot replace. For these Python's own engine serves as long as the pattern has at most one
quantifier, which cannot cost more than the square of the text's length; any other pattern is refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import jsonschema_rs

from fhirconv.fhirpath.errors import FhirPathError, FhirPathUndecided

_MAX_TEXT = 10_000  # for Python's engine: a hundredth of a second at worst
_QUANTIFIER = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|([*+?{])", re.DOTALL)


@functools.lru_cache(512)
def matcher(pattern: str) -> Callable[[str], bool]:
    """A test whether a text has a part that fits; '.' is any character, as in HL7's validator.

    Raises FhirPathError for a pattern that is none, FhirPathUndecided for one that could take forever.
    """
    try:
        # In a group of its own: a flag is not for a schema's pattern to set in the middle.
        schema = {"pattern": f"(?s:{pattern})"}
        return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions()).is_valid
    except jsonschema_rs.ValidationError:
        plain = replacer(pattern)
        return lambda text: plain.search(_bounded(text)) is not None


@functools.lru_cache(512)
def replacer(pattern: str) -> re.Pattern[str]:
    """The pattern for Python's engine. Raises as `matcher` does."""
    if sum(found.group(1) is not None for found in _QUANTIFIER.finditer(pattern)) > 1:
        raise FhirPathUndecided("the pattern has more than one quantifier, and only a slow engine could run it")
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise FhirPathError(f"the pattern is no regular expression: {error}") from None


def _bounded(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise FhirPathUndecided(f"the pattern is not run on a text of more than {_MAX_TEXT} characters")
    return text


def replaced(text: str, pattern: str, substitution: str) -> str:
    """`text` with each match of `pattern` replaced; '$1' or '${name}' in the substitution stand for groups.

    Raises as `matcher` does.
    """
    if not pattern:
        return text
    found = re.sub(r"\\(.)|\$(?:(\d)|\{(\w+)\})", _group_reference, substitution, flags=re.DOTALL)
    try:
        return replacer(pattern).sub(found, _bounded(text))
    except (re.error, IndexError):
        raise FhirPathError("the substitution names a group that the pattern does not have") from None


def _group_reference(found: re.Match[str]) -> str:
    if found.group(1):
        return re.escape(found.group(1)) if found.group(1) == "\\" else found.group(1)
    return f"\\g<{found.group(2) or found.group(3)}>"
