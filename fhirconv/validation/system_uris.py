"""URIs of code systems and identifier systems: their form, and the ways in which known ones are misspelt.

Sources: https://hl7.org/fhir/R4/terminologies-systems.html, https://hl7.org/fhir/R4/datatypes.html#Coding, NamingSystems
of HL7 Terminology 7.0.1.
"""

from __future__ import annotations

import re

from fhirconv.issues import shown
from fhirconv.memory import remembered
from fhirconv.validation.code_forms import LOINC, RXNORM, SNOMED
from fhirconv.validation.code_systems import is_known, uri_of
from fhirconv.validation.finding import Finding
from fhirconv.validation.ucum import UCUM

# URI: what people write in its place, in lower case, without http(s)://, www. and a slash at the end.
_SPELLINGS = {
    LOINC: "loinc ln lnc loinc.org loinc.org/loinc loinc.org/codesystem loinc.org/rdf hl7.org/fhir/sid/loinc",
    SNOMED: "snomed snomedct snomed-ct snomed_ct sct sctid snomed.info snomed.info/sct snomed.info/id snomed.org snomed.org/sct "
    "ihtsdo.org/snomed-ct snomed.info/snomed",
    RXNORM: "rxnorm rxcui nlm.nih.gov/research/umls/rxnorm rxnorm.info rxnav.nlm.nih.gov/rxnorm hl7.org/fhir/sid/rxnorm",
    UCUM: "ucum unitsofmeasure.org unitsofmeasure.org/ucum unitsofmeasure.org/ucum.html ucum.org",
    "http://hl7.org/fhir/sid/icd-10": "icd10 icd-10 i10 who.int/classifications/icd/en hl7.org/fhir/sid/icd-10 "
    "hl7.org/fhir/sid/icd10",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10cm icd-10-cm icd10-cm i10c hl7.org/fhir/sid/icd-10-cm hl7.org/fhir/sid/icd10cm "
    "hl7.org/fhir/sid/icd-10-us",
    "http://hl7.org/fhir/sid/icd-9-cm": "icd9cm icd-9-cm hl7.org/fhir/sid/icd-9-cm hl7.org/fhir/sid/icd9cm",
    "http://terminology.hl7.org/CodeSystem/icd-o-3": "icdo3 icd-o-3 icd-o icdo hl7.org/fhir/sid/icd-o-3",
    "http://www.whocc.no/atc": "atc whocc.no/atc whocc.no hl7.org/fhir/sid/atc whocc.no/atc_ddd_index",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "ncit nci ncithesaurus ncicb.nci.nih.gov/xml/owl/evs/thesaurus.owl",
    "http://hl7.org/fhir/sid/ndc": "ndc hl7.org/fhir/sid/ndc",
    "http://hl7.org/fhir/sid/cvx": "cvx hl7.org/fhir/sid/cvx",
    "http://www.ama-assn.org/go/cpt": "cpt cpt4 cpt-4 ama-assn.org/go/cpt",
}
_PROPER = {spelling: uri for uri, spellings in _SPELLINGS.items() for spelling in spellings.split()}

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OWN = re.compile(r"http://(terminology\.hl7\.org/|hl7\.org/fhir/)(?P<rest>.*)")
_ALSO_OWN = ("http://hl7.org/fhir/sid/icd-9", "http://hl7.org/fhir/sid/srt")  # given out, but on no list
_GUIDE = re.compile(r"[a-z]{2}/.+")  # what guides define (us/, uv/, de/ ...) is not all at hand
_VALUE_SET = re.compile(r"https?://([a-z]+\.)?hl7\.org/(.+/)?ValueSet/.+")
_OLD_TABLE = re.compile(r"https?://(?:www\.)?hl7\.org/fhir/(v[23])/(.+)")


def uri_problem(uri: str) -> str:
    """What keeps `uri` from being an absolute URI; empty if nothing."""
    if any(character.isspace() for character in uri):
        return "it holds blanks; take them out"
    if not _ABSOLUTE.fullmatch(uri):
        return "it is not absolute; expected a URI such as http://loinc.org, urn:oid:... or urn:uuid:..."
    if uri.startswith("urn:oid:") and not _OID.fullmatch(uri):
        return "it is no OID; expected numbers with points between them, none with a zero in front"
    if uri.startswith("urn:uuid:") and not _UUID.fullmatch(uri):
        return "it is no UUID; expected 8-4-4-4-12 hexadecimal digits in lower case"
    return ""


@remembered(2048)
def system_finding(system: str) -> Finding | None:
    """What is wrong with the URI of a code system; None if nothing is known against it. The path is ('system',)."""
    proper = proper_uri(system)
    if proper:
        is_oid = system.startswith("urn:oid:")
        message = f"{shown(system)} is not the URI of this code system; write {shown(proper)}"
        return Finding("system-form", message, ("system",), "warning" if is_oid else "")
    problem = uri_problem(system)
    if problem:
        return Finding("system-form", f"{shown(system)} cannot be the URI of a code system: {problem}", ("system",))
    if _VALUE_SET.fullmatch(system):
        message = f"{shown(system)} is a value set; expected the code system that its codes come from"
        return Finding("system-form", message, ("system",))
    return undefined_finding(system)


def undefined_finding(system: str) -> Finding | None:
    """A finding about a URI in HL7's own space that HL7 has not given out."""
    own = _OWN.fullmatch(system)
    if not own or _GUIDE.fullmatch(own["rest"]) or is_known(system) or system in _ALSO_OWN:
        return None
    message = (
        f"{shown(system)} is in HL7's space, but HL7 defines no such system; look the URI up, or use one of your own"
    )
    return Finding("system-undefined", message, ("system",))


def proper_uri(system: str) -> str:
    """The URI that a known system goes by, if `system` is another way to write it; else empty."""
    if system.startswith("urn:oid:"):
        return uri_of(system)
    if system.startswith(SNOMED + "/") and system[len(SNOMED) + 1 :].partition("/")[0].isdigit():
        return SNOMED  # the URI of an edition; it belongs to Coding.version
    bare = re.sub(r"^https?://(www\.)?", "", system.strip().lower()).partition("|")[0].rstrip("/#").replace(" ", "")
    if bare in _PROPER:
        return _PROPER[bare] if system != _PROPER[bare] else ""
    return "" if is_known(system) else _own_uri(system.strip().partition("|")[0].rstrip("/"))


def _own_uri(system: str) -> str:
    """The URI of HL7's that was meant by one with https, www, an old path of v2 and v3 tables, or ValueSet in it."""
    found = _OLD_TABLE.fullmatch(system)
    if found:
        system = f"http://terminology.hl7.org/CodeSystem/{found[1]}-{found[2]}"
    plain = re.sub(r"^https?://(www\.)?", "http://", system)
    name = plain.rpartition("/")[2]
    if not _OWN.fullmatch(plain) or not name:
        return ""
    tried = (plain, f"http://terminology.hl7.org/CodeSystem/{name}", f"http://hl7.org/fhir/{name}")
    return next((uri for uri in tried if is_known(uri)), "")
