"""Units as people print them: the UCUM code that was probably meant, and codes that mean something else than they seem.

Sources: https://ucum.org/ucum; units printed in laboratory reports and case reports (see also mappings/units.toml).
"""

from __future__ import annotations

import re
import unicodedata

from fhirconv.memory import remembered
from fhirconv.validation.ucum import Unit, read

# UCUM code: the ways it is misspelt, compared without regard to case.
_SPELLINGS = {
    "g": "gm gms gr gram grams",
    "mg": "mgs mgm milligram milligrams",
    "ug": "mcg mcgm ugm gamma microgram micrograms",
    "ng": "nanogram nanograms ngm",
    "pg": "picogram picograms pgm",
    "kg": "kgs kilo kilos kilogram kilograms",
    "L": "lt ltr liter liters litre litres",
    "dL": "deciliter decilitre",
    "mL": "cc ccm mls mil milliliter milliliters millilitre millilitres",
    "uL": "mcl microliter microliters microlitre microlitres",
    "mm3": "cumm cmm",
    "mol": "mole moles",
    "mmol": "mmols mmole mmoles millimol",
    "umol": "mcmol micromol",
    "U": "unit units eu",
    "mU": "milliunits munits",
    "[iU]": "iu ui i.u. intunit",
    "m[iU]": "miu mui",
    "u[iU]": "uiu mciu",
    "k[iU]": "kiu",
    "eq": "equiv",
    "osm": "osmol",
    "mosm": "mosmol mosmols",
    "mm[Hg]": "mmhg torr mm[hg]",
    "cm[H2O]": "cmh2o",
    "[in_i'Hg]": "inhg",
    "[psi]": "psi psig",
    "s": "sec secs second seconds",
    "ms": "msec msecs",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "dy day days",
    "wk": "wks week weeks",
    "mo": "mon mth mths mos month months",
    "a": "y yr yrs year years annum",
    "[lb_av]": "lb lbs pound pounds",
    "[oz_av]": "oz ounce ounces",
    "[in_i]": "in inch inches",
    "[ft_i]": "ft foot feet",
    "Cel": "degc deg_c ºc °c celsius celcius centigrade",
    "[degF]": "degf deg_f ºf °f fahrenheit",
    "deg": "degree degrees °",
    "%": "percent pct",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "[pH]": "ph",
    "/min": "bpm rpm",
    "[HPF]": "hpf",
    "[LPF]": "lpf",
    "[CFU]": "cfu",
    "[PFU]": "pfu",
    "[drp]": "gtt gtts drop drops",
    "u": "da dalton daltons amu",
    "ku": "kda",
    "[Ch]": "fr french charriere",
    "[diop]": "dpt diopter diopters",
    "[MET]": "met mets",
    "RAD": "rads",
    "Gy": "gray grays gys",
    "cGy": "centigray",
    "Ao": "angstrom å",
    "{megabase}": "mb mbp",
    "{kilobase}": "kb kbp",
    "{base_pairs}": "bp",
}
# Counted things and scores have no unit of UCUM: they go into an annotation.
_COUNTED = (
    "beats breaths cell cells colonies copies copy cycles dose doses events fibers lymphocytes leukocytes erythrocytes "
    "platelets wbc wbcs rbc rbcs neutrophils spermatozoa mutations muts nodes tablet tablets tab tabs capsule capsules cap "
    "caps pill pills puff puffs patch spray sprays vial vials ampoule ampule sachet score scores point points ratio index "
    "titer titre inr count counts number times each ea fraction fractions cycle packs pack cigarettes drinks genomes"
)
_USUAL = (
    "kg g mg ug ng pg fg L dL mL uL nL pL fL mol mmol umol nmol pmol fmol U mU uU kU MU eq meq ueq osm mosm kPa hPa Pa km m cm "
    "mm um nm mm[Hg] cm[H2O] min h d wk mo s ms Gy cGy mGy Bq kBq MBq GBq Ci mCi uCi kcal cal kJ J mV Hz W kat ukat nkat"
)
_WORDS = (
    {word: f"{{{word}}}" for word in _COUNTED.split()}
    | {code.lower(): code for code in _USUAL.split()}
    | {word: code for code, words in _SPELLINGS.items() for word in words.split()}
)
# Here the case of the letters tells: mM is no mm.
_MOLAR = {"M": "mol/L", "mM": "mmol/L", "uM": "umol/L", "nM": "nmol/L", "pM": "pmol/L"}
_THOUSANDS = {
    "10*3": "k K thou thousand thousands tsd Tsd",
    "10*6": "M mill million millions mio Mio",
    "10*9": "G Gpt bn billion",
    "10*12": "T Tpt",
}
_COUNTS = {word: power for power, words in _THOUSANDS.items() for word in words.split()}

_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_PLAIN = str.maketrans(_SUPERSCRIPT, "0123456789-+")
_REWRITES = tuple(
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (r"\s*\bper\b\s*", "/"),
        (r"1[.,]73\s*[.*]?\s*\(?m(?:\^|\*\*|²)?2?\)?", "{1.73_m2}"),
        (r"1[.,]73$", "{1.73_m2}"),
        (r"(?:\b|(?<=\s))(?:x\s*)?10\s*(?:\^|\*\*?|e)\s*\(?\+?(-?[0-9]{1,2})\)?", r"10*\1"),
        (r"^x\s*10\s*\(?([0-9]{1,2})\)?(?=\s*/)", r"10*\1"),
        (r"\b10\+([0-9]{1,2})(?=\s*/)", r"10*\1"),
        (r"\b1e\+?([0-9]{1,2})(?=\s*/)", r"10*\1"),
        (r"/\s*100\s*m?l\b", "/dL"),
        (r"\b(mm)\s*hg\b", "mm[Hg]"),
        (r"\b(cm)\s*h2o\b", "cm[H2O]"),
        (r"\bdeg(?:rees?)?\s*([cf])\b", r"deg\1"),
        (r"\bcu(?:bic)?\.?\s*mm\b", "mm3"),
        (r"/\s*([0-9]+)\s*(h(?:r|rs|ours?)?|d(?:ays?)?|min)\b", r"/(\1.\2)"),
        (r"\b(k?g|m?m|cm)(?:\^|\*\*)(-?[1-6])", r"\1\2"),
    )
)
_VOLUME = re.compile(r"/(?:[munpfdc]?[lL]|[cm]?m3|u[lL]\{.*)$")
_PIECES = re.compile(r"(\{[^{}]*\}|[./()])")
_POWER = re.compile(r"(.*?[^0-9+-])([+-]?[0-9]+)?")


@remembered(1024)
def meant(text: str) -> str:
    """The UCUM code that `text` was probably meant to be; empty if none comes to mind, or if it is too long."""
    if len(text) > 60:
        return ""
    plain = _folded(text)
    return next((code for code in (_rebuilt(plain), plain.replace(" ", "")) if code != text and read(code)), "")


def _folded(text: str) -> str:
    """Both signs for micro as u, superscripts as powers, signs for times and minus as ASCII."""
    text = re.sub(rf"10([{_SUPERSCRIPT}]+)", lambda found: "10*" + found[1].translate(_PLAIN), text.strip())
    text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    for sign, written in (("μ", "u"), ("×", "x"), ("·", "."), ("⋅", "."), ("−", "-"), ("–", "-")):
        text = text.replace(sign, written)
    for pattern, written in _REWRITES:
        text = pattern.sub(written, text)
    return text


def _rebuilt(text: str) -> str:
    count, _, volume = text.partition("/")
    if count.strip() in _COUNTS and _VOLUME.search("/" + _word(volume.strip())):
        return f"{_COUNTS[count.strip()]}/{_word(volume.strip())}"
    code = "".join(_word(piece.strip()) for piece in _PIECES.split(text))
    return code.replace("//", "/").replace("(/min)", "/min")


def _word(piece: str) -> str:
    """One symbol with its power, respelt if it is none of UCUM."""
    if not piece or piece[0] in "{./()[":
        return piece
    if read(piece):
        return _UNLIKELY[piece][1] if piece in _UNLIKELY else piece
    found = _POWER.fullmatch(piece)
    symbol, power = (found[1], found[2] or "") if found else (piece, "")
    if symbol in _MOLAR and not power:
        return _MOLAR[symbol]
    word = _WORDS.get(symbol.casefold(), "")
    return word + power if word else piece.replace(" ", "")


# Valid symbols which a medical record hardly ever means: what UCUM says, and what was probably meant.
_UNLIKELY = {
    "Mg": ("megagram", "mg"),
    "MG": ("megagauss", "mg"),
    "mG": ("milligauss", "mg"),
    "Gm": ("gigametre", "g"),
    "Pg": ("petagram", "pg"),
    "PG": ("petagauss", "pg"),
    "fG": ("femtogauss", "fg"),
    "ML": ("megalitre", "mL"),
    "Ml": ("megalitre", "mL"),
    "PL": ("petalitre", "pL"),
    "Pl": ("petalitre", "pL"),
    "Mmol": ("megamole", "mmol"),
    "Pmol": ("petamole", "pmol"),
    "Meq": ("mega-equivalent", "meq"),
    "Mosm": ("mega-osmole", "mosm"),
    "Mm": ("megametre", "mm"),
    "MV": ("megavolt", "mV"),
    "pH": ("picohenry", "[pH]"),
    "ph": ("phot", "[pH]"),
    "ft": ("femtotonne", "[ft_i]"),
    "pt": ("picotonne", "[pt_us]"),
    "ct": ("centitonne", "{count}"),
    "pc": ("parsec", "{piece}"),
    "hs": ("hectosecond", "h"),
    "C": ("coulomb", "Cel"),
    "F": ("farad", "[degF]"),
    "H": ("henry", "h"),
    "AU": ("astronomical unit", "[AU]"),
}
# Valid symbols which are something else when a number of them is counted in a volume.
_UNLIKELY_IN_VOLUME = {
    "K": ("kelvin", "10*3"),
    "G": ("gauss", "10*9"),
    "T": ("tesla", "10*12"),
    "u": ("unified atomic mass unit", "U"),
    "mu": ("thousandth of an atomic mass unit", "mU"),
    "uu": ("millionth of an atomic mass unit", "uU"),
    "ku": ("thousand atomic mass units", "kU"),
    "N": ("newton", "{number}"),
}
_DECIMAL = re.compile(r"(?<![0-9*^-])[0-9]+\.[0-9]+(?![0-9*^])")


def misread(code: str, unit: Unit) -> tuple[str, str]:
    """What a valid code says, and the code probably meant, where it hardly says what was meant; else two empty texts."""
    decimal = _DECIMAL.search(re.sub(r"\{[^{}]*\}", "", code))
    if decimal:
        area = "{1.73_m2}" if decimal[0] == "1.73" else f"{{{decimal[0]}}}"
        return "UCUM has no decimal numbers: '.' is a product", code.replace(decimal[0], area)
    in_volume = _VOLUME.search(code) is not None
    for symbol in unit.symbols:
        says, likely = _UNLIKELY.get(symbol) or (in_volume and _UNLIKELY_IN_VOLUME.get(symbol)) or ("", "")
        if says:
            likely = "g" if symbol == "G" and not code.endswith(("/L", "/l")) else likely
            return f"'{symbol}' is the {says}", re.sub(rf"(?<![A-Za-z\[]){symbol}(?![A-Za-z\]])", likely, code, count=1)
    return "", ""
