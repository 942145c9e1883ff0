"""The account of a run: it adds up, is the same in every form, and on request holds nothing of a patient."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, run
from markdown_it import MarkdownIt

from fhirconv import convert
from fhirconv.account.account import account_of
from fhirconv.account.forms import FORMS, rendered
from fhirconv.bundle import dump_json
from fhirconv.issues import printable
from fhirconv.ledger import OUTCOMES
from fhirconv.many.tally import MOST_LISTED, Tally
from fhirconv.reports import identified
from fhirconv.rules import RULES
from fhirconv.source import read_file

CASES = sorted((FIXTURES / "cases").glob("m*.yaml"))
WRONG = [
    FIXTURES / "invalid" / f"{name}.yaml" for name in ("unit-unknown", "date-invalid", "value-jump", "unknown-key")
]
EXAMPLE = FIXTURES / "readers" / "example"
AS_EXAMPLE = ("--as", "example", "--mappings", str(EXAMPLE))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lines(folder: Path) -> Path:
    """Good and bad cases as NDJSON, one of them with an id that was there before."""
    path = folder / "cases.ndjson"
    documents = [read_file(one) for one in [*CASES, *WRONG, CASES[0]]]
    path.write_bytes(b"".join(dump_json(one.data) + b"\n" for one in documents) + b"\n")
    return path


def account(*words: str) -> dict[str, Any]:
    """The account of a conversion, as JSON."""
    done = run("convert", *words, "-q", "--report", "json")
    assert done.exit_code in (0, 1), done.output
    made = json.loads(done.stdout)
    assert isinstance(made, dict)
    return made


# -- what it says ----------------------------------------------------------------------------------------------------------


def test_single_cases_are_counted_as_their_ledgers_say(folder: Path) -> None:
    made = account(*map(str, [*CASES, *WRONG]), "-o", "out/")
    results = [convert(path) for path in [*CASES, *WRONG]]
    assert made["records"] == {
        "all": len(results), "done": sum(one.ok for one in results), "rejected": sum(not one.ok for one in results), "blank": 0,
    }  # fmt: skip
    for outcome in OUTCOMES:
        assert made["facts"][outcome] == sum(one.ledger.counts()[outcome] for one in results)
        assert made["facts"][outcome] == sum(found[outcome] for found in made["facts_by_section"].values())
    assert sum(made["facts_by_section"]["labs"].values()) == sum(
        fact.section.name == "labs" for one in results for fact in one.case.facts
    )
    assert made["inputs"] == list(map(str, [*CASES, *WRONG]))
    assert sum(made["resources"].values()) == sum(len(one.bundle["entry"]) for one in results if one.bundle)
    kept = sum(len(one.build.kept_as_text) for one in results if one.ok and one.build)
    assert sum(one["count"] for one in made["kept_as_text"]) == kept > 0


def test_each_finding_of_single_cases_is_listed_with_its_id() -> None:
    made = account(*map(str, WRONG), "-o", "out/")
    issues = [issue for path in WRONG for issue in convert(path).issues if issue.severity != "information"]
    assert {one["id"] for one in made["issues"]} == {name for name, _ in identified(issues)}
    assert sum(one["count"] for one in made["findings"]) == len(issues)
    for one in made["findings"]:
        assert (one["title"], one["layer"]) == (RULES[one["rule"]].title, RULES[one["rule"]].layer)


def test_a_stream_is_counted_as_single_cases_are(lines: Path) -> None:
    made = account("cases.ndjson", "-o", "out.ndjson")
    single = account(*map(str, [*CASES, *WRONG]), "-o", "out/")
    assert made["records"] == single["records"] | {
        "all": single["records"]["all"] + 1, "rejected": single["records"]["rejected"] + 1, "blank": 1,
    }  # fmt: skip
    assert made["resources"] == single["resources"]
    assert made["kept_as_text"] == single["kept_as_text"]
    (twice,) = (one for one in made["findings"] if one["rule"] == "case-twice")
    assert twice["count"] == 1
    assert twice["first"].startswith(f"cases.ndjson:{len(CASES) + len(WRONG) + 1}:")


@pytest.mark.parametrize("form", FORMS)
def test_workers_make_no_difference(form: str, lines: Path) -> None:
    for number in ("1", "2"):
        output = ("-o", f"{number}.ndjson", "--workers", number)
        run("convert", "cases.ndjson", *output, "--report", f"{number}.{form}", "-q")
    assert Path(f"1.{form}").read_bytes() == Path(f"2.{form}").read_bytes() != b""


def test_of_tables_it_tells_what_was_left_with_table_column_and_place() -> None:
    made = account(str(EXAMPLE / "tables"), *AS_EXAMPLE, "-o", "out.ndjson")
    vital, *_ = made["read"]["left"]["column-unread"]
    assert (vital["table"], vital["column"], vital["count"]) == ("patients", "vital", 3)
    assert vital["what"] == f"patients.vital {vital['reason']}"
    assert vital["first"].endswith("patients.csv:2:7")
    shown = run("convert", str(EXAMPLE / "tables"), *AS_EXAMPLE, "-o", "out/", "--report", "md").stdout
    assert (
        "| patients | vital | is not read; write a rule, or say under 'ignore' why not | column-unread | 3 | " in shown
    )


def test_a_case_that_cannot_be_written_is_a_finding(folder: Path) -> None:
    made = account(str(CASES[0]), str(CASES[0]), "-o", "out/")
    assert (made["records"]["done"], made["records"]["rejected"]) == (1, 1)
    assert [one["rule"] for one in made["findings"] if one["severity"] == "fatal"] == ["not-written"]


def test_a_run_that_was_stopped_says_so_and_what_it_did(lines: Path) -> None:
    done = run("convert", "cases.ndjson", "-o", "out.ndjson", "--on-error", "stop", "--report", "json")
    assert done.exit_code == 1
    made = json.loads(done.stdout)
    assert not made["is_whole"]
    assert made["records"]["rejected"] == 1
    run("convert", "cases.ndjson", "-o", "out.ndjson", "--on-error", "stop", "--report", "run.md")
    assert Path("run.md").read_text(encoding="utf-8").splitlines()[0].endswith("; stopped before the end")


def test_many_findings_are_all_counted_and_some_listed() -> None:
    """What is kept does not grow with the input."""
    tally = Tally(most=MOST_LISTED)
    for _ in range(3):
        chunk = Tally(most=MOST_LISTED)
        for _ in range(MOST_LISTED):
            chunk.count(convert({"case": {"id": "a"}, "patient": {"sx": "male"}}))
        tally.add(chunk)
    made = account_of(["x"], tally)
    assert [(one.rule, one.number, len(one.issues)) for one in made.findings] == [
        ("unknown-key", 3 * MOST_LISTED, MOST_LISTED)
    ]
    assert f"at most {MOST_LISTED} of each rule" in rendered(made, "md").decode()


# -- whatever the data say -------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>|*b*_i_`c`[x](http://x.example)\n# h\u202e\x1b"


def hostile(phi_free: bool = False) -> Any:
    tally = Tally(most=MOST_LISTED)
    tally.count(convert({"case": {"id": "a"}, "patient": {HOSTILE: 1}}))
    tally.words["drugs", HOSTILE] = 1
    tally.rejected_rows[HOSTILE] = 2
    return account_of([HOSTILE], tally, phi_free=phi_free)


def test_in_markdown_data_are_text() -> None:
    text = rendered(hostile(), "md").decode()
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert [token.content.strip() for token in tokens if token.type == "html_block"] == [
        f"<details><summary>The findings, at most {MOST_LISTED} of each rule</summary>",
        "</details>",
    ]
    cells = [token.children or [] for token in tokens if token.type == "inline"]
    for cell in cells:
        assert {one.type for one in cell} <= {"text", "text_special", "link_open", "link_close"}
        assert {str(one.attrGet("href")) for one in cell if one.type == "link_open"} <= {
            rule.url for rule in RULES.values()
        }
    assert ["".join(one.content for one in cell) for cell in cells].count(printable(HOSTILE)) == 3, "input, word, file"
    assert len([token for token in tokens if token.type == "heading_open" and token.tag == "h1"]) == 1


class _Tags(HTMLParser):
    """The tags of a page, without those of its style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name == "style" or name.startswith("on") for name, _ in attrs)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_on_a_page_data_are_text() -> None:
    page = _Tags(rendered(hostile(), "html").decode())
    assert page.tags.count("script") == 1
    assert "<script>alert(1)</script>|*b*_i_`c`[x](http://x.example)" in page.text


def test_links_of_a_page_lead_somewhere(lines: Path) -> None:
    run("convert", "cases.ndjson", "-o", "out.ndjson", "--report", "run.html", "-q")
    page = _Tags(Path("run.html").read_text(encoding="utf-8"))
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    listed = json.loads(run("convert", "cases.ndjson", "-o", "out.ndjson", "--report", "json", "-q").stdout)["issues"]
    assert {f"i-{one['id']}" for one in listed} <= set(page.ids)


# -- without patient data --------------------------------------------------------------------------------------------------


def leaves(data: Any) -> Iterator[Any]:
    """Every value."""
    if isinstance(data, dict | list):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from leaves(inner)
    else:
        yield data


def marked(data: Any, at: str = "") -> Any:
    """The data with a mark in each text and each number."""
    if isinstance(data, dict):
        return {key: marked(value, f"{at}-{key}") for key, value in data.items()}
    if isinstance(data, list):
        return [marked(value, f"{at}-{index}") for index, value in enumerate(data)]
    if isinstance(data, bool) or data is None:
        return data
    return f"{data} canary{at}" if isinstance(data, str) else Decimal("74656.4656")


def said(words: tuple[str, ...], form: str) -> str:
    """All that a PHI-free conversion says: the account, and what is told beside it."""
    done = run("convert", *words, "--report", f"run.{form}", "--phi-free", "-v")
    return Path(f"run.{form}").read_text(encoding="utf-8") + done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_no_mark_of_a_value_is_in_a_phi_free_account(form: str, folder: Path) -> None:
    """Each text and number of each case is marked: most cases are rejected for it, and much is said of them."""
    documents = [read_file(path).data for path in [*CASES, *WRONG]]
    Path("in.ndjson").write_bytes(b"".join(dump_json(marked(data)) + b"\n" for data in documents))
    text = said(("in.ndjson", "-o", "out.ndjson"), form)
    assert "canary" not in text
    assert "74656" not in text
    Path("in").mkdir()
    for number, data in enumerate(documents):
        Path(f"in/{number}.json").write_bytes(dump_json(marked(data)))
    text = said((*map(str, sorted(Path("in").iterdir())), "-o", "out/"), form)
    assert "canary" not in text
    assert "74656" not in text


def test_no_mark_of_a_packet_is_in_a_phi_free_account(folder: Path) -> None:
    """What a reader left quotes what it could not read."""
    Path("in").mkdir()
    for path in sorted((FIXTURES / "readers" / "phenopacket").rglob("*.json")):
        Path("in", path.name).write_bytes(dump_json(marked(read_file(path).data)))
    assert len(list(Path("in").iterdir())) > 2
    text = said(("in", "--as", "phenopacket", "-o", "out.ndjson"), "json")
    assert "canary" not in text
    assert "74656" not in text


def of_ours() -> set[str]:
    """Words that are not data although data may say them: those of our rules, and of the schema's keys and choices."""
    schema = read_file(FIXTURES.parent / "mappings" / "case-facts.schema.json").data
    texts = [rule.title for rule in RULES.values()] + [str(one) for one in leaves(schema)] + [*RULES, *OUTCOMES]
    texts.append("count")  # a key of the account
    return {word for text in texts for word in re.findall(r"[\w.-]+", text.casefold())}


@pytest.mark.parametrize("form", FORMS)
def test_no_value_of_a_good_case_is_in_a_phi_free_account(form: str, folder: Path) -> None:
    ours = of_ours()
    for path in [*CASES, *WRONG]:
        text = said((str(path), "-o", "out/"), form).replace(path.name, "").casefold()
        for value in {str(leaf).casefold() for leaf in leaves(read_file(path).data)}:
            if value in ours or len(value) < 4:  # a number of facts or a line looks like a short one
                continue
            assert not re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", text), value


@pytest.mark.parametrize("form", FORMS)
def test_no_cell_of_a_table_is_in_a_phi_free_account(form: str) -> None:
    text = said((str(EXAMPLE / "tables"), *AS_EXAMPLE, "-o", "out.ndjson"), form)
    for path in (EXAMPLE / "tables").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            for cell in re.split(r"[;,\t]", line):
                if len(cell.strip()) > 3:
                    assert cell.strip() not in text
    assert "healing tea" not in text


def test_a_phi_free_account_has_the_same_ids_places_and_counts(lines: Path) -> None:
    full = account("cases.ndjson", "-o", "out.ndjson")
    free = account("cases.ndjson", "-o", "out.ndjson", "--phi-free")
    kept = ("id", "rule", "severity", "file", "line", "column")
    assert [[one.get(key) for key in kept] for one in full["issues"]] == [
        [one.get(key) for key in kept] for one in free["issues"]
    ]
    for key in ("records", "facts", "facts_by_section", "resources", "findings"):
        assert full[key] == free[key]
    by_table: dict[str, int] = {}
    for one in full["kept_as_text"]:
        by_table[one["table"]] = by_table.get(one["table"], 0) + one["count"]
    assert {one["table"]: one["count"] for one in free["kept_as_text"]} == by_table


# -- how it is asked for ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--report", "md"), "both go to standard output"),
        (("-o", "x.json", "--report", "pdf"), "expected md, json, html, sarif"),
        (("-o", "x.json", "--report", "x.txt"), "expected md, json, html, sarif"),
        (("-o", "x.json", "--report", "x.json"), "--report is the output itself"),
        (("-o", "out/", "--report", "out/x.json"), "--report is the output itself, or in its folder"),
        (("-o", "out/", "--report", "case.json"), "the output file is the input file"),
        (("-o", "out.ndjson", "--report", "case.json"), "the output file is the input file"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], told: str, folder: Path) -> None:
    Path("case.json").write_bytes(dump_json(read_file(CASES[0]).data))
    before = Path("case.json").read_bytes()
    done = run("convert", "case.json", *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert Path("case.json").read_bytes() == before


def test_without_the_libraries_a_page_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirconv.report._LIBRARIES", ("no_such_library",))
    done = run("convert", str(CASES[0]), "-o", "out/", "--report", "run.html")
    assert done.exit_code == 2
    assert "pip install 'fhirconv[report]'" in done.stderr
    assert not Path("out").exists()
    assert run("convert", str(CASES[0]), "-o", "out/", "--report", "run.md").exit_code == 0


def test_an_account_that_cannot_be_written_is_told(folder: Path) -> None:
    Path("taken.md").mkdir()
    done = run("convert", str(CASES[0]), "-o", "out/", "--report", "taken.md")
    assert done.exit_code == 1
    assert "error: taken.md cannot be written" in done.stderr


def test_cases_that_are_read_are_not_called_converted() -> None:
    done = run("read", str(EXAMPLE / "tables"), *AS_EXAMPLE, "-o", "cases.ndjson", "--report", "md", "-q")
    assert done.stdout.startswith("# 3 records: 2 read, 1 rejected\n")
