"""UCUM: what is a code, what is not, what is easily mistaken, and whether a printed unit agrees with its code."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirconv.data_files import data_dir
from fhirconv.validation.ucum import UcumError, Unit, parse, read
from fhirconv.validation.unit_slips import meant
from fhirconv.validation.units import ucum_problem, unit_problem

# 220 codes drawn from R4's value set ucum-common.
_COMMON = """
% %{Hemoglobin} %{Index} %{TotalProtein} %{Uptake} %{abnormal} %{breakdown} %{dose} ' /10*10 /10*3.{RBCs}
/cm[H2O] /g{wet'tis} /kg{body'wt} /mmol /mo /uL /wk 1/min 10*3{Copies}/mL 10*6.eq/mL 10*6/uL 10.uN.s/(cm.m2)
10.uN.s/cm2 AU Ao B B[V] By F G Gy H Hz J/L L/d L/h L/kg Lmb Mx Oe P Pa REM S U/(1.h) U/(2.h) U/10*6 U/g{creat}
U/h Wb [AU] [Btu_IT] [GPL'U]/mL [IU]/dL [IU]/g [arb'U] [c] [drp] [eps_0] [foz_us] [ft_br] [hnsf'U] [iU]
[in_i'Hg] [in_i] [lb_ap] [lb_av] [ligne] [pca_pr] [pi] [pnt] [stone_av] [tbs_us] bar bit_s cL cSt cm2/s dg dyn
eV erg fm fmol/mL fmol/mg g g.m/{H.B.} g/(72.h) g/L g/g g/mL g/mol g/{total_weight} g{wet_tissue} hL kBq kat
kcal/(8.h) kcal/[oz_av] kcal/d kg/h kg/m3 kg/mol kg{wet'tis} lm m mA mL/(10.h) mL/(12.h) mL/(5.h) mL/d mL/kg
mL/kg/(8.h) mL/kg/h mL/min/(173.10*-2.m2) mL/min/m2 mU/g mU/mL mU/min m[H2O] mbar/L/s meq/(12.h) meq/(24.h)
meq/L meq/g mg/g mg/g{feces} mg/h mg/m2 mg/mg{creat} mg/mg{cre} mg/{Specimen} mg/{specimen} mho min mmol
mmol/(6.h) mmol/(8.h.kg) mmol/d mmol/dL mmol/kg/(8.h) mmol/s/L mmol/{ejaculate} mo mo_g mol mol/s mosm/kg nL
nU/mL ng/(kg.min) ng/10*6{RBCs} ng/L ng/g ng/g{Cre} ng/g{creat} ng/h ng/kg ng/kg/(8.h) ng/kg/min ng/m2 ng/mg
nmol/L/s nmol/g{creat} nmol/mg nmol/mg{protein}/h nmol/mmol{creat} nmol/s/L ns pg pg/mg pg/mg{creat} pmol
pmol/mL pmol/mmol{creat} pmol/umol{creat} rad sb t uCi uL/h u[IU] ug/(100.g) ug/L{RBCs} ug/[sft_i] ug/d ug/ng um
umol/L umol/g{Cre} umol/h umol/h/L umol/mmol{creat} umol/mol{Cre} umol{BCE}/mol {#}/uL {Absorbance'U}
{ActivityCoefficient} {Bottle} {CPM} {Can} {Capsule} {ComplementCH100'U} {DdTiter} {Drinks}/d {Ehrlich'U}/dL
{G-PortionPhospholipids} {INR} {IgGIndex} {Log_IU} {Log} {Packs}/d {RelativeViscosity} {TSI_index}
{ThyroxinUptake'U} {Volume}/{Vvolume} {percentile} {rbc} {spermatozoa}/mL
"""
COMMON = _COMMON.split()


@pytest.mark.parametrize("code", COMMON)
def test_common_codes_are_codes(code: str) -> None:
    found = ucum_problem(code)
    assert found is None or found.rule == "ucum-meaning"


def test_hardly_any_common_code_is_called_easily_mistaken() -> None:
    assert {code for code in COMMON if ucum_problem(code)} == {"AU", "F", "H"}


def test_every_atom_of_the_table_is_a_code_with_a_definition_that_can_be_read() -> None:
    atoms = json.loads((data_dir("data") / "ucum.json").read_text())["atoms"]
    assert len(atoms) == 312
    assert [code for code in atoms if read(code) is None] == []


@pytest.mark.parametrize(
    "code",
    [
        "mL/min/{1.73_m2}",
        "%{Negative Control}",
        "g/kg/(8.h){shift}",
        "/100{WBC}",
        "10^3/uL",
        "10*-3",
        "m+2",
        "[in_i'H2O]",
        "B[10.nV]",
        "[m/s2/Hz^(1/2)]",
        "{score}",
        "1",
        "kat/L",
        "m[IU]/L",
        "dar",
    ],
)
def test_forms_that_the_grammar_allows(code: str) -> None:
    assert ucum_problem(code) is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("x10^9/L", "10*9/L"),
        ("×10⁹/L", "10*9/L"),
        ("10E3/uL", "10*3/uL"),
        ("10**3/uL", "10*3/uL"),
        ("x 10^3/µL", "10*3/uL"),
        ("k/uL", "10*3/uL"),
        ("M/uL", "10*6/uL"),
        ("thousand/uL", "10*3/uL"),
        ("Gpt/L", "10*9/L"),
        ("gm/dL", "g/dL"),
        ("GM/DL", "g/dL"),
        ("MG/DL", "mg/dL"),
        ("Kg", "kg"),
        ("KG/M2", "kg/m2"),
        ("mcg", "ug"),
        ("\u00b5g/mL", "ug/mL"),
        ("\u03bcg/mL", "ug/mL"),
        ("IU", "[iU]"),
        ("IU/L", "[iU]/L"),
        ("mIU/mL", "m[iU]/mL"),
        ("mm Hg", "mm[Hg]"),
        ("mmHg", "mm[Hg]"),
        ("cmH2O", "cm[H2O]"),
        ("cells/uL", "{cells}/uL"),
        ("beats/min", "{beats}/min"),
        ("copies/mL", "{copies}/mL"),
        ("°C", "Cel"),
        ("degF", "[degF]"),
        ("mM", "mmol/L"),
        ("mEq/L", "meq/L"),
        ("mOsm/kg", "mosm/kg"),
        ("mg/m²", "mg/m2"),
        ("kg/m^2", "kg/m2"),
        ("mg/kg/day", "mg/kg/d"),
        ("mm/hr", "mm/h"),
        ("mg/24h", "mg/(24.h)"),
        ("mg/100 mL", "mg/dL"),
        ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73 m²", "mL/min/{1.73_m2}"),
        ("years", "a"),
        ("lbs", "[lb_av]"),
        ("percent", "%"),
        ("mg / dL", "mg/dL"),
        ("mg/dL ", "mg/dL"),
        ("tablet", "{tablet}"),
        ("cells/hpf", "{cells}/[HPF]"),
        ("muts/Mb", "{muts}/{megabase}"),
    ],
)
def test_units_as_printed_are_no_codes_but_the_right_one_is_proposed(wrong: str, right: str) -> None:
    found = ucum_problem(wrong)
    assert found is not None
    assert found.rule == "ucum-invalid"
    assert found.message.endswith(f"did you mean '{right}'?")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "a unit is missing at its end"),
        ("mg/", "a unit is missing at its end"),
        ("mg//dL", "'/' may not stand there"),
        ("(mg", "a parenthesis is not closed"),
        ("mg)", "')' may not stand there"),
        ("(m)2", "'2' may not stand there"),
        ("2m", "'m' may not stand there"),
        ("10+3/uL", "'+' may not stand there"),
        ("{a}{b}", "'{' may not stand there"),
        ("{x}mg", "'m' may not stand there"),
        ("{µg}", "an annotation holds characters other than printable ASCII"),
        ("m 2", "a blank may not stand in it"),
        ("kmin", "'min' takes no prefix"),
        ("kkg", "'kkg' is no unit of UCUM"),
        ("[foo]", "'[foo]' is no unit of UCUM"),
        ("(" * 40 + "m", "its parentheses are nested too deep"),
        ("m." * 200 + "m", "it is longer than 200 characters"),
        ("m1234", "'4' may not stand there"),
    ],
)
def test_why_a_code_is_none(code: str, reason: str) -> None:
    with pytest.raises(UcumError, match="^" + re.escape(reason)):
        parse(code)


@pytest.mark.parametrize(
    ("code", "likely"),
    [
        ("K/uL", "10*3/uL"),
        ("K/mm3", "10*3/mm3"),
        ("G/L", "10*9/L"),
        ("G/dL", "g/dL"),
        ("T/L", "10*12/L"),
        ("u/L", "U/L"),
        ("Mg/dL", "mg/dL"),
        ("Gm/dL", "g/dL"),
        ("Mmol/L", "mmol/L"),
        ("mg/ML", "mg/mL"),
        ("mL/H", "mL/h"),
        ("pH", "[pH]"),
        ("C", "Cel"),
        ("ft", "[ft_i]"),
        ("AU/mL", "[AU]/mL"),
        ("mL/min/1.73", "mL/min/{1.73_m2}"),
    ],
)
def test_codes_that_say_something_else_than_they_seem(code: str, likely: str) -> None:
    found = ucum_problem(code)
    assert found is not None
    assert found.rule == "ucum-meaning"
    assert f"if '{likely}' is meant" in found.message


@pytest.mark.parametrize("code", ["K", "T", "mm[Hg]", "10.L/min", "24.h", "mg/d/(173.10*-2.m2)", "m[iU]/mL"])
def test_codes_that_are_not_easily_mistaken(code: str) -> None:
    assert ucum_problem(code) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10*3/uL", "10*9/L"),
        ("mg/L", "ug/mL"),
        ("/uL", "{cells}/uL"),
        ("[iU]/L", "[IU]/L"),
        ("g/dL", "g%"),
        ("mm[Hg]", "m[Hg].10*-3"),
        ("7.d", "wk"),
        ("1/(m/s)", "s/m"),
    ],
)
def test_codes_of_the_same_unit(one: str, other: str) -> None:
    assert parse(one).same_as(parse(other))


@pytest.mark.parametrize(
    ("one", "other"), [("mg/dL", "g/dL"), ("U/L", "[iU]/L"), ("Cel", "K"), ("mg", "mg/L"), ("[pH]", "1")]
)
def test_codes_of_different_units(one: str, other: str) -> None:
    assert not parse(one).same_as(parse(other))


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("mg/dl", "mg/dL"),
        ("K/uL", "10*3/uL"),
        ("×10⁹/L", "10*3/uL"),
        ("IU/L", "U/L"),
        ("years", "a"),
        ("beats/minute", "/min"),
        ("°C", "Cel"),
        ("C", "Cel"),
        ("percent", "%"),
        ("cells/µL", "/uL"),
        ("unit", "{unit}"),
        ("score", "{score}"),
        ("whatever this is", "mg"),
        ("mmHg", "mm[Hg]"),
        ("g/L", "not a code"),
    ],
)
def test_printed_units_that_agree_or_cannot_be_read(printed: str, code: str) -> None:
    assert unit_problem(printed, code) == ""


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("mg/dL", "g/dL"),
        ("g", "mg"),
        ("mmol/L", "mg/dL"),
        ("10*9/L", "10*6/L"),
        ("%", "1"),
        ("years", "mo"),
        ("ounces", "[foz_us]"),
    ],
)
def test_printed_units_that_contradict_the_code(printed: str, code: str) -> None:
    assert unit_problem(printed, code).startswith(f"unit '{printed}' is not what the UCUM code '{code}' says")


# -- laws --

ATOMS = st.sampled_from(
    ["g", "mg", "L", "uL", "mmol", "[iU]", "10*3", "mm[Hg]", "Cel", "d", "{cells}", "kg", "U", "100", "m2", "s-1"]
)
UNITS = st.lists(ATOMS, min_size=1, max_size=6).flatmap(
    lambda atoms: st.lists(st.sampled_from("./"), min_size=len(atoms) - 1, max_size=len(atoms) - 1).map(
        lambda signs: atoms[0] + "".join(sign + atom for sign, atom in zip(signs, atoms[1:], strict=True))
    )
)


@given(UNITS)
def test_a_unit_by_itself_is_a_pure_number(code: str) -> None:
    assert parse(f"({code})/({code})").same_as(Unit(0.0, frozenset(), ()))


@given(UNITS, UNITS)
def test_a_product_does_not_depend_on_the_order(one: str, other: str) -> None:
    assert parse(f"({one}).({other})").same_as(parse(f"({other}).({one})"))


@given(st.text() | st.text("mgdLuU/.*^10-3[]{}()IKGx ", max_size=30))
def test_any_text_is_judged_and_what_is_proposed_is_a_code(text: str) -> None:
    found = ucum_problem(text)
    assert (found is not None and found.rule == "ucum-invalid") == (read(text) is None)
    assert found is None or not re.search(r"[\x00-\x1f]", found.message)
    assert not meant(text) or read(meant(text)) is not None
    unit_problem(text, "mg")
