"""Texts whose form a standard of others fixes: language tags, media types, currencies, identifiers.

Sources: BCP 47 (RFC 5646), ISO 639-1, RFC 6838 and RFC 2045 (media types), ISO 4217 as in R4's value set of currencies,
https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

from __future__ import annotations

import re
from typing import Any

from fhirconv.issues import shown
from fhirconv.memory import remembered
from fhirconv.validation.finding import Finding
from fhirconv.validation.system_uris import undefined_finding, uri_problem

# Two letters are the code of a language in ISO 639-1; those of three letters (ISO 639-3) are too many to list.
_TWO_LETTERS = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw "
    "ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt "
    "my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm "
    "sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_LANGUAGES = frozenset(_TWO_LETTERS.split())
# The currencies of R4 4.0.1, whose binding is required: younger ones (SLE, VED, XCG) are not among them.
_CURRENCY_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP "
    "GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD "
    "OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU UZS VEF VND VUV WST XAF XAG XAU XBA XBB XBC XBD "
    "XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWL"
)
_CURRENCIES = frozenset(_CURRENCY_CODES.split())
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-[a-z]{3}){0,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?"
    r"(-([0-9A-Za-z]{5,8}|[0-9][0-9A-Za-z]{3}))*(-[0-9a-wy-z](-[0-9A-Za-z]{2,8})+)*(-x(-[0-9A-Za-z]{1,8})+)?"
)
_TOKEN = r"[0-9A-Za-z!#$&^_.+%'*`|~-]+"  # noqa: S105  a token of RFC 2045
_MIME = re.compile(rf'{_TOKEN}/{_TOKEN}(\s*;\s*{_TOKEN}=({_TOKEN}|"[^"\\]*"|[^\s;"]+))*')
_URI = "urn:ietf:rfc:3986"


@remembered(1024)
def language_problem(tag: str) -> Finding | None:
    """What is wrong with a language tag."""
    found = _TAG.fullmatch(tag)
    if found and (len(found["language"]) == 3 or found["language"] in _LANGUAGES):
        return None
    right = _usual_case(tag)
    hint = (
        f"did you mean {shown(right)}?"
        if right != tag and _TAG.fullmatch(right)
        else "expected one as in 'en' or 'de-AT'"
    )
    return Finding("language-form", f"{shown(tag)} is not a language tag of BCP 47; {hint}")


def _usual_case(tag: str) -> str:
    first, *others = tag.replace("_", "-").split("-")
    return "-".join(
        [first.lower(), *(one.upper() if len(one) == 2 else one.title() if len(one) == 4 else one for one in others)]
    )


@remembered(1024)
def mime_problem(media_type: str) -> Finding | None:
    """What is wrong with the form of a media type; whether it is registered is not looked up."""
    if _MIME.fullmatch(media_type) or media_type in ("json", "xml", "ttl"):  # R4 has these as formats of FHIR
        return None
    return Finding(
        "mime-form", f"{shown(media_type)} is not a media type; expected type/subtype, as in 'application/pdf'"
    )


@remembered(512)
def currency_problem(code: str) -> Finding | None:
    """What is wrong with a currency code."""
    if code in _CURRENCIES:
        return None
    near = code.strip().upper()
    hint = f"did you mean {shown(near)}?" if near in _CURRENCIES else "expected three capital letters, as in 'EUR'"
    return Finding("currency-unknown", f"{shown(code)} is not a currency of ISO 4217 as R4 has it; {hint}")


def identifier_findings(identifier: dict[str, Any]) -> tuple[Finding, ...]:
    """What is wrong with system and value of an Identifier; parts that are no text are left to others."""
    system, value = identifier.get("system"), identifier.get("value")
    return _identifier(system if isinstance(system, str) else "", value if isinstance(value, str) else "")


@remembered(4096)
def _identifier(system: str, value: str) -> tuple[Finding, ...]:
    findings = []
    problem = uri_problem(system) if system else ""
    if problem:
        findings.append(
            Finding("identifier-form", f"{shown(system)} cannot be the system of an identifier: {problem}", ("system",))
        )
    elif undefined := undefined_finding(system):
        findings.append(undefined)
    if system == _URI and value:
        findings += _uri_value(value)
    return tuple(findings)


def _uri_value(value: str) -> list[Finding]:
    problem = uri_problem(value)
    if not problem:
        return []
    # HL7's validator asks for a scheme and no more, so that a wrong OID or UUID is a warning.
    severity = "warning" if value.startswith("urn:") else ""
    message = f"{shown(value)} is an identifier of the system {_URI}, whose values are URIs: {problem}"
    return [Finding("identifier-form", message, ("value",), severity)]
