"""The page of a case: everything is on it, nothing of the data acts on it, and it needs nothing else."""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import FIXTURES, Converted, run

from fhirconv import Conversion, convert
from fhirconv.report import ReportError, report_case
from fhirconv.reports import identified
from fhirconv.validation.layers import LAYERS
from tests.report.page import Page

CASES = FIXTURES / "cases"
SHOWN = sorted(CASES.glob("*.yaml"))
REAL = ("nakagawa-2022", "takanashi-2019", "made-up-lab-series")
RICH = [CASES / f"{name}.yaml" for name in ("nakagawa-2022", "maximal-events", "maximal-labs", "maximal-procedures")]
HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover='alert(3)' {{ 7*7 }} \u202e"
)


@functools.cache
def source_of(path: Path) -> str:
    """The page of a file, made once."""
    return report_case(path)


def page_of(target: Any, **options: Any) -> Page:
    return Page(report_case(target, **options))


def folded(text: object) -> str:
    """White space as the page's text has it here."""
    return " ".join(str(text).split())


def case_data(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((CASES / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return loaded


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_every_fact_quote_finding_and_resource_is_on_the_page(path: Path, converted: Converted) -> None:
    profile = "mcode" if path.stem in REAL else "r4"
    made = converted(path, profile)
    page = page_of(made) if profile == "mcode" else Page(source_of(path))
    for fact in made.case.facts:
        assert fact.identity in page.text
        quotes = fact.data.get("evidence", [])
        for quote in quotes if isinstance(quotes, list) else [quotes]:
            assert folded(quote) in page.text
    for name, issue in identified(made.issues):
        assert f"id {name}" in page.text
        assert folded(issue.message) in page.text
    assert made.bundle is not None
    for entry in made.bundle["entry"]:
        resource = entry["resource"]
        assert f"{resource['resourceType']}/{resource['id']}" in page.text
        for claimed in resource.get("meta", {}).get("profile", []):
            assert f"claims {claimed}" in page.text
    for layer in LAYERS:
        assert layer.covers in page.text
    assert hashlib.sha256(made.json(indent=True)).hexdigest() in page.text


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_every_link_leads_somewhere_and_every_id_stands_once(path: Path) -> None:
    page = Page(source_of(path))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = {link.removeprefix("#") for link in page.values("href") if link.startswith("#")}
    assert targets <= set(ids)
    assert {name for label in page.values("aria-labelledby") for name in label.split()} <= set(ids)


@pytest.mark.parametrize("name", REAL)
def test_a_field_leads_to_what_was_made_from_it_and_back(name: str) -> None:
    """By links, without script; with it by their keys, which are the same."""
    page = Page(source_of(CASES / f"{name}.yaml"))
    keys = {
        one.attributes["id"]: set(one.attributes["data-k"].split())
        for one in page.elements
        if {"id", "data-k"} <= one.attributes.keys()
    }
    leading = [one for one in page.all("a") if "data-k" in one.attributes]
    assert leading
    for link in leading:
        assert link.attributes["data-k"] in keys[link.attributes["href"][1:]]
    back = re.findall(r'href="#(c1-\d+:[a-z_.]+)"', source_of(CASES / f"{name}.yaml"))
    assert len(back) >= len(leading)
    assert set(back) <= keys.keys()


def test_the_quote_that_has_the_words_of_a_field_is_marked_with_it() -> None:
    page = page_of(
        {"case": {"id": "x"}, "patient": {"sex": "female", "evidence": ["a female patient", "in her forties"]}}
    )
    assert [one.attributes.get("data-k") for one in page.all("blockquote")] == ["sex", None]


def test_the_same_case_gives_the_same_bytes_in_another_process() -> None:
    program = "import sys; from fhirconv.report import report_case; sys.stdout.write(report_case(sys.argv[1]))"
    path = CASES / "nakagawa-2022.yaml"
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", program, path], capture_output=True, check=True)
    assert done.stdout.decode() == source_of(path)


@pytest.mark.parametrize("name", REAL)
def test_a_usual_case_has_a_page_under_1_mb(name: str) -> None:
    assert len(report_case(CASES / f"{name}.yaml", profile="mcode").encode()) < 1_000_000


def many_labs(number: int) -> dict[str, Any]:
    labs = [
        {"id": f"lab-{at}", "analyte": ("Hb", "CEA", "platelets", "CA15-3")[at % 4], "value": 10 + at % 7,
         "unit": ("g/dL", "ng/mL", "10^3/uL", "U/mL")[at % 4], "at": f"20{at // 480 % 90 + 10}-{at // 40 % 12 + 1:02}-{at % 28 + 1:02}"}
        for at in range(number)
    ]  # fmt: skip
    return {"case": {"id": "many"}, "patient": {"sex": "female"}, "labs": labs}


def test_a_case_of_10_000_labs_has_a_page_under_1_mb_that_says_what_it_leaves_out() -> None:
    source = report_case(many_labs(10_000))
    page = Page(source)
    assert len(source.encode()) < 1_000_000
    assert "fhirconv explain CASE lists all" in page.text
    assert "too many for this page" in page.text
    assert source.count("<tr") > 10_000, "each result stands in a table of the course"
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(page.values("id"))


def test_a_page_says_whose_case_it_is_and_what_its_facts_are_called() -> None:
    """Also facts with errors have the names that a reader knows; words that stand beside each other stand apart."""
    cancer = {"id": "ca", "kind": "primary-cancer", "name": "breast cancer", "onset": "2014-02-30"}
    source = report_case({"case": {"id": "x"}, "patient": {"sex": "female"}, "conditions": [cancer]})
    page = Page(source)
    assert "Case x" in page.text
    assert "breast cancer: not placed: has an error" in page.text
    assert "rejected 1 finding" in page.text


def test_facts_without_a_time_are_listed_by_section() -> None:
    labs = [{"analyte": name, "result": "negative"} for name in ("HBsAg", "HCV")]
    page = page_of({"case": {"id": "x"}, "patient": {"sex": "female"}, "labs": labs})
    assert "2 facts say nothing of their time Labs HBsAg: negative HCV: negative" in page.text
    page = page_of({"case": {"id": "x"}, "patient": {"sex": "female"}, "labs": labs[:1]})
    assert "1 fact says nothing of its time Labs HBsAg: negative" in page.text


def test_what_was_not_given_or_done_stands_in_the_open() -> None:
    """Who signs off must see it without unfolding anything, also where nothing is said of its time."""
    source = source_of(CASES / "takanashi-2019.yaml")
    start = source.index("Not given, not done, or not so")
    found = Page(source[start : source.index("<details", start)]).text
    assert "systemic chemotherapy (not-taken" in found
    assert "radiation therapy (not-done" in found


# -- nothing of the data acts --


def nothing_acts(source: str) -> Page:
    """The page, which has no script, style or address but ours."""
    page = Page(source)
    assert len(page.all("script")) == len(page.all("style")) == 1
    names = {name for one in page.elements for name in one.attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    assert not {"img", "iframe", "object", "embed", "base", "form"} & {one.tag for one in page.elements}
    outside = [value for name in ("src", "href", "xlink:href", "action", "srcset") for value in page.values(name)]
    assert not [value for value in outside if not value.startswith("#") and value != "data:,"]
    policy = next(one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.within[kind].encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
    return page


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_a_page_has_no_script_style_or_address_but_its_own(path: Path) -> None:
    nothing_acts(source_of(path))


def hostile(value: Any, is_free: Callable[[str], bool], key: str = "") -> Any:
    """The case with hostile text in every string whose key allows it."""
    if isinstance(value, dict):
        return {name: hostile(one, is_free, name) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, is_free, key) for one in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) and is_free(key) else value


FREE = ("note", "title", "authors", "histology", "curator", "display")


@pytest.mark.parametrize("path", RICH, ids=lambda path: path.stem)
def test_hostile_text_stays_text_in_a_case_that_is_right(path: Path) -> None:
    data = hostile(convert(path).case.document.data, lambda key: key in FREE)
    page = nothing_acts(report_case(data))
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }} \\u202e" in page.text


@pytest.mark.parametrize("path", RICH, ids=lambda path: path.stem)
def test_hostile_text_stays_text_in_a_case_full_of_errors(path: Path) -> None:
    everywhere = hostile(convert(path).case.document.data, lambda key: True)
    page = nothing_acts(report_case(everywhere))
    assert "<script>alert(1)</script>" in page.text
    assert "There is no Bundle" in page.text


def test_hostile_text_stays_text_in_a_bundle() -> None:
    bundle = hostile(convert(CASES / "nakagawa-2022.yaml").bundle, lambda key: key in ("text", "display"))
    page = nothing_acts(report_case(bundle))
    assert "<script>alert(1)</script>" in page.text


# -- cases with errors, Bundles, several cases --


def invalid_cases() -> list[Path]:
    return sorted(path for path in (FIXTURES / "invalid").glob("*.yaml") if path.with_suffix(".expected").exists())


@pytest.mark.parametrize("path", invalid_cases(), ids=lambda path: path.stem)
def test_a_case_with_errors_has_a_page_with_its_facts_and_findings(path: Path) -> None:
    made = convert(path)
    if not made.case.facts:
        with pytest.raises(ReportError):
            report_case(path)
        return
    page = page_of(path)
    for fact in made.case.facts:
        assert fact.identity.replace("\n", " ") in page.text
    for name, issue in identified(made.issues):
        assert f"id {name}" in page.text, issue
    assert ("There is no Bundle" in page.text) == (not made.ok)
    assert len(page.values("id")) == len(set(page.values("id")))


@pytest.mark.parametrize("name", REAL)
def test_the_page_of_our_bundle_has_the_same_facts_resources_and_hash(name: str) -> None:
    case, bundle = Page(source_of(CASES / f"{name}.yaml")), page_of(FIXTURES / "bundles" / f"{name}.r4.json")
    articles = [
        [one.attributes["id"] for one in page.all("article") if one.attributes.get("class") == "fact"]
        for page in (case, bundle)
    ]
    assert sorted(articles[0]) == sorted(articles[1]) != []
    resources = [set(re.findall(r"[A-Z][A-Za-z]+/[0-9a-f-]{36}", page.text)) for page in (case, bundle)]
    assert resources[0] == resources[1]
    digests = [re.findall(r"SHA-256 ?([0-9a-f]{64})", page.text) for page in (case, bundle)]
    assert digests[0] == digests[1] != []


def test_the_findings_of_a_given_bundle_are_those_of_validate_and_lead_to_the_fact() -> None:
    bundle = copy.deepcopy(convert(CASES / "nakagawa-2022.yaml").bundle)
    assert bundle is not None
    lab = next(one["resource"] for one in bundle["entry"] if "dataAbsentReason" in one["resource"])
    lab["shade"] = "blue"
    page = page_of(bundle)
    assert "The Bundle has errors." in page.text
    (finding,) = (one for one in page.all("li") if one.attributes.get("id", "").startswith("c1-i-") and one)
    assert f"#{finding.attributes['id']}" in page.values("href")


def test_what_was_not_read_of_a_bundle_is_told() -> None:
    resource = {"resourceType": "Device", "id": "d"}
    patient = {"resourceType": "Patient", "id": "p", "gender": "female"}
    page = page_of(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": resource}]}
    )
    assert "Not all of it was read" in page.text
    assert "no mapping makes such a resource of a fact" in page.text


def test_a_bundle_of_many_patients_is_told_once_and_shown_with_none_of_them() -> None:
    """So the page grows with the patients, not with their square, and no patient's part holds another's resources."""
    patients = [{"resourceType": "Patient", "id": f"p{at}", "gender": "male", "shade": "blue"} for at in range(40)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in patients]}
    source = report_case(bundle)
    page = Page(source)
    found = [name for name in page.values("id") if re.fullmatch(r"c\d+-i-[0-9a-f]{12}", name)]
    assert len(found) >= 40
    assert {name.partition("-")[0] for name in found} == {"c1"}
    assert "The Bundle tells of 40 patients" in page.text
    assert '"shade"' not in page.text
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(page.values("id"))


def test_a_conversion_from_another_process_has_the_same_page() -> None:
    import pickle

    made = convert(CASES / "minimal-labs.yaml", profile="mcode")
    again: Conversion = pickle.loads(pickle.dumps(made))
    assert Page(report_case(again, profile="mcode")).text == Page(report_case(made)).text


# -- the command --


def test_one_file_holds_a_page_of_all_cases(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run("report", str(CASES / "nakagawa-2022.yaml"), str(CASES / "takanashi-2019.yaml"), "-o", str(out))
    assert done.exit_code == 0, done.output
    page = nothing_acts(out.read_text(encoding="utf-8"))
    assert "2 cases" in page.text
    assert {"#c1-top", "#c2-top"} <= set(page.values("href"))
    assert len(page.values("id")) == len(set(page.values("id")))


def test_a_folder_holds_a_page_of_each_case_and_an_index(tmp_path: Path) -> None:
    lines = [{"case": {"id": name}, "patient": {"sex": "female"}} for name in ("a", "index", "B b")]
    (tmp_path / "cases.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("report", str(tmp_path / "cases.ndjson"), "-o", str(tmp_path / "pages")).exit_code == 0
    index = Page((tmp_path / "pages" / "index.html").read_text(encoding="utf-8"))
    names = [link for link in index.values("href") if link.endswith(".html")]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "pages").iterdir() if path.name != "index.html")
    assert len(names) == 3
    assert "B b" in index.text


def test_findings_have_the_ids_that_the_account_of_the_run_gives_them(tmp_path: Path) -> None:
    """On a page of all as on pages of each, also where records have the same findings."""
    labs = [{"analyte": "an unknown test", "value": "1", "unit": "no unit", "at": "2020-01-01"}]
    lines = [{"case": {"id": name}, "patient": {}, "labs": labs} for name in ("a", "b", "c")]
    (tmp_path / "cases.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("convert", str(tmp_path / "cases.ndjson"), "-o", str(tmp_path / "out.ndjson"), "--report", str(tmp_path / "r.json"))
    told = {one["id"] for one in json.loads((tmp_path / "r.json").read_text())["issues"]}
    assert len(told) >= 3
    run("report", str(tmp_path / "cases.ndjson"), "-o", str(tmp_path / "all.html"))
    run("report", str(tmp_path / "cases.ndjson"), "-o", f"{tmp_path / 'pages'}/")
    for pages in ([tmp_path / "all.html"], list((tmp_path / "pages").glob("?.html"))):
        text = "".join(Page(page.read_text(encoding="utf-8")).text for page in pages)
        assert set(re.findall(r"\bid ([0-9a-f]{12})\b", text)) == told


def test_two_cases_of_one_id_are_refused_and_the_first_is_written(tmp_path: Path) -> None:
    line = json.dumps({"case": {"id": "a"}, "patient": {"sex": "female"}}) + "\n"
    (tmp_path / "cases.ndjson").write_text(line * 2)
    done = run("report", str(tmp_path / "cases.ndjson"), "-o", f"{tmp_path / 'pages'}/")
    assert done.exit_code == 1
    assert "cases.ndjson:2: has the case id of cases.ndjson:1; give each case its own" in done.output
    assert (tmp_path / "pages" / "a.html").exists()


def test_a_case_with_errors_has_a_page_and_the_exit_code_1(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run("report", str(FIXTURES / "invalid" / "fact-duplicate.yaml"), "-o", str(out))
    assert done.exit_code == 1
    assert "Not converted: 2 errors" in done.output
    assert "fact-duplicate" in Page(out.read_text(encoding="utf-8")).text


def test_a_file_that_cannot_be_read_is_told_on_the_terminal_and_has_no_page(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run("report", str(tmp_path / "none.yaml"), "-o", str(out))
    assert done.exit_code == 1
    assert "none.yaml: fatal: cannot be read" in done.output
    assert not out.exists()


@pytest.mark.parametrize("name", ["report.pdf", "report.json", "report.md"])
def test_a_page_is_not_written_under_the_name_of_something_else(name: str, tmp_path: Path) -> None:
    done = run("report", str(CASES / "minimal-labs.yaml"), "-o", str(tmp_path / name))
    assert done.exit_code == 2
    assert f"{name}' is no name of a page; give FILE.html" in done.output
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    case = tmp_path / "x.yaml"
    case.write_text("case: {id: x}\npatient: {}\n")
    assert run("report", str(case), "-o", str(case)).exit_code == 2
    page = tmp_path / "page.html"
    page.symlink_to(case)
    done = run("report", str(case), "-o", str(page))
    assert done.exit_code == 2
    assert "the output file is the input file" in done.output
    (tmp_path / "x.html").symlink_to(case)
    done = run("report", str(case), "-o", f"{tmp_path}/")
    assert done.exit_code == 1
    assert "would overwrite the input" in done.output
    assert case.read_text().startswith("case:")


def test_without_its_libraries_the_command_says_what_to_install() -> None:
    program = "import sys; sys.modules['jinja2'] = None; from fhirconv.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, "report", str(CASES / "minimal-labs.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "error: jinja2 is not installed; install it: pip install 'fhirconv[report]'\n"
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--help"], ["convert", str(CASES / "minimal-labs.yaml")], ["report", "--help"]])
def test_who_makes_no_page_waits_for_none_of_its_libraries(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom fhirconv.cli import main\nmain(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted({'jinja2', 'markupsafe', 'vl_convert'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
