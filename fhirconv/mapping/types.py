"""What a set of mappings is once it was read, checked and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirconv.mapping.plans import Plans
from fhirconv.mapping.resource_mapping import ResourceMapping
from fhirconv.plausibility.limits import Limits
from fhirconv.values.base import Tables


@dataclass(frozen=True)
class Mappings:
    """A set of mappings that was checked and compiled."""

    raw: Mapping[str, Any]
    tables: Tables
    profile: str
    resources: tuple[ResourceMapping, ...]
    by_section: Mapping[str, tuple[ResourceMapping, ...]]
    plans: Mapping[str, Plans]  # of each section, in the order in which their resources stand in a Bundle
    limits: Limits = field(default_factory=Limits)
