"""A push as a user runs it, and what must be true of it after any fault: section "oracle" of each test of the battery.

(1) each resource is on the server exactly once and in one version; (2) the summary adds up; (3) no secret and nothing of
the patient stands in what was printed or written; (4) to push once more makes nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import requests
import yaml

from fhirconv import convert
from fhirconv.mapping import load_mappings

WAIT_S = 300  # no test waits this long; a loaded machine may come near
STATES = {"done", "done before", "rejected", "failed", "unknown", "not sent"}
OUTCOMES = {"created", "updated", "unchanged", "retracted", "confirmed"} | (STATES - {"done"})
NAMED = OUTCOMES - STATES  # those that standard output tells resource by resource
SYSTEMS = load_mappings().tables.identifier_systems
_HIDDEN = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")


class Done(NamedTuple):
    """A run of the command that ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> Counter[str]:
        return _counts(self.err, r"records?")

    @property
    def resources(self) -> Counter[str]:
        return _counts(self.err, r"resources?")

    @property
    def again(self) -> int:
        """How many requests were sent again."""
        found = re.search(r"^(\d+) requests? w(?:as|ere) sent again$", self.err, re.MULTILINE)
        return int(found[1]) if found else 0


def _counts(text: str, noun: str) -> Counter[str]:
    """The counts of the summary line `N noun: a done, b failed`; they add up to N, or the line is wrong."""
    lines: list[tuple[str, str]] = re.findall(rf"^(\d+) {noun}: (.*)$", text, re.MULTILINE)
    if not lines:
        return Counter()
    ((total, listed),) = lines
    counts = Counter({name: int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", listed)})
    assert counts.total() == int(total), lines
    assert set(counts) <= (STATES if "record" in noun else OUTCOMES), lines
    return counts


class Record(NamedTuple):
    """What a case becomes: our identifiers of its resources by Type/id as converted, and the tag that they all wear."""

    identifiers: dict[str, str]
    tag: str

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Record:
        bundle = convert(facts).bundle
        assert bundle
        resources = [entry["resource"] for entry in bundle["entry"]]
        tag = f"{SYSTEMS['case']}|{facts['case']['id']}"
        return cls({f"{one['resourceType']}/{one['id']}": _own(one) for one in resources}, tag)


def _own(resource: dict[str, Any]) -> str:
    """Our identifier of a resource; it has exactly one, as an identifier or, where R4 has none, as a tag."""
    found = [one.get("value") for one in resource.get("identifier", []) if one.get("system") == SYSTEMS["fact"]]
    found += [one.get("code") for one in resource["meta"]["tag"] if one.get("system") == SYSTEMS["fact"]]
    (value,) = found
    return str(value)


def facts(case_id: str, canaries: Iterable[str], labs: int = 1) -> dict[str, Any]:
    """A small case of a patient who has a name and a number: Patient, Provenance and laboratory results."""
    name, number = canaries
    identifiers = [{"system": "https://hospital.test/patient-number", "value": number, "type": "MRN"}]
    return {
        "case": {"id": case_id},
        "patient": {"name": {"text": f"Dr. {name}", "family": name}, "identifiers": identifiers},
        "labs": [{"id": f"hb{n}", "analyte": "Hb", "value": 11.4 + n, "unit": "g/dL"} for n in range(labs)],
    }


class Push:
    """`fhirconv push` of some cases that no other test has, in a folder of its own; remembers all that was ever said."""

    def __init__(
        self, folder: Path, hapi: str, records: int = 1, labs: int = 1, cases: list[dict[str, Any]] | None = None
    ):
        self.folder, self.hapi = folder, hapi
        self.work, self.home = folder / "work", folder / "home"
        self.work.mkdir()
        self.home.mkdir()
        tag = uuid.uuid4().hex[:12]
        self.canaries = [f"Zz{uuid.uuid4().hex}", f"M7{uuid.uuid4().hex}"]
        self.cases = cases or [facts(f"b{tag}-{n}", self.canaries, labs) for n in range(records)]
        self.records = [Record.of(case) for case in self.cases]
        self.input = self.work / ("cases.ndjson" if len(self.cases) > 1 else "case.yaml")
        self.write()
        self.runs: list[Done] = []

    def write(self) -> None:
        """The cases as they are now, into the file that is pushed."""
        if self.input.suffix == ".ndjson":
            self.input.write_text("".join(json.dumps(case) + "\n" for case in self.cases))
        else:
            self.input.write_text(yaml.safe_dump(self.cases[0]))

    @property
    def journal(self) -> Path:
        return self.input.with_name(f".{self.input.name}.push-journal")

    @property
    def planned(self) -> int:
        return sum(len(record.identifiers) for record in self.records)

    def arguments(self, server: str, *options: str | Path) -> list[str]:
        return [sys.executable, "-m", "fhirconv", "push", str(self.input), "--server", server, *map(str, options)]

    def environment(self, **changes: str) -> dict[str, str]:
        """Nothing of the machine's own settings for networks, and places for files that are looked through."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in _HIDDEN and not name.lower().endswith("_proxy") and not name.startswith("FHIRCONV")
        }
        return {**kept, "HOME": str(self.home), "TMPDIR": str(self.home), **changes}

    def start(self, server: str, *options: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Started and not waited for; `ended` does that."""
        return subprocess.Popen(
            self.arguments(server, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self.environment(**environment),
            cwd=self.work,
        )

    def ended(self, process: subprocess.Popen[str]) -> Done:
        try:
            out, err = process.communicate(timeout=WAIT_S)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        self.runs.append(Done(process.returncode, out, err))
        assert "Traceback" not in out + err, err
        return self.runs[-1]

    def run(self, server: str, *options: str | Path, **environment: str) -> Done:
        done = self.ended(self.start(server, *options, **environment))
        self.check_summary(done)
        return done

    # -- the oracle --

    def settle(self, server: str, *options: str | Path, versions: int = 1, **environment: str) -> Done:
        """After a fault: one further run makes it whole, and one more makes nothing. The result is the further run's."""
        further = self.run(server, *options, **environment)
        assert further.code == 0, further.err
        self.check_server(versions)
        second = self.run(server, *options, **environment)
        assert second.code == 0, second.err
        assert second.resources == {"unchanged": self.planned}, second.err
        self.check_server(versions)
        self.check_canaries()
        return further

    def check_summary(self, done: Done) -> None:
        """Every record and resource of the input has one fate, and standard output tells the same; or nothing was sent."""
        if not done.records:
            assert done.code in (2, 4), done.err
            assert "nothing was sent" in done.err or "Usage:" in done.err, done.err
            assert not done.out
            return
        if "not read" not in done.err:
            assert done.records.total() == len(self.records), done.err
            assert done.resources.total() == self.planned, done.err
        told = Counter(line.split(": ")[1].split(" ")[0] for line in done.out.splitlines())
        assert told == {name: count for name, count in done.resources.items() if name in NAMED}, done.out
        is_over = not done.records.keys() - {"done", "done before"}
        assert (done.code == 0) <= is_over, done.err

    def check_server(self, versions: int = 1) -> None:
        """Each resource exactly once, by our identifier and by the tag of its case, in so many versions."""
        for record in self.records:
            found = list(_tagged(self.hapi, record))
            own = Counter(f"{one['resourceType']} {_own(one)}" for one in found)
            wanted = {f"{name.partition('/')[0]} {value}": 1 for name, value in record.identifiers.items()}
            assert own == wanted
            addresses = [f"{one['resourceType']}/{one['id']}" for one in found]
            assert {one["meta"]["versionId"] for one in found} == {str(versions)}
            assert _versions(self.hapi, addresses) == [versions] * len(addresses)

    def held(self) -> int:
        """How many resources of these cases the server holds."""
        return sum(1 for record in self.records for _ in _tagged(self.hapi, record))

    def check_canaries(self, *more: str) -> None:
        """Nothing that was printed or written, the inputs apart, has a secret or a name in it."""
        texts = [text for run in self.runs for text in (run.out, run.err)]
        files = [
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path != self.input and "secret" not in path.name
        ]
        for canary in (*self.canaries, *more):
            assert not any(canary in text for text in texts)
            assert [path.name for path in files if canary.encode() in path.read_bytes()] == []


def _batch(hapi: str, urls: Iterable[str]) -> Iterator[dict[str, Any]]:
    waiting = iter(urls)
    while some := list(islice(waiting, 100)):
        entries = [{"request": {"method": "GET", "url": url}} for url in some]
        headers = {"Cache-Control": "no-cache", "Connection": "close"}
        body = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        answer = requests.post(
            hapi, json=body, headers=headers | {"Content-Type": "application/fhir+json"}, timeout=WAIT_S
        )
        answer.raise_for_status()
        yield from (entry["resource"] for entry in answer.json()["entry"])


def _tagged(hapi: str, record: Record) -> Iterator[dict[str, Any]]:
    """All resources of the types of a case that wear its tag."""
    types = sorted({name.partition("/")[0] for name in record.identifiers})
    for bundle in _batch(hapi, (f"{name}?_tag={record.tag.replace('|', '%7C')}&_count=1000" for name in types)):
        assert not [link for link in bundle.get("link", []) if link["relation"] == "next"]
        yield from (entry["resource"] for entry in bundle.get("entry", []))


def _versions(hapi: str, addresses: Iterable[str]) -> list[int]:
    """How many versions each of these has or had. HAPI keeps the length of a history for a minute, but not of a part of it."""
    urls = (f"{address}/_history?_offset=0&_count=50" for address in addresses)
    return [len(bundle["entry"]) for bundle in _batch(hapi, urls)]
