"""fhirconv report --corpus: the account of many cases as a page, and a draft of mappings that a curator fills in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from conftest import FIXTURES, run

from fhirconv import convert
from fhirconv.account.account import Words
from fhirconv.account.draft import drafts_of
from fhirconv.bundle import dump_json
from fhirconv.facts import fold
from fhirconv.mapping import load_mappings

MADE_UP = {"case": {"id": "a"}, "patient": {}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drugs(*names: str, case: str = "a") -> dict[str, Any]:
    """A case with these drugs."""
    facts = [{"id": f"d{at}", "drug": name, "status": "completed"} for at, name in enumerate(names)]
    return {**MADE_UP, "case": {"id": case}, "medications": facts}


def corpus(*cases: dict[str, Any]) -> str:
    Path("cases.ndjson").write_bytes(b"".join(dump_json(case) + b"\n" for case in cases))
    return "cases.ndjson"


def uncommented(text: str, word: str) -> str:
    """The draft, in which someone took the first '#' away from all lines of the entry of a word."""
    entries = text.split("\n\n")
    (found,) = (entry for entry in entries if entry.startswith("# # ") and entry.splitlines()[0].endswith(f"x: {word}"))
    return text.replace(found, re.sub("^# ", "", found, flags=re.MULTILINE))


@pytest.mark.parametrize("form", ["html", "md", "json", "sarif"])
def test_workers_make_no_difference(form: str) -> None:
    name = corpus(*(drugs("letrozole", "healing tea", case=str(number)) for number in range(100)), {"case": {}})
    for number in ("1", "2"):
        done = run("report", "--corpus", name, "-o", f"{number}.{form}", "--workers", number)
        assert done.exit_code == 1, "one case is rejected"
        assert "101 records: 100 converted, 1 rejected" in done.stderr
    assert Path(f"1.{form}").read_bytes() == Path(f"2.{form}").read_bytes()
    assert {path.suffix for path in Path().iterdir()} == {".ndjson", f".{form}"}, "no Bundle is written"


def test_it_says_what_convert_says() -> None:
    paths = [str(path) for path in sorted((FIXTURES / "cases").glob("m*.yaml"))]
    run("report", "--corpus", *paths, "-o", "corpus.json")
    run("convert", *paths, "-o", "out/", "--report", "convert.json")
    assert Path("corpus.json").read_bytes() == Path("convert.json").read_bytes()


def test_tables_are_read_as_convert_reads_them() -> None:
    example = FIXTURES / "readers" / "example"
    words = (str(example / "tables"), "--as", "example", "--mappings", str(example))
    run("report", "--corpus", *words, "-o", "corpus.json")
    run("convert", *words, "-o", "out.ndjson", "--report", "convert.json")
    assert Path("corpus.json").read_bytes() == Path("convert.json").read_bytes()


# -- the draft -------------------------------------------------------------------------------------------------------------


def test_a_draft_has_each_word_once_the_most_frequent_first() -> None:
    name = corpus(
        drugs("healing tea", "green juice", case="a"), drugs("Green  Juice", "green juice", "mistletoe", case="b")
    )
    assert run("report", "--corpus", name, "-o", "c.html", "--draft", "site").exit_code == 0
    text = Path("site/concepts/drugs.toml").read_text(encoding="utf-8")
    assert re.findall(r"^# # (\d+)x: (.*)$", text, re.MULTILINE) == [
        ("3", "green juice"),
        ("1", "healing tea"),
        ("1", "mistletoe"),
    ]
    assert '# [green-juice]\n# text = "green juice"\n# also = ["Green  Juice"]\n# codings' in text


def test_a_draft_changes_nothing_until_it_is_filled_in(folder: Path) -> None:
    paths = [str(path) for path in sorted((FIXTURES / "cases").glob("m*.yaml"))]
    run("report", "--corpus", *paths, "-o", "c.html", "--draft", "site")
    assert len(list(Path("site/concepts").iterdir())) > 10
    assert all(tomli.loads(path.read_text(encoding="utf-8")) == {} for path in Path("site/concepts").iterdir())
    assert run("mappings", "check", "site").stdout == run("mappings", "check").stdout


def test_no_code_is_guessed() -> None:
    """Codes stand in a draft only with the entry of fhirconv's that has them."""
    run("report", "--corpus", corpus(drugs("letrozolle", "healing tea")), "-o", "c.html", "--draft", "site")
    text = Path("site/concepts/drugs.toml").read_text(encoding="utf-8")
    (near,) = (line for line in text.splitlines() if "# did you mean" in line)
    assert near.startswith("# # did you mean Letrozole (rxnorm 72965 letrozole; atc L02BG04 letrozole)?")
    assert "72965" not in text.replace(near, "")
    assert set(re.findall(r'(?:system|code|verified) = "(.*?)"', text)) == {""}


@pytest.mark.parametrize(
    ("table", "word", "meant"),
    [
        ("procedures", "mastektomy", ["mastectomy"]),
        ("drugs", "letroozle", ["letrozole"]),
        ("conditions", "breast carcer", ["breast-cancer"]),
        ("conditions", "colon cancer", []),
        ("conditions", "zebra carcinoma", []),
        ("labs", "CA15-4", []),
        ("labs", "HER3", []),
    ],
)
def test_only_slips_of_the_pen_lead_to_an_entry(table: str, word: str, meant: list[str]) -> None:
    """A suggestion is taken by taking a '#' away: a word alike in letters, of another meaning, would be coded wrong."""
    (text,) = drafts_of([Words(table, word, 1)], load_mappings().raw).values()
    assert re.findall(r"^# # did you mean .*\n# # \[(.*)\]", text, re.MULTILINE) == meant


def test_an_entry_with_codes_is_not_drafted_anew() -> None:
    """CEA in g/dL has no code of CEA in ng/mL; an entry [cea] to fill in would take the right code away from others."""
    (text,) = drafts_of([Words("labs", "CEA", 1)], load_mappings().raw).values()
    assert "# # [cea] has codes" in text
    assert "codings = [\n" not in text


@pytest.mark.parametrize("word", ["healing tea", "letrozolle", "HER2-", 'a "b"'])
def test_a_filled_in_entry_gives_the_word_its_code(word: str) -> None:
    """By the head of the draft, word for word: also where it asks 'did you mean', and that is not what was meant."""
    run("report", "--corpus", corpus(drugs("healing tea", "letrozolle", "HER2-", 'a "b"')), "-o", "c.html", "--draft", "site")
    path = Path("site/concepts/drugs.toml")
    entry = uncommented(path.read_text(encoding="utf-8"), word)
    path.write_text(entry, encoding="utf-8")
    done = run("mappings", "check", "site")
    assert (done.exit_code, "system of a coding is empty: fill it in" in done.output) == (3, True)
    for name, filled in (("system", "atc"), ("code", "L02BG04"), ("verified", "me")):
        entry = re.sub(rf'^([^#\n]*\b{name} = )""', rf'\1"{filled}"', entry, flags=re.MULTILINE)
    path.write_text(entry, encoding="utf-8")
    done = run("mappings", "check", "site")
    assert done.exit_code == 0, done.output
    assert b"L02BG04" in convert(drugs(word), mappings="site").json()


@pytest.mark.parametrize(
    ("display", "told"), [('""', "display of a coding is empty: fill it in or leave it out"), ("1", "is a text in quotes")]
)
def test_a_display_that_says_nothing_is_named(display: str, told: str) -> None:
    Path("site/concepts").mkdir(parents=True)
    coding = f'{{ system = "atc", code = "L02BG04", display = {display}, verified = "me" }}'
    Path("site/concepts/drugs.toml").write_text(f'[tea]\ntext = "tea"\ncodings = [{coding}]\n', encoding="utf-8")
    done = run("mappings", "check", "site")
    assert done.exit_code == 3
    assert f"tea: {'display of a coding ' * (display == '1')}{told}" in done.output


def test_a_word_is_given_to_an_entry_that_is_there() -> None:
    run("report", "--corpus", corpus(drugs("letrozolle")), "-o", "c.html", "--draft", "site")
    path = Path("site/concepts/drugs.toml")
    text = path.read_text(encoding="utf-8")
    two = '# # [letrozole]\n# # also = ["letrozolle"]\n'
    path.write_text(text.replace(two, two.replace("# # ", "")), encoding="utf-8")
    assert tomli.loads(path.read_text(encoding="utf-8")) == {"letrozole": {"also": ["letrozolle"]}}
    assert run("mappings", "check", "site").exit_code == 0
    assert b"72965" in convert(drugs("letrozolle"), mappings="site").json()


@pytest.mark.parametrize(
    "word", ['a "b" \\ c', "HER2-", "HER2+", "薬", "a\nb", "x\u202ey\x7f\u2028z", "]]", "# x", "'''"]
)
def test_whatever_the_word_its_entry_is_toml_and_says_that_word(word: str) -> None:
    (text,) = drafts_of([Words("drugs", word, 1)], load_mappings().raw).values()
    assert tomli.loads(text) == {}
    ((key, entry),) = tomli.loads(re.sub("^# ", "", text.split("\n\n", 1)[1], flags=re.MULTILINE)).items()
    assert entry["text"] == word
    assert fold(key.replace("-", " ")) == fold(word) or key == "word-1", (
        "a key is a word, too: 'her2' would say what 'HER2-' does not"
    )


def test_many_words_are_drafted_soon_enough() -> None:
    """Words are compared with those of the table only so far."""
    words = [Words("drugs", f"made-up drug {number}", 1) for number in range(5_000)]
    (text,) = drafts_of(words, load_mappings().raw).values()
    assert text.count("\n# # 1x: ") == 5_000


# -- the page --------------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_words_and_their_draft() -> None:
    run("report", "--corpus", corpus(drugs("healing <b>tea</b>", "letrozole")), "-o", "c.html")
    page = Path("c.html").read_text(encoding="utf-8")
    assert "<td>healing &lt;b&gt;tea&lt;/b&gt;</td>" in page
    assert "text = &#34;healing &lt;b&gt;tea&lt;/b&gt;&#34;" in page
    assert "concepts/drugs.toml" in page


def test_a_phi_free_page_has_no_word() -> None:
    done = run("report", "--corpus", corpus(drugs("healing tea")), "-o", "c.html", "--phi-free")
    assert "tea" not in Path("c.html").read_text(encoding="utf-8") + done.stderr
    assert "drugs: 1x" in done.stderr


@pytest.mark.parametrize(
    ("more", "row"), [((), '<td>drugs</td><td>healing tea</td>'), (("--phi-free",), "<td>drugs</td>")]
)
def test_numbers_stand_right_and_no_column_is_empty(more: tuple[str, ...], row: str) -> None:
    run("report", "--corpus", corpus(drugs("healing tea")), "-o", "c.html", *more)
    page = Path("c.html").read_text(encoding="utf-8")
    assert f'<tr>{row}<td class="number">1</td></tr>' in page
    assert page.count('<th scope="col">words</th>') == (not more)
    run("report", "--corpus", "cases.ndjson", "-o", "c.md", *more)
    cells = "| drugs | healing tea | 1 |" if not more else "| drugs | 1 |"
    assert f"---:|\n{cells}\n" in Path("c.md").read_text(encoding="utf-8")


def test_a_file_without_cases_is_told_in_numbers_alone() -> None:
    Path("none.ndjson").touch()
    done = run("report", "--corpus", "none.ndjson", "-o", "c.html")
    assert "0 facts\n0 resources\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-o", "cases.ndjson"), "expected md, json, html, sarif"),
        (("-o", "c.html", "--draft", "there"), "there is there already and stays as it is"),
        (("-o", "c.html", "--draft", "new", "--phi-free"), "--draft writes the words of the cases"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], told: str) -> None:
    name = corpus(drugs("healing tea"))
    Path("there").mkdir()
    Path("there/x.toml").touch()
    done = run("report", "--corpus", name, *words)
    assert done.exit_code == 2
    assert told in done.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["cases.ndjson", "there"]


def test_options_of_a_corpus_need_it() -> None:
    done = run("report", corpus(drugs("tea")), "-o", "c.html", "--workers", "2")
    assert done.exit_code == 2
    assert "--workers, --draft and --phi-free are for --corpus" in done.stderr


def test_an_input_that_is_not_there_is_told() -> None:
    done = run("report", "--corpus", "none.ndjson", "-o", "c.html")
    assert done.exit_code == 2
    assert "none.ndjson: fatal: cannot be read: No such file" in done.stderr
    assert not Path("c.html").exists()
