"""Findings on golden Bundles that tell of the validators, not of the Bundles, as listed in expected-warnings.toml.

The list can only shrink to what is true: a finding that is not in it fails, and so does an entry that nothing matches.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .oracle import Finding

FILE = Path(__file__).parent / "expected-warnings.toml"
_KEYS = {"engine", "pattern", "reason"}


@dataclass(frozen=True)
class Expected:
    """One entry: findings of this severity ("error" or "warning") whose message the pattern is found in."""

    severity: str
    engine: str
    pattern: re.Pattern[str]
    reason: str

    def covers(self, engine: str, finding: Finding) -> bool:
        """Whether a finding of an engine is one of those meant."""
        severity = "error" if finding.is_error else finding.severity
        return (severity, engine) == (self.severity, self.engine) and bool(self.pattern.search(finding.message))

    def __str__(self) -> str:
        return f"[[{self.severity}]] {self.engine}: {self.pattern.pattern}"


def load(text: str) -> list[Expected]:
    """Read the entries of expected-warnings.toml; raises ValueError that says which entry is wrong."""
    content = tomllib.loads(text)
    if unknown := content.keys() - {"warning", "error"}:
        raise ValueError(f"only [[warning]] and [[error]] are known, not {sorted(unknown)}")
    return [_entry(kind, entry) for kind, entries in content.items() for entry in entries]


def _entry(severity: str, entry: dict[str, Any]) -> Expected:
    if entry.keys() != _KEYS or not all(isinstance(value, str) and value for value in entry.values()):
        raise ValueError(f"[[{severity}]] {entry}: needs {', '.join(sorted(_KEYS))}, each a text")
    if entry["engine"] not in ("hl7", "hapi"):
        raise ValueError(f"[[{severity}]] {entry}: engine is hl7 or hapi")
    if (severity, entry["engine"]) == ("error", "hl7"):
        raise ValueError(f"[[error]] {entry}: an error of HL7's engine is never expected")
    return Expected(severity, entry["engine"], re.compile(entry["pattern"]), entry["reason"])


def unexpected(engine: str, findings: Iterable[Finding], entries: Iterable[Expected]) -> list[Finding]:
    """Return the errors and warnings that no entry covers; what is merely information never counts."""
    entries = list(entries)
    serious = (finding for finding in findings if finding.severity != "information")
    return [finding for finding in serious if not any(entry.covers(engine, finding) for entry in entries)]


def summary(findings: Iterable[Finding]) -> str:
    """Return one line per message, with its number and the first place, so that thirty equal ones read as one."""
    found = list(findings)
    first = {(f.severity, f.message): f.expression for f in reversed(found)}
    counts = Counter((f.severity, f.message) for f in found)
    return "\n".join(f"{n} x {Finding(s, first[s, m], m)}" for (s, m), n in counts.most_common())
