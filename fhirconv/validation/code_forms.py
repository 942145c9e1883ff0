"""The form of codes of terminologies that are not at hand: check digits, lengths, shapes.

Sources: LOINC Users' Guide, check digits (also of parts and answers: LP, LA, LL, LG); SNOMED CT Release File
Specification, 6.2 to 6.4 (SCTID, partition, Verhoeff); RxNorm, ICD, ICD-O-3, ATC, NDC, CVX and CPT as their owners
write them. A code of the right form may still not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fhirconv.issues import shown
from fhirconv.memory import remembered

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_O_3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"

_LOINC = re.compile(r"((?:L[ALPG])?[0-9]{1,7})-([0-9])")
_EXPRESSION = re.compile(r"[:+|=<({]")


def _loinc_problem(code: str) -> str:
    found = _LOINC.fullmatch(code)
    if not found:
        return "expected one to seven digits, a hyphen and a check digit, as in 718-7 or LA6576-8"
    digit = _mod_10(found[1])
    return "" if digit == int(found[2]) else _check_digit(f"{found[1]}-{digit}")


def _mod_10(text: str) -> int:
    """The mod 10 check digit (Luhn); a letter counts as the distance of its ASCII code from that of '0'."""
    total = 0
    for position, character in enumerate(reversed(text)):
        value = ord(character) - ord("0")
        total += value if position % 2 else 2 * value - 9 * (value // 5)
    return -total % 10


def _check_digit(right: str) -> str:
    return f"its check digit is wrong (it would be {shown(right)}), so a digit is mistyped; look the code up"


# Verhoeff's check: multiplication in the dihedral group D5, and the powers of a permutation of the digits.
_D5 = tuple(
    tuple((a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)) for a in range(10)
)
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    while len(rows) < 8:
        rows.append(tuple(_PERMUTATION[digit] for digit in rows[-1]))
    return tuple(rows)


_POWERS = _permutations()
_PARTITIONS = {"0": "concept", "1": "description", "2": "relationship"}


def _verhoeff(digits: str) -> int:
    """0 if the last digit is the right check digit of those before."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = _D5[check][_POWERS[position % 8][int(digit)]]
    return check


def _snomed_problem(code: str) -> str:
    if _EXPRESSION.search(code):
        return ""  # a post-coordinated expression
    if not re.fullmatch(r"[1-9][0-9]{5,17}", code):
        return "expected 6 to 18 digits"
    if _verhoeff(code):
        right = next(digit for digit in "0123456789" if not _verhoeff(code[:-1] + digit))
        return _check_digit(code[:-1] + right)
    namespace, kind = code[-3], code[-2]
    if namespace not in "01" or kind not in _PARTITIONS or (namespace == "1" and len(code) < 11):
        return f"its partition {shown(code[-3:-1])} is none of a concept (00, 10); look the code up"
    if kind != "0":
        return f"it identifies a {_PARTITIONS[kind]}; give the identifier of the concept"
    return ""


def _shape(pattern: str, expected: str) -> Callable[[str], str]:
    return lambda code: "" if re.fullmatch(pattern, code) else f"expected {expected}"  # compiled when it is needed


_ICD_10 = _shape(
    r"[A-Z][0-9]{2}(?:\.[0-9]{1,2}[*+†]?|\.-|[*+†])?|[A-Z][0-9]{2}-[A-Z][0-9]{2}|[IVX]{1,5}",
    "a capital letter, two digits and a decimal, as in C50.9",
)
_ICD_10_CM = _shape(
    r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?|[A-Z][0-9][0-9A-Z]-[A-Z][0-9][0-9A-Z]",
    "a category of three characters, then a point and up to four more, as in C50.919",
)
_ICD_O_3 = _shape(
    r"C[0-9]{2}(?:\.[0-9])?|[89][0-9]{3}(?:/[012369][1-9]?)?",
    "a topography as in C50.9, or a morphology as in 8500/3",
)
_FORMS: dict[str, tuple[str, Callable[[str], str]]] = {
    LOINC: ("LOINC", _loinc_problem),
    SNOMED: ("SNOMED CT", _snomed_problem),
    RXNORM: ("RxNorm", _shape(r"[1-9][0-9]{0,7}", "a concept identifier (RXCUI): up to 8 digits")),
    ICD_10: ("ICD-10", _ICD_10),
    "http://hl7.org/fhir/sid/icd-10-cm": ("ICD-10-CM", _ICD_10_CM),
    ICD_O_3: ("ICD-O-3", _ICD_O_3),
    "http://www.whocc.no/atc": (
        "ATC",
        _shape(
            r"[A-DGHJ-NPRSV](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?",
            "1, 3, 4, 5 or 7 characters, as in L, L02, L02B, L02BG and L02BG04",
        ),
    ),
    "http://hl7.org/fhir/sid/ndc": (
        "NDC",
        _shape(
            r"[0-9]{4,5}-[0-9]{3,4}(?:-[0-9]{1,2})?|[0-9]{8,11}", "digits in two or three parts, as in 0069-0187-21"
        ),
    ),
    "http://hl7.org/fhir/sid/cvx": ("CVX", _shape(r"[0-9]{1,3}", "up to three digits")),
    "http://www.ama-assn.org/go/cpt": (
        "CPT",
        _shape(r"[0-9]{4}[0-9A-Z]|[0-9A-Z]{2}", "five characters, as in 99213 or 0001U, or a modifier of two"),
    ),
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": (
        "NCI Thesaurus",
        _shape(r"CL?[1-9][0-9]{2,6}", "C and digits"),
    ),
}
# Wrong forms that HL7's own examples hold (123456 for ICD-10, 80463/3 for ICD-O-3, the text 'look up value' or an
# identifier of the US extension for SNOMED CT), and that the official validator lets pass without a terminology server.
_TOLERATED = {
    ICD_10: re.compile(r".*", re.DOTALL),
    ICD_O_3: re.compile(r".*", re.DOTALL),
    SNOMED: re.compile(r".*[^0-9].*|[0-9]{11,}", re.DOTALL),
}
# Codes that show by themselves, with a check digit or a sign of its own, where they come from.
_TELLING = ((LOINC, re.compile(r"(?:L[ALPG])?[0-9]{2,7}-[0-9]")), (SNOMED, re.compile(r"[1-9][0-9]{7,17}")))


def has_form(system: str) -> bool:
    """Whether the codes of the system with this URI have a form that is known."""
    return system in _FORMS


@remembered(4096)
def code_form_problem(system: str, code: str) -> str:
    """What is wrong with the form of a code of the system with this URI; empty if nothing, or if no form is known."""
    if system not in _FORMS:
        return ""
    name, problem = _FORMS[system]
    found = problem(code)
    return f"{shown(code)} is not a code of {name}: {found}" if found else ""


def form_severity(system: str, code: str) -> str:
    """How bad it is that `code_form_problem` finds something: 'error', or 'warning' where official examples do the same."""
    return "warning" if system in _TOLERATED and _TOLERATED[system].fullmatch(code) else "error"


def form_of_another(system: str, code: str) -> str:
    """The name of another system of which the code has the form, check digit included; empty if of none."""
    for other, pattern in _TELLING:
        if other != system and pattern.fullmatch(code) and not _FORMS[other][1](code):
            return _FORMS[other][0]
    return ""
