"""Finds the data that comes with fhirconv: in a wheel beside the code, in a checkout beside the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """The folder `name` ('mappings' or 'fixtures') of this installation."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def data_file(name: str) -> Path:
    """A file of fhirconv/data; each is made by the tool of its name in tools/."""
    return _PACKAGE / "data" / name
