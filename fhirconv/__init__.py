"""fhirconv: parsed case facts to valid, traceable FHIR R4.

from fhirconv import convert
result = convert("case.yaml")
result.bundle, result.issues, result.ledger
"""

from fhirconv.conversion import Conversion, convert
from fhirconv.facts import Case, Fact
from fhirconv.issues import ConversionError, FhirconvError, Issue, MappingError, Place
from fhirconv.ledger import Ledger
from fhirconv.numbers import Number

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Conversion",
    "ConversionError",
    "Fact",
    "FhirconvError",
    "Issue",
    "Ledger",
    "MappingError",
    "Number",
    "Place",
    "convert",
]
