"""The ways to a server that the documents show: their commands and what they print, on a server that is new to them."""

from __future__ import annotations

import shlex
from pathlib import Path

import requests

from tests.docs_commands import ROOT, blocks, do, follow, run

SERVER = "http://127.0.0.1:18080/fhir"


def test_convert_push_and_search(hapi_url: str, unique: str, tmp_path: Path) -> None:
    """As written, but for the server's address, the folder and the id of the case, which is another one in each run."""
    [block] = blocks("README.md", "live")
    case = (ROOT / "fixtures/cases/nakagawa-2022.yaml").read_text(encoding="utf-8")
    (tmp_path / "fixtures/cases").mkdir(parents=True)
    (tmp_path / "fixtures/cases/nakagawa-2022.yaml").write_text(case.replace("id: nakagawa-2022", f"id: {unique}"))
    before, curl, search = block.text.replace(SERVER, hapi_url).rpartition("$ curl ")
    do(block._replace(text=before), tmp_path)
    *_, address = shlex.split(search)
    tagged = f"{address}&_tag=urn:uuid:2f1a6f0c-58d5-4c0e-9d6c-7d2b9b6b0a51%7C{unique}"
    assert curl
    assert requests.get(tagged, timeout=60).json()["total"] == 2


def test_the_tutorial(hapi_url: str, tmp_path: Path) -> None:
    """From the first file to what is taken back: on a server that never had this case."""
    follow("docs/tutorial.md", tmp_path, "live", lambda text: text.replace(SERVER, hapi_url))


def test_the_page_of_push(hapi_url: str, unique: str, tmp_path: Path) -> None:
    for name in ("case.yaml", "a.yaml"):
        (tmp_path / name).write_text(f"case: {{id: {unique}-{name[0]}}}\npatient: {{sex: female}}\n")
    (tmp_path / "b.ndjson").write_text('{"case": {"id": "' + unique + '-b"}, "patient": {"sex": "male"}}\n')
    plan, program = (
        block._replace(text=block.text.replace(SERVER, hapi_url)) for block in blocks("docs/push.md", "live")
    )
    do(plan, tmp_path)
    said = run(["python", "-c", program.text + "print(result.ok, result.resources)"], tmp_path)
    assert sorted(said.splitlines()) == ["True Counter({'created': 4})", "a.yaml done", "b.ndjson:1 done"]
