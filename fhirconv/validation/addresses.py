"""The forms of addresses that references, Bundles and extensions share.

Spec: https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/datatypes.html#uri
"""

from __future__ import annotations

import re

HL7 = "http://hl7.org/fhir/StructureDefinition/"
MCODE = "http://hl7.org/fhir/us/mcode/"

ID = r"[A-Za-z0-9\-.]{1,64}"
UUID = r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
