"""The README's way to a server: its commands and what they print, on a server that is new to them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PUSH = (ROOT / "docs" / "push.md").read_text(encoding="utf-8")
SERVER = "http://127.0.0.1:18080/fhir"


def test_convert_push_and_search(hapi_url: str, unique: str, tmp_path: Path) -> None:
    """As written, but for the server's address, the folder and the id of the case, which is another one in each run."""
    [block] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    steps = [step.partition("\n") for step in block.replace(SERVER, hapi_url).removeprefix("$ ").split("\n$ ")]
    case = (ROOT / "fixtures/cases/nakagawa-2022.yaml").read_text(encoding="utf-8")
    (tmp_path / "fixtures/cases").mkdir(parents=True)
    (tmp_path / "fixtures/cases/nakagawa-2022.yaml").write_text(case.replace("id: nakagawa-2022", f"id: {unique}"))
    for command, _, expected in steps[:-1]:
        words = [sys.executable, "-m", *shlex.split(command)]
        ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert ran.stdout + ran.stderr == expected + ("\n" if expected and not expected.endswith("\n") else "")
    *_, address = shlex.split(steps[-1][0])
    tagged = f"{address}&_tag=urn:uuid:2f1a6f0c-58d5-4c0e-9d6c-7d2b9b6b0a51%7C{unique}"
    assert requests.get(tagged, timeout=60).json()["total"] == 2


def test_the_page_of_push_in_python(hapi_url: str, unique: str, tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PUSH, re.DOTALL)
    for name in ("case.yaml", "a.yaml"):
        (tmp_path / name).write_text(f"case: {{id: {unique}-{name[0]}}}\npatient: {{sex: female}}\n")
    (tmp_path / "b.ndjson").write_text('{"case": {"id": "' + unique + '-b"}, "patient": {"sex": "male"}}\n')
    ran = subprocess.run(
        [sys.executable, "-c", block.replace(SERVER, hapi_url) + "print(result.ok, result.resources)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert sorted(ran.stdout.splitlines()) == ["True Counter({'created': 4})", "a.yaml done", "b.ndjson:1 done"]
