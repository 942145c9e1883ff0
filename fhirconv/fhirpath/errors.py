"""What can go wrong with a FHIRPath expression."""

from __future__ import annotations

from fhirconv.issues import FhirconvError


class FhirPathError(FhirconvError):
    """An expression cannot be read, or not be evaluated on this value. `position` counts characters from 1; 0: unknown."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at character {position})" if position else message)
        self.position = position


class FhirPathLimit(FhirPathError):  # noqa: N818 - a limit that was reached, named as such
    """An expression takes more steps, or is longer or deeper, than an invariant ever needs."""


class FhirPathUndecided(FhirPathError):  # noqa: N818 - neither true nor false
    """The answer needs a value set, a profile or a pattern that is not on board: it says nothing about the resource."""
