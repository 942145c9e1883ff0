"""Identifiers like HP:0000118 (CURIEs): prefix and local part to code system and code.

Spec: https://phenopacket-schema.readthedocs.io/en/2.0.0/resource.html
"""

from __future__ import annotations

import re

from fhirconv.readers.phenopackets.fields import schema
from fhirconv.readers.phenopackets.tree import Node

_CURIE = re.compile(r"([A-Za-z][A-Za-z0-9._-]*):(\S+( \S+)*)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]+")


class Curies:
    """What the prefixes of a packet mean: by fhirconv's table, else by the packet's own resources."""

    def __init__(self, resources: list[Node]) -> None:
        self.declared: set[str] = set()
        self._systems: dict[str, str] = {}
        for resource in resources:
            prefix = resource.text("namespacePrefix").casefold()
            self.declared.add(prefix)
            address = resource.text("iriPrefix")
            if prefix and _URI.fullmatch(address):
                self._systems.setdefault(prefix, address)
        self.doubtful: dict[str, tuple[str, str]] = {}  # prefix -> what is wrong with it, and where it stands first

    def coding(self, curie: str, pointer: str = "") -> dict[str, str]:
        """System and code of a CURIE; empty if it is none, or if nobody says what its prefix means."""
        match = _CURIE.fullmatch(curie.strip())
        if match is None:
            return {}
        prefix, code = match[1].casefold(), match[2]
        known, system = schema().prefixes.get(prefix), self._systems.get(prefix, "")
        if prefix not in self.declared or not (known or system):
            self._doubt(match[1], pointer, "" if known else "; its codes are kept as text")
        if not known:
            return {"system": system, "code": code} if system else {}
        return {"system": known.system, "code": f"{known.spelled}:{code}" if known.is_whole else code}

    def _doubt(self, prefix: str, pointer: str, result: str) -> None:
        what = "has no iriPrefix that is a URI" if prefix.casefold() in self.declared else "is not declared"
        self.doubtful.setdefault(
            prefix, (f"the prefix '{prefix}' {what} in metaData.resources{result}; add it", pointer)
        )
