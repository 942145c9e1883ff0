"""What is handed to a language model is right by itself, and docs/language-models.md says what is noticed of its mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import FIXTURES, run

from fhirconv import convert
from fhirconv.schema import case_schema

ROOT = FIXTURES.parent
TEXTS = ROOT.parent / "shared" / "clinical"
PAGE = (ROOT / "docs" / "language-models.md").read_text(encoding="utf-8")
EXAMPLE = FIXTURES / "language-model"
PROMPT = run("schema", "--prompt").stdout


def test_the_example_of_the_prompt_is_one_to_follow() -> None:
    """Its answer has no finding, every fact is quoted, and the Bundle gives back the same facts."""
    made = convert(EXAMPLE / "answer.json", source=EXAMPLE / "text.txt", verify=True)
    assert [issue.text() for issue in made.issues if issue.severity != "information"] == []
    assert [fact.identity for fact in made.case.facts if "evidence" not in fact.data] == ["case"]
    sections = {fact.section.name for fact in made.case.facts}
    assert sections >= {"events", "conditions", "labs", "pathology", "disease_status", "medications", "adverse_events"}


@pytest.mark.parametrize(("language", "name"), [("text", "text.txt"), ("json", "answer.json")])
def test_the_example_of_the_prompt_is_that_of_the_page(language: str, name: str) -> None:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PROMPT, re.DOTALL)
    assert block == (EXAMPLE / name).read_text(encoding="utf-8")


def test_fields_and_choices_of_the_rules_are_those_of_the_schema() -> None:
    rules = PROMPT.partition("# Example")[0]
    fields = set(re.findall(r"`([a-z_]+)`", rules)) - {"letrozole"}  # the id of its example
    assert {"evidence", "disease_status", "based_on"} <= fields <= keys(case_schema().schema)
    choices = set(re.findall(r'"(?:verification|status|presence|reason)": "([a-z-]+)"', rules))
    assert choices == {"refuted", "not-taken", "not-done", "absent", "unknown"}
    assert choices <= set(re.findall(r'"([a-z-]+)"', case_schema().text))


def keys(schema: Any) -> set[str]:
    """The fields that a schema describes."""
    found = set(schema.get("properties", {}))
    for value in schema.values():
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            found |= keys(inner) if isinstance(inner, dict) else set()
    return found


def keywords(schema: Any) -> Iterator[str]:
    """The keywords that a schema uses."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        yield key
        inner = {"properties": dict.values, "$defs": dict.values, "oneOf": list, "anyOf": list, "allOf": list}
        for one in inner[key](value) if key in inner else [] if key == "dependentRequired" else [value]:
            yield from keywords(one)


def test_the_page_names_the_keywords_of_the_schema() -> None:
    (shown,) = re.findall(r"uses these keywords, and no `format`:\n\n((?:    .+\n)+)", PAGE)
    assert set(shown.split()) == set(keywords(case_schema().schema))


def test_the_page_says_how_large_prompt_and_schema_are() -> None:
    text = case_schema().text
    dense = json.dumps(case_schema().schema, separators=(",", ":"), ensure_ascii=False)
    sizes = [round(len(one.encode()) / 1000) for one in (PROMPT, text, dense)]
    assert re.findall(r"\((\d+) kB\)|\((\d+) kB; (\d+) kB without blanks", PAGE) == [
        (str(sizes[0]), "", ""),
        ("", str(sizes[1]), str(sizes[2])),
    ]


def table() -> list[tuple[str, int, int, int]]:
    """Mistake, places, noticed and as an error, as the page has it."""
    rows = re.findall(r"^\| (\D[^|]*?) +\| (\d+) +\| (\d+) +\| (\d+) +\| .*\|$", PAGE, re.MULTILINE)
    return [(name, int(places), int(noticed), int(as_error)) for name, places, noticed, as_error in rows]


@pytest.mark.skipif(
    not TEXTS.is_dir() and not os.environ.get("CI"), reason="the texts of the reports are not part of this repository"
)
def test_what_is_noticed_is_what_the_page_says() -> None:
    """Each kind in few draws: always, never, or sometimes."""
    program = [sys.executable, ROOT / "benchmarks" / "model_errors.py", TEXTS, "--draws", "12"]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    seen = re.findall(r"^\| (\D[^|]*?) +\| (\d+) +\| (\d+) +\| (\d+) +\| .*\|$", said, re.MULTILINE)
    assert [(name, int(places)) for name, places, *_ in seen] == [row[:2] for row in table()]
    assert len(seen) == 17
    for (name, _, *few), (_, _, *many) in zip(seen, table(), strict=True):
        for of_12, of_200 in zip(map(int, few), many, strict=True):
            assert of_12 == of_200 * 12 / 200 if of_200 in (0, 200) else of_12 <= of_200, name


def test_the_mistakes_that_the_page_calls_unnoticed_are() -> None:
    said = run("convert", str(EXAMPLE / "wrong.json"), "--source", str(EXAMPLE / "text.txt")).output
    lines = (EXAMPLE / "wrong.json").read_text(encoding="utf-8").splitlines()
    for words in ('"HER2-negative"', "liver metastases were ruled out"):
        (line,) = [number for number, text in enumerate(lines, 1) if words in text]
        assert f"wrong.json:{line}:" not in said
        assert f"wrong.json:{line - 1}:" not in said
