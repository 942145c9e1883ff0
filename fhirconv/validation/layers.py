"""The layers of the validation: what each covers, and whether it ran."""

from __future__ import annotations

from typing import NamedTuple


class Layer(NamedTuple):
    """One layer. `asked_by` is the option that turns it on; '' for those that always run."""

    name: str
    covers: str
    asked_by: str = ""


class LayerRun(NamedTuple):
    """What became of a layer, and what it left unchecked.

    `status` is 'ran', 'not asked for', 'nothing to do', 'not reached' (there were errors before) or 'could not run'.
    """

    layer: str
    status: str
    notes: tuple[str, ...] = ()


LAYERS = (
    Layer("input", "reading: encoding, limits, keys; of cases also schema, dates, units, references, evidence, plausibility"),
    Layer("mapping", "every fact and field becomes part of a resource"),
    Layer("structure", "elements, cardinality, JSON types, choices, forms of primitive values, extensions of HL7, vital signs"),
    Layer("bindings", "codes of required value sets that R4 lists; languages, MIME types and currencies by their form"),
    Layer("invariants", "every invariant of R4, on resources and data types"),
    Layer("references", "form, target types, what a Bundle or resource must hold; Bundles: addresses and requests"),
    Layer("codes", "UCUM units, check digits, code systems of HL7, URIs of code systems, displays that we ship"),
    Layer("narrative", "the XHTML of narratives: elements, attributes, nothing active"),
    Layer("profiles", "profiles: those of mCODE wherever they are claimed, others of FHIR packages", "--profile or --package"),
    Layer("models", "the models of fhir.resources (R4B) take the resource", "--strict"),
    Layer("server", "a FHIR server's own $validate", "--server"),
)
BASE = ("structure", "bindings", "invariants", "references", "codes", "narrative")
