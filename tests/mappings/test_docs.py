"""The mapping reference says what the mappings say, all of it, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import FIXTURES, run

from fhirconv.mapping import ResourceMapping
from fhirconv.mapping_docs import files, mapping_pages
from fhirconv.mapping_docs.index import all_pages
from fhirconv.mapping_docs.pages import Heading, Link, Page, Table, anchor, inlines
from fhirconv.mapping_docs.reference import Reference
from fhirconv.mapping_docs.wording import Row
from fhirconv.schema import case_schema
from fhirconv.values.base import ElementRule, all_rules

SITE = FIXTURES / "site-mappings"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(None)


@pytest.fixture(scope="module")
def pages(reference: Reference) -> dict[str, Page]:
    made = list(all_pages(reference))
    assert len({page.name for page in made}) == len(made)
    return {page.name: page for page in made}


def tables(page: Page, title: str) -> list[Table]:
    return [block for block in page.blocks if isinstance(block, Table) and block.title == title]


# -- complete --


def test_there_is_as_much_as_mappings_check_counts(pages: dict[str, Page]) -> None:
    counts = re.findall(
        r"profile (\w+): (\d+) mappings, (\d+) element rules, (\d+) concepts", run("mappings", "check").stdout
    )
    resources = [page for name, page in pages.items() if name.startswith("resource-")]
    paths = [
        "".join(one if isinstance(one, str) else one.text for one in inlines(row[0]))
        for page in resources
        for row in tables(page, "Elements")[0].rows
    ]
    rules = [path for path in paths if "." not in path]
    concepts = [
        block
        for name, page in pages.items()
        if name.startswith("table-")
        for block in page.blocks
        if isinstance(block, Heading)
    ]
    assert {profile for profile, *_ in counts} >= {"r4", "mcode"}
    assert {tuple(map(int, found)) for _, *found in counts} == {(len(resources), len(rules), len(concepts))}
    (told,) = tables(pages["index"], "Counts")
    assert [tuple(row) for row in told.rows] == counts


def sources(rules: Iterable[ElementRule]) -> set[str]:
    return {source for rule in all_rules(rules) for source in rule.made.sources}


def names_of(mapping: ResourceMapping, rows: Iterable[Row]) -> set[str]:
    """The fields that the words name, as compiled rules name them."""
    found = (source for row in rows for source in row.sources)
    return {name if section == mapping.section else f"{section}.{name}" for section, name in found}


def test_the_words_of_a_rule_name_the_fields_that_it_reads(reference: Reference) -> None:
    """What is compiled and what is said are two readings of one file; of a unit the compiled rules tell only where it goes."""
    for mapping in reference.profiles["mcode"].resources:
        claims = {claim.name: claim.rows for claim in reference.claims_of(mapping)}
        compiled = [(mapping.rules, reference.rows[mapping.name])]
        compiled += [
            (
                tuple(rule for rule in one.rules if rule.element in {row.path for row in claims[one.name]}),
                claims[one.name],
            )
            for one in mapping.variants
        ]
        for rules, rows in compiled:
            said = names_of(mapping, rows)
            read = {
                f"stages.{name}" if mapping.name == "condition" and name in ("system", "stage") else name
                for name in sources(rules)
            }
            assert read - {"item", "case.recorded"} <= said | {"case.recorded"}, mapping.name
            assert {name.rpartition(".")[2] for name in said - read} <= {
                "unit",
                "evidence",
                "authors",
                "evidence_type",
                "recorded",
                "of",
            }, mapping.name


def test_each_field_is_told_and_feeds_something_or_says_why_not(pages: dict[str, Page]) -> None:
    for section in case_schema().sections.values():
        page = pages[f"facts-{section.name}"]
        assert [block.text for block in page.blocks if isinstance(block, Heading)] == list(section.fields)
        said = "".join(
            one if isinstance(one, str) else one.text
            for block in page.blocks
            if hasattr(block, "items")
            for one in inlines(block.items)
        )
        assert said.count("Feeds: ") == len(section.fields)
        assert "no element of its own" not in said


def test_the_index_of_words_finds_what_the_tables_find(reference: Reference, pages: dict[str, Page]) -> None:
    (found,) = tables(pages["words"], "Words")
    concepts = reference.mappings.tables.concepts
    for word, concept, table in found.rows:
        assert isinstance(word, str)
        assert isinstance(concept, Link)
        assert isinstance(table, Link)
        known = concepts[table.text].find(word)
        assert known is not None
        assert (known.key, known.text) == (concept.at, concept.text)
    assert len(found.rows) > sum(len(table.concepts) for table in concepts.values())


def test_each_rule_has_words_for_each_of_its_keys(pages: dict[str, Page]) -> None:
    lab = {row[0].text: row[3] for row in tables(pages["resource-lab"], "Elements")[0].rows if isinstance(row[0], Link)}
    said = "".join(one if isinstance(one, str) else one.text for one in inlines(lab["code"]))
    assert said == (
        "a concept of the table labs, looked up by the words of analyte, its codes only where they hold for the unit of unit"
    )


# -- links --


class Hypertext(HTMLParser):
    """Ids and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("href", "src", "srcset", "style") or name.startswith("on"):
                self.loads.append(f"{tag} {name}={value}")


def dead(links: dict[str, list[str]], anchors: dict[str, set[str]]) -> list[str]:
    """The links of pages that lead to no page, or to no place on it."""
    found = []
    for name, given in links.items():
        for link in given:
            page, _, place = link.partition("#")
            if not link.startswith(("https://", "http://")) and (
                (place and place not in anchors.get(page or name, ())) or (page or name) not in anchors
            ):
                found.append(f"{name}: {link}")
    return found


@pytest.mark.parametrize("site", [None, SITE], ids=["ours", "site"])
def test_no_link_is_dead_in_html_and_nothing_is_loaded(site: Path | None) -> None:
    read = {name: Hypertext(data.decode()) for name, data in files(mapping_pages(site), "html")}
    assert (
        dead({name: page.links for name, page in read.items()}, {name: {*page.ids, ""} for name, page in read.items()})
        == []
    )
    for name, page in read.items():
        assert len(set(page.ids)) == len(page.ids), name
        assert page.loads == ["link href=data:,"], name
        assert "index.html" in page.links
    reached = {link.partition("#")[0] for page in read.values() for link in page.links}
    assert read.keys() <= reached


def test_no_link_is_dead_in_markdown() -> None:
    read = {name: data.decode() for name, data in files(mapping_pages(None), "md")}
    anchors = {
        name: {anchor(re.sub(r"\\(.)", r"\1", one)) for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)} | {""}
        for name, text in read.items()
    }
    links = {name: re.findall(r"\]\(<([^>]*)>\)", text) for name, text in read.items()}
    assert sum(map(len, links.values())) > 4000
    assert dead(links, anchors) == []


def test_entries_with_names_alike_have_places_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "concepts").mkdir()
    keys = ("zq.bb", "zqbb", "zq(bb)")
    entries = (f'["{key}"]\ntext = "Lab {number}"\ncodings = []\n' for number, key in enumerate(keys))
    (tmp_path / "concepts" / "labs.toml").write_text("".join(entries))
    read = {name: Hypertext(data.decode()) for name, data in files(mapping_pages(tmp_path), "html")}
    ids = read["table-labs.html"].ids
    assert len(set(ids)) == len(ids)
    new = {link for link in read["words.html"].links if re.match("table-labs.html#zq.*bb", link)}
    assert len(new) == len(keys)


def test_same_mappings_same_bytes() -> None:
    assert list(files(mapping_pages(SITE), "html")) == list(files(mapping_pages(SITE), "html"))


# -- a site's own --


def test_what_comes_from_a_site_is_marked() -> None:
    made = {name: data.decode() for name, data in files(mapping_pages(SITE), "md")}
    assert "| always `preliminary` |  | `resources/lab.toml:2` (yours) |" in made["resource-lab.md"]
    assert "- File: `concepts/labs.toml:1` (yours)" in made["table-labs.md"].partition("## ferritin")[2]
    assert "(yours)" not in made["table-labs.md"].partition("## ferritin")[0]


def test_text_of_a_site_stays_text(tmp_path: Path) -> None:
    (tmp_path / "concepts").mkdir()
    hostile = "<script>alert(1)</script> [x](y) | `z`"
    (tmp_path / "concepts" / "labs.toml").write_text(
        f"[odd]\ntext = '{hostile}'\nalso = ['a\u202eb']\n", encoding="utf-8"
    )
    web = dict(files(mapping_pages(tmp_path), "html"))["table-labs.html"].decode()
    assert "<script>alert" not in web
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [x](y) | `z`" in web
    plain = dict(files(mapping_pages(tmp_path), "md"))["table-labs.md"].decode()
    assert "\\<script\\>alert(1)\\</script\\> \\[x\\](y) \\| \\`z\\`" in plain
    assert "\u202e" not in web + plain


# -- the command --


def test_the_command_writes_pages(tmp_path: Path) -> None:
    done = run("mappings", "docs", "-o", str(tmp_path / "new"), "--mappings", str(SITE))
    assert (done.exit_code, done.stdout) == (0, "")
    made = {path.name for path in (tmp_path / "new").iterdir()}
    assert done.stderr == f"{len(made)} pages: {tmp_path / 'new' / 'index.html'}\n"
    assert {"index.html", "resource-lab.html", "words.html", "profile-mcode.html"} < made


@pytest.mark.parametrize("form", ["html", "md"])
def test_a_page_of_other_mappings_is_not_left_among_new_ones(tmp_path: Path, form: str) -> None:
    command = ("mappings", "docs", "-o", str(tmp_path), "--format", form)
    assert run(*command).exit_code == 0
    (tmp_path / "notes.txt").touch()
    assert run(*command).exit_code == 0, "these pages are written anew"
    (tmp_path / f"table-of-old.{form}").touch()
    (tmp_path / f"index.{form}").write_text("as it was", encoding="utf-8")
    done = run(*command)
    assert done.exit_code == 2
    assert f"holds pages that are not of these mappings: table-of-old.{form}; take them away" in done.stderr
    assert (tmp_path / f"index.{form}").read_text(encoding="utf-8") == "as it was"


def test_mistakes_in_mappings_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "units.toml").write_text("[x]\nspelings = []\n", encoding="utf-8")
    done = run("mappings", "docs", "-o", str(tmp_path / "new"), "--mappings", str(tmp_path))
    assert done.exit_code == 3
    assert "units.toml" in done.stderr
    assert not (tmp_path / "new").exists()


def test_what_needs_no_page_imports_no_library_for_it(tmp_path: Path) -> None:
    program = (
        "import sys; from fhirconv.cli import main\n"
        "for command in (['check'], ['docs', '-o', sys.argv[1], '--format', 'md']):\n"
        "    main(['mappings', *command], standalone_mode=False)\n"
        "sys.exit(sorted({'jinja2', 'vl_convert', 'multiprocessing'} & sys.modules.keys()) or 0)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.md").is_file()
