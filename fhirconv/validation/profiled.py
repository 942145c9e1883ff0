"""The layer of profiles: which definitions are at hand, which resources are held against which of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fhirconv.mapping import DEFAULT_PROFILE
from fhirconv.validation.finding import Finding

_CANONICAL = re.compile(r"https?://\S+")


def is_canonical(profile: str) -> bool:
    """Whether a profile is named by its URL, not by the name of a set."""
    return _CANONICAL.fullmatch(profile) is not None


class ProfileLayer:
    """Profiles of packages, loaded when the first resource is checked."""

    def __init__(self, profile: str, packages: Sequence[str | Path]) -> None:
        self._profile = profile
        self._packages = packages
        self._loaded: Any = None

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to hold a resource against."""
        return self._profile != DEFAULT_PROFILE or bool(self._packages)

    def findings(self, resource: dict[str, Any]) -> tuple[list[Finding], tuple[str, ...]]:
        """What profiles have against a resource or Bundle, and what they could not check."""
        raise NotImplementedError
