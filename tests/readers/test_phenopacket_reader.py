"""What the phenopacket reader makes of a packet, and what it says of one that is wrong."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import run

from fhirconv.conversion import convert_document
from fhirconv.document import LIMITS, Document
from fhirconv.mapping import load_mappings
from fhirconv.readers import Report, find_reader
from fhirconv.readers.phenopackets.fields import snake_case
from fhirconv.readers.report import What

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "readers" / "phenopacket"
MAXIMAL = json.loads((FOLDER / "maximal.json").read_text(encoding="utf-8"))
Packet = dict[str, Any]
QUANTITY, RADIATION = "/measurements/0/value/quantity", "/medicalActions/1/radiationTherapy"


def read_all(path: Path) -> tuple[list[Document], Report]:
    report = Report()
    return list(find_reader("phenopacket").read([path], LIMITS, report)), report


def read(tmp_path: Path, packet: Any) -> Document:
    path = tmp_path / "packet.json"
    path.write_text(json.dumps(packet, indent=1), encoding="utf-8")
    [document] = read_all(path)[0]
    return document


def plain(data: Any) -> Any:
    """Facts without where they were read, numbers as printed."""
    if isinstance(data, list):
        return [plain(one) for one in data]
    if isinstance(data, dict):
        return {key: plain(one) for key, one in data.items() if key != "origin"}
    return data if isinstance(data, int | str) else str(data)


def packet(**fields: Any) -> Packet:
    meta = {
        "created": "2021-05-14T10:35:00Z",
        "createdBy": "me",
        "phenopacketSchemaVersion": "2.0",
        "resources": MAXIMAL["metaData"]["resources"],
    }
    return {"id": "p", "subject": {"id": "s"}, "metaData": meta} | fields


def term(curie: str, label: str) -> Packet:
    return {"id": curie, "label": label}


# -- the whole --


@pytest.mark.parametrize("name", ["maximal", "family", "cohort"])
def test_facts_are_golden(name: str, renew: bool) -> None:
    documents, _ = read_all(FOLDER / f"{name}.json")
    made = "".join(json.dumps(plain(document.data), indent=1, ensure_ascii=False) + "\n" for document in documents)
    file = FOLDER / f"{name}.facts.txt"
    if renew:
        file.write_text(made, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == made


@pytest.mark.parametrize("profile", ["r4", "mcode"])
@pytest.mark.parametrize("name", ["maximal", "family", "cohort"])
def test_made_up_packets_make_valid_bundles(name: str, profile: str) -> None:
    for document in read_all(FOLDER / f"{name}.json")[0]:
        result = convert_document(document, load_mappings(None, profile))
        assert [issue.text() for issue in result.issues if issue.is_error] == []
        assert result.ok


def test_other_ways_to_write_a_packet_make_the_same_case(tmp_path: Path) -> None:
    expected = plain(read_all(FOLDER / "maximal.json")[0][0].data)
    snake = read(tmp_path, renamed(MAXIMAL))
    assert plain(snake.data) == expected
    (tmp_path / "packet.yaml").write_text(yaml.safe_dump(MAXIMAL, sort_keys=False), encoding="utf-8")
    assert plain(read_all(tmp_path / "packet.yaml")[0][0].data) == expected
    (tmp_path / "packets.ndjson").write_text((json.dumps(MAXIMAL) + "\n") * 2, encoding="utf-8")
    assert [plain(document.data) for document in read_all(tmp_path / "packets.ndjson")[0]] == [expected, expected]


def renamed(value: Any) -> Any:
    """Keys in snake_case, but those of maps, which are not names of fields."""
    if isinstance(value, list):
        return [renamed(one) for one in value]
    maps = ("individualToFileIdentifiers", "fileAttributes")
    return (
        {snake_case(k): v if k in maps else renamed(v) for k, v in value.items()} if isinstance(value, dict) else value
    )


def test_facts_and_fields_know_their_places(tmp_path: Path) -> None:
    document, text = read(tmp_path, MAXIMAL), json.dumps(MAXIMAL, indent=1).split("\n")
    for pointer, words in (("/labs/0/value", "11.5"), ("/conditions/0/name", "{"), ("/case/id", "maximal packet/1")):
        place = document.place(pointer)
        assert words in text[place.line - 1][place.column - 1 :]
    assert document.data["labs"][0]["origin"] == {"file": "packet.json", "row": document.place("/labs/0").line}


def test_documents_go_to_workers(tmp_path: Path) -> None:
    document = read(tmp_path, MAXIMAL)
    place = document.place("/labs/0/value")
    assert pickle.loads(pickle.dumps(document)).place("/labs/0/value") == place


def test_members_of_a_family_are_cases_and_the_pedigree_is_reported() -> None:
    documents, report = read_all(FOLDER / "family.json")
    assert [document.data["case"]["id"] for document in documents] == ["family-1-proband", "family-1-father"]
    assert [document.issues for document in documents] == [[], []]
    assert report.cases == 2
    assert report.left["no-place"][What("pedigree", reason="a case is about one patient")] == 12


def test_one_bad_member_leaves_the_others(tmp_path: Path) -> None:
    cohort = json.loads((FOLDER / "cohort.json").read_text(encoding="utf-8"))
    cohort["members"][0]["subject"]["sex"] = "BOY"
    path = tmp_path / "cohort.json"
    path.write_text(json.dumps(cohort, indent=1), encoding="utf-8")
    bad, good = read_all(path)[0]
    assert [issue.rule for issue in bad.issues] == ["not-a-choice"]
    assert good.issues == []


def test_commands_go_all_the_way_and_in_two_steps(tmp_path: Path) -> None:
    cases, direct, through = (tmp_path / name for name in ("cases.ndjson", "direct.ndjson", "through.ndjson"))
    for command, source, out, options in (
        ("read", FOLDER, cases, ["--as", "phenopacket"]),
        ("convert", FOLDER, direct, ["--as", "phenopacket"]),
        ("convert", cases, through, []),
    ):
        done = run(command, str(source), "-o", str(out), *options)
        assert done.exit_code == 0, done.output
    assert len(direct.read_bytes().splitlines()) == 5
    assert direct.read_bytes() == through.read_bytes()


# -- what is wrong --

# What is wrong, the object that is changed, what is set there ("-KEY": taken out), the rule and words of the message.
BROKEN: list[tuple[str, str, str, Any, str, str]] = [
    ("unknown field", "/subject", "sexe", "MALE", "unknown-key", "did you mean 'sex'?"),
    ("field of version 1", "/phenotypicFeatures/0", "negated", True, "unknown-key", "no field of PhenotypicFeature"),
    ("enum", "/subject", "sex", "WOMAN", "not-a-choice", "'WOMAN' is not one of: UNKNOWN_SEX, FEMALE"),
    ("number of no enum", "/subject", "sex", 7, "not-a-choice", "'7' is not one of"),
    ("text for a list", "", "diseases", "none", "wrong-type", "expected a list, found text"),
    ("object for a list", "", "diseases", {}, "wrong-type", "expected a list, found an object"),
    ("text for an object", "/diseases/0", "term", "x", "wrong-type", "expected an object (OntologyClass), found text"),
    ("text for a flag", "/diseases/0", "excluded", "yes", "wrong-type", "expected true or false, found text 'yes'"),
    ("text for a number", QUANTITY, "value", "high", "wrong-type", "expected a number, found text 'high'"),
    ("object for a time", "/metaData", "created", {"seconds": 1e30}, "wrong-type", "found an object"),
    ("number for a text", "", "id", 7, "wrong-type", "expected text, found a number '7'; put it in quotes"),
    ("fraction", RADIATION, "dosage", 50.4, "wrong-type", "expected a whole number"),
    ("empty text", "/subject", "id", " ", "empty-value", "is empty"),
    ("no timestamp", "/metaData", "created", "yesterday", "date-invalid", "'yesterday' is no timestamp"),
    ("no day", "/metaData", "created", "2021-02-30T00:00:00Z", "date-invalid", "not a day of the calendar"),
    (
        "age in words",
        "/subject/timeAtLastEncounter/age",
        "iso8601duration",
        "58 years",
        "wrong-form",
        "such as P40Y10M5D",
    ),
    (
        "two of one choice",
        "/medicalActions/0",
        "procedure",
        {},
        "value-choice",
        "'treatment' and 'procedure' stand together",
    ),
    ("both spellings", "", "meta_data", {}, "duplicate-key", "'metaData' stands twice"),
    ("no action", "/medicalActions/1", "-radiationTherapy", None, "missing-key", "has no action"),
    ("no id", "", "-id", None, "missing-key", "'id' is missing; Phenopacket requires it"),
    ("no code", "/diseases/0/term", "-id", None, "missing-key", "'id' is missing; OntologyClass requires it"),
]


@pytest.mark.parametrize(
    ("at", "key", "value", "rule", "words"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_mistake_is_told_with_its_place(at: str, key: str, value: Any, rule: str, words: str, tmp_path: Path) -> None:
    wrong = copy.deepcopy(MAXIMAL)
    changed = wrong
    for step in at.split("/")[1:]:
        changed = changed[int(step) if step.isdecimal() else step]
    if key.startswith("-"):
        del changed[key[1:]]
    else:
        changed[key] = value
    document = read(tmp_path, wrong)
    errors = [issue for issue in document.issues if issue.is_error]
    pointer = at if key.startswith("-") else f"{at}/{key}"
    assert [(issue.rule, issue.place.pointer) for issue in errors] == [(rule, pointer)]
    assert words in errors[0].message
    assert errors[0].place.line > 0
    assert not convert_document(document, load_mappings()).ok


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"resourceType": "Patient", "id": "p"}, "holds no phenopacket"),
        ({"case": {"id": "c"}, "patient": {}}, "holds no phenopacket"),
        ([packet()], "holds no phenopacket"),
        ({"id": "p", "variants": [], "subject": {"id": "s"}}, "of version 1, for it has 'variants'"),
        (packet() | {"metaData": {"phenopacketSchemaVersion": "1.0"}}, "schema version '1.0'; expected version 2"),
    ],
)
def test_what_is_no_packet_of_version_2_is_refused(content: Any, words: str, tmp_path: Path) -> None:
    document = read(tmp_path, content)
    assert document.data is None
    [issue] = document.issues
    assert (issue.rule, issue.severity) == ("content-unknown", "fatal")
    assert words in issue.message


@pytest.mark.parametrize(
    ("fields", "rule", "words"),
    [
        (
            {"subject": {"id": "s", "taxonomy": term("NCBITaxon:10090", "Mus musculus")}},
            "value-choice",
            "is not NCBITaxon:9606",
        ),
        ({"diseases": [{"term": {"id": "NCIT:C7541"}}]}, "missing-key", "'label' is missing"),
        ({"diseases": [{"term": term("MIM:1", "x")}]}, "system-unknown", "the prefix 'MIM' is not declared"),
        ({"diseases": [{"term": term("LOCAL:1", "x")}]}, "system-unknown", "its codes are kept as text"),
        (
            {"biosamples": [{"id": "b", "individualId": "other"}]},
            "reference-unknown",
            "'other' is not the subject of the packet, 's'",
        ),
    ],
)
def test_doubts_are_warnings(fields: Packet, rule: str, words: str, tmp_path: Path) -> None:
    document = read(tmp_path, packet(**fields))
    assert [(issue.rule, issue.severity) for issue in document.issues] == [(rule, "warning")]
    assert words in document.issues[0].message
    assert convert_document(document, load_mappings()).ok


# -- decisions, as docs/phenopackets.md tells them --

AGES = [
    ("P14Y", {"value": 14}),
    ("P6M", {"value": 6, "unit": "months"}),
    ("P9Y6M", {"value": 114, "unit": "months"}),
    ("P2W", {"value": 2, "unit": "weeks"}),
    ("P2W3D", {"value": 17, "unit": "days"}),
    ("P0D", {"value": 0, "unit": "days"}),
    ("P1DT2H", {"value": 1560, "unit": "minutes"}),
    ("P5M15D", {"low": 5, "high": 6, "unit": "months"}),
    ("P8M2W", {"low": 8, "high": 9, "unit": "months"}),
    ("P40Y10M05D", {"low": 490, "high": 491, "unit": "months"}),
    ("P1M40D", {"low": 1, "high": 3, "unit": "months"}),
]


@pytest.mark.parametrize(("words", "age"), AGES)
def test_age_is_never_more_exact_than_it_can_be(words: str, age: Packet, tmp_path: Path) -> None:
    onset = {"age": {"iso8601duration": words}}
    document = read(tmp_path, packet(diseases=[{"term": term("NCIT:C1", "x"), "onset": onset}]))
    assert plain(document.data["conditions"][0]["onset"]) == {"age": age, "text": words}


@pytest.mark.parametrize(
    ("words", "birth_date", "note"),
    [
        ("1998-01-01T00:00:00Z", "1998", "subject s; date of birth 1998-01-01T00:00:00Z"),
        ("1998-03-01T00:00:00Z", "1998-03", "subject s; date of birth 1998-03-01T00:00:00Z"),
        ("1998-03-04T00:00:00Z", "1998-03-04", "subject s"),
        ("1998-01-01T10:17:36Z", "1998-01-01", "subject s; date of birth 1998-01-01T10:17:36Z"),
    ],
)
def test_birth_date_is_what_is_certain(words: str, birth_date: str, note: str, tmp_path: Path) -> None:
    patient = read(tmp_path, packet(subject={"id": "s", "dateOfBirth": words})).data["patient"]
    assert (patient["birth_date"], patient["note"]) == (birth_date, note)


KINDS = [
    ("NCIT:C7541", "Retinoblastoma", "primary-cancer"),
    ("MONDO:0005105", "melanoma", "primary-cancer"),
    ("NCIT:C9305", "Malignant Neoplasm of the Lung", "primary-cancer"),
    ("ICD10:C50.9", "x", "primary-cancer"),
    ("ICD10:C78.7", "Liver", "metastasis"),
    ("ICD-O-3:8500/3", "x", "primary-cancer"),
    ("ICD-O-3:8500/2", "x", "other"),
    ("OMIM:131100", "Multiple endocrine neoplasia 1", "other"),
    ("OMIM:114480", "Breast cancer, susceptibility to", "other"),
    ("OMIM:120435", "Lynch syndrome I: colorectal cancer", "other"),
    ("NCIT:C3641", "Breast Carcinoma In Situ", "other"),
    ("NCIT:C3489", "Osteoblastoma", "other"),
    ("HP:0001945", "Fever", "other"),
]


@pytest.mark.parametrize(("curie", "label", "kind"), KINDS)
def test_cancer_is_what_code_or_words_say(curie: str, label: str, kind: str, tmp_path: Path) -> None:
    assert read(tmp_path, packet(diseases=[{"term": term(curie, label)}])).data["conditions"][0]["kind"] == kind


def test_tnm_finding_makes_a_cancer(tmp_path: Path) -> None:
    disease = {"term": term("NCIT:C1", "Tumor X"), "clinicalTnmFinding": [term("NCIT:C2", "cM0 Stage Finding")]}
    assert read(tmp_path, packet(diseases=[disease])).data["conditions"][0]["kind"] == "primary-cancer"


STAGES = [
    (
        "Retinoblastoma pT3 TNM Finding v8",
        {"category": "T", "stage": "T3", "system": "TNM v8", "basis": "pathological"},
    ),
    ("T2b Stage Finding", {"category": "T", "stage": "T2b", "basis": "clinical"}),
    ("N1mi Stage Finding", {"category": "N", "stage": "N1mi", "basis": "clinical"}),
    ("cN0(i+) TNM Finding", {"category": "N", "stage": "N0(i+)", "basis": "clinical"}),
    ("ypTis TNM Finding v9", {"category": "T", "stage": "ypTis", "system": "TNM v9", "basis": "pathological"}),
    ("MX Stage Finding", {"category": "M", "stage": "MX", "basis": "clinical"}),
    ("Stage IIA Breast Cancer AJCC v7", {"stage": "IIA", "system": "AJCC 7", "basis": "clinical"}),
    ("FIGO Stage IIIC2", {"stage": "IIIC2", "system": "FIGO", "basis": "clinical"}),
    ("Group E", {"stage": "Group E", "basis": "clinical"}),
]


@pytest.mark.parametrize(("label", "stage"), STAGES)
def test_stage_is_what_its_words_say(label: str, stage: Packet, tmp_path: Path) -> None:
    disease = {"term": term("NCIT:C1", "Cancer"), "clinicalTnmFinding": [term("NCIT:C2", label)]}
    [found] = read(tmp_path, packet(diseases=[disease])).data["stages"]
    words = found["stage"]["text"]
    assert {key: found[key] for key in found if key not in ("of", "origin", "stage")} | {"stage": words} == stage
    assert found["stage"]["codes"][0].get("display", words) == label


def test_stage_of_a_sample_without_one_cancer_is_a_result(tmp_path: Path) -> None:
    sample = {"id": "b", "pathologicalStage": term("NCIT:C28054", "Stage II")}
    data = read(tmp_path, packet(biosamples=[sample])).data
    assert "stages" not in data
    assert (data["pathology"][0]["test"], data["pathology"][0]["specimen"]) == ("pathological stage", "b")


@pytest.mark.parametrize(
    ("curie", "coding"),
    [
        ("HP:0000118", {"system": "hpo", "code": "HP:0000118"}),
        ("hp:0000118", {"system": "hpo", "code": "HP:0000118"}),
        ("NCIT:C7541", {"system": "ncit", "code": "C7541"}),
        ("OMIM:101600", {"system": "omim", "code": "101600"}),
        ("DrugCentral:1678", {"system": "https://drugcentral.org/drugcard/", "code": "1678"}),
    ],
)
def test_curie_is_system_and_code(curie: str, coding: Packet, tmp_path: Path) -> None:
    data = read(tmp_path, packet(diseases=[{"term": term(curie, "x")}])).data
    assert data["conditions"][0]["name"] == {"text": "x", "codes": [coding]}


@pytest.mark.parametrize(
    ("assay", "unit", "section"),
    [
        (term("LOINC:718-7", "Hemoglobin [Mass/volume] in Blood"), None, "labs"),
        (term("NCIT:C1", "CEA"), None, "labs"),
        (term("NCIT:C1", "Something"), term("UCUM:ng/mL", "x"), "labs"),
        (term("LOINC:79893-4", "Left eye Intraocular pressure"), term("UCUM:mm[Hg]", "x"), "findings"),
    ],
)
def test_measurement_in_a_fluid_is_a_laboratorys(
    assay: Packet, unit: Packet | None, section: str, tmp_path: Path
) -> None:
    quantity = {"unit": unit or term("UCUM:1", "one"), "value": 1.50}
    data = read(tmp_path, packet(measurements=[{"assay": assay, "value": {"quantity": quantity}}])).data
    assert len(data[section]) == 1


def test_facts_that_are_alike_get_ids_and_stay_apart(tmp_path: Path) -> None:
    feature = {"type": term("HP:0001945", "Fever")}
    document = read(tmp_path, packet(phenotypicFeatures=[feature, feature]))
    assert [fact["id"] for fact in document.data["conditions"]] == ["HP-0001945", "HP-0001945-2"]
    assert convert_document(document, load_mappings()).ok


@pytest.mark.parametrize(
    ("name", "case_id"),
    [
        ("PMID:1 case 2", "PMID:1 case 2"),
        ("a/b|c", "a%2Fb%7Cc"),
        (" a  b ", "%20a %20b%20"),
        ("50% a%2F", "50% a%252F"),
        ("a\tb", "a%09b"),
    ],
)
def test_packet_id_is_the_case_id(name: str, case_id: str, tmp_path: Path) -> None:
    document = read(tmp_path, packet(id=name))
    assert document.data["case"]["id"] == case_id
    assert convert_document(document, load_mappings()).ok


def test_time_of_death_that_is_an_age_is_an_event(tmp_path: Path) -> None:
    status = {"status": "DECEASED", "timeOfDeath": {"age": {"iso8601duration": "P70Y"}}}
    document = read(tmp_path, packet(subject={"id": "s", "vitalStatus": status}))
    assert plain(document.data["events"]) == [
        {"id": "death", "name": "death", "at": {"age": {"value": 70}, "text": "P70Y"}}
    ]
    assert document.data["patient"]["vital_status"] == "deceased"
    assert convert_document(document, load_mappings()).ok


def test_number_of_an_enum_is_its_name(tmp_path: Path) -> None:
    assert read(tmp_path, packet(subject={"id": "s", "sex": 2})).data["patient"]["sex"] == "male"


def test_what_protobuf_leaves_out_is_zero(tmp_path: Path) -> None:
    quantity = {"unit": term("UCUM:ng/mL", "nanogram per milliliter")}
    data = read(
        tmp_path, packet(measurements=[{"assay": term("NCIT:C1", "CEA"), "value": {"quantity": quantity}}])
    ).data
    assert data["labs"][0]["value"] == 0


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (None, "unknown"),
        (term("NCIT:C41331", "Adverse Event"), "stopped"),
        (term("NCIT:C105740", "Treatment Completed as Prescribed"), "completed"),
        (term("NCIT:C1", "Treatment not completed"), "stopped"),
    ],
)
def test_treatment_ended_as_its_reason_says(reason: Packet | None, status: str, tmp_path: Path) -> None:
    action: Packet = {"treatment": {"agent": term("NCIT:C2", "drug")}} | (
        {"treatmentTerminationReason": reason} if reason else {}
    )
    assert read(tmp_path, packet(medicalActions=[action])).data["medications"][0]["status"] == status


def test_procedure_that_is_told_twice_is_one_fact(tmp_path: Path) -> None:
    procedure = {"code": term("NCIT:C1", "Biopsy"), "performed": {"timestamp": "2020-01-02T00:00:00Z"}}
    measured = {
        "assay": term("NCIT:C2", "Something"),
        "value": {"ontologyClass": term("NCIT:C3", "x")},
        "procedure": procedure,
    }
    sample = {"id": "b", "procedure": procedure}
    data = read(
        tmp_path, packet(medicalActions=[{"procedure": procedure}], measurements=[measured], biosamples=[sample])
    ).data
    [made] = data["procedures"]
    assert data["specimens"][0]["procedure"] == data["findings"][0]["procedure"] == made["id"]


def test_a_number_that_cannot_be_read_is_told_once_and_is_no_zero(tmp_path: Path) -> None:
    """protobuf leaves out a zero; what is there and wrong is none."""
    quantity = {"unit": term("UCUM:g/dL", "g/dL"), "value": "NaN"}
    hemoglobin = {"assay": term("LOINC:718-7", "Hemoglobin"), "value": {"quantity": quantity}}
    document = read(tmp_path, packet(measurements=[hemoglobin]))
    made = convert_document(document, load_mappings())
    assert [issue.rule for issue in made.issues if issue.rule != "kept-as-text"] == ["wrong-type"]
