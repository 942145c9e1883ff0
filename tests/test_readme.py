"""What README, CONTRIBUTING and the pages of validate and push say of options, exit codes and limits is so.

Their commands and outputs: test_docs.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Command, command

import fhirconv
from fhirconv.cli.connection import connection_options
from fhirconv.cli.convert import command as convert
from fhirconv.cli.plan import command as plan
from fhirconv.cli.push import command as push
from fhirconv.cli.read import command as read
from fhirconv.cli.validate import command as validate
from fhirconv.document import LIMITS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
VALIDATION = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
READING = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
VOLUME = (ROOT / "docs" / "volume.md").read_text(encoding="utf-8")
PUSH = (ROOT / "docs" / "push.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_python_example(monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    exec(example[1], names)
    assert isinstance(names["result"], fhirconv.Conversion)
    assert names["result"].ok


def test_yaml_and_toml_examples(tmp_path: Path) -> None:
    case = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    tables = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert case
    assert len(tables) == 2
    (tmp_path / "concepts").mkdir()
    (tmp_path / "concepts" / "labs.toml").write_text(tables[0])
    (tmp_path / "systems.toml").write_text(tables[1])
    (tmp_path / "case.yaml").write_text(case[1])
    result = fhirconv.convert(tmp_path / "case.yaml", mappings=tmp_path)
    assert not [issue.text() for issue in result.issues if issue.severity != "information"]
    assert result.json().count(b"https://hospital.test/fhir/case-facts") == result.json().count(b'"resourceType"') - 1
    assert fhirconv.convert(
        {"case": {"id": "x"}, "patient": {}, "labs": [{"analyte": "crea", "result": "high"}]}, mappings=tmp_path
    ).ok


def options_of(one: Command) -> set[str]:
    return {option for param in one.params for option in param.opts if option.startswith("--")} - {
        "--quiet",
        "--verbose",
    }


def named_in(page: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))


def test_options_that_are_named_are_there() -> None:
    """All options, and no others, but -q and -v by their letters; those of a connection stand in the page of push."""
    by_command = {one.name: options_of(one) for one in (convert, push, plan, read, validate)}
    of_a_connection = options_of(command("x")(connection_options(False, "")(lambda connection: None)))
    of_push = named_in(PUSH) - {"--insecure"} - ({"--shape"} & by_command["convert"])  # which makes what is pushed
    assert named_in(VALIDATION) == by_command["validate"] - of_a_connection | {"--server"}
    assert of_push == by_command["push"] | by_command["plan"] - {"--output"} | {"--port", "--data"}
    assert named_in(VOLUME) == {"--workers", "--on-error", "--rejects", "--max-rejects", "--report", "--shape"}
    assert named_in(VOLUME) <= by_command["convert"]
    assert named_in(READING) <= by_command["read"]
    settings = set(re.findall(r"--limit ([a-z]+)=", VALIDATION))
    assert settings
    assert settings <= set(LIMITS._fields)


def test_every_data_file_says_where_it_is_from() -> None:
    """CONTRIBUTING has its program, and the program says in its docstring what it is made from and how to call it."""
    for data in filter(Path.is_file, (ROOT / "fhirconv" / "data").iterdir()):
        row = re.search(rf"^\| `{re.escape(data.name)}` \| `(tools/\w+\.py)[^`]*` \| ", CONTRIBUTING, re.MULTILINE)
        assert row, data.name
        program = (ROOT / row[1]).read_text(encoding="utf-8")
        assert data.name in program
        assert f"python {row[1]}" in program


def test_exit_codes_and_limits_in_the_readme() -> None:
    from fhirconv import document, numbers
    from fhirconv.cli import Exit

    for code in Exit:
        assert f"\n| {code.value} | " in README
        assert f"\n| {code.value} | " in VALIDATION or code is Exit.INCOMPLETE
        assert f"{code.value} " in PUSH.partition("## Exit codes")[2]
    assert re.search(rf"^\| {Exit.FINDINGS.value} \| .*`mappings impact`", README, re.MULTILINE)  # nothing is wrong there
    limits = document.LIMITS
    for limit in (
        f"{limits.bytes // 1024**2} MB",
        f"{limits.depth} levels",
        f"{limits.nodes:,} values",
        f"{limits.digits} digits",
        f"up to {numbers.MAX_EXPONENT}",
    ):
        assert limit in README
        assert limit in VALIDATION or limit.startswith("up to")
