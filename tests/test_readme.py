"""The README's commands and outputs are what a user sees."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fhirconv

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLES = re.findall(r"```console\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.partition("\n")[0])
def test_command_and_output(block: str) -> None:
    command, _, expected = block.partition("\n")
    words = command.removeprefix("$ fhirconv ").split()
    ran = subprocess.run(
        [sys.executable, "-m", "fhirconv", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.stdout + ran.stderr).rstrip("\n") == expected.rstrip("\n")


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
    assert result.json().count(b"https://hospital.test/fhir/case-facts") == len(result.ledger) - 1
    assert fhirconv.convert(
        {"case": {"id": "x"}, "patient": {}, "labs": [{"analyte": "crea", "result": "high"}]}, mappings=tmp_path
    ).ok


def test_exit_codes_and_limits_in_the_readme() -> None:
    from fhirconv import document, numbers
    from fhirconv.cli import Exit

    for code in Exit:
        assert f"| {code.value} | " in README
    limits = document.LIMITS
    for limit in (
        f"{limits.bytes // 1024**2} MB",
        f"{limits.depth} levels",
        f"{limits.nodes:,} values",
        f"{limits.digits} digits",
        f"up to {numbers.MAX_EXPONENT}",
    ):
        assert limit in README
