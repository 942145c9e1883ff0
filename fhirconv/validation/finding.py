"""What a check of a resource finds, before anyone asks for its line."""

from __future__ import annotations

from typing import NamedTuple

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """One finding about a resource.

    `rule` is a name of the catalogue or the key of an invariant; `message` says what was found, what was expected and
    what to do, with no more of the data than the one wrong value (through `issues.shown`); `path` are the JSON keys and
    list positions that lead from the checked value to the wrong one; `severity` replaces the rule's own.
    """

    rule: str
    message: str
    path: Path = ()
    severity: str = ""
