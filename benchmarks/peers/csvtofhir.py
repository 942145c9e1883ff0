"""linuxforhealth-csvtofhir: rows of CSV files, a file for each type, by a data contract; for Python 3.9 or 3.10.

Columns bear the names that it has inside, so that the contract needs no tasks. The files are written outside of the clock,
all cases in each, as it is meant to be used; it makes no Bundle, so what it makes is joined to one.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = dict[str, str]

FILES = {
    "Patient": "Patient",
    "Condition": "Condition",
    "Observation": "Observation",
    "Medication": "MedicationStatement",
    "Procedure": "Procedure",
}


class Folder:
    """A data contract, and the CSV files of some cases beside it."""

    def __init__(self, path: Path) -> None:
        os.environ["MAPPING_CONFIG_DIRECTORY"] = str(path)
        self.path = path
        definitions = {
            name: {"resourceType": kind, "groupByKey": "patientInternalId", "tasks": []} for name, kind in FILES.items()
        }
        general = {"timeZone": "UTC", "tenantId": "bench", "assigningAuthority": "bench", "streamType": "live"}
        contract = {"general": general, "fileDefinitions": definitions}
        (path / "data-contract.json").write_text(json.dumps(contract))

    def write(self, cases: list[dict[str, Any]], tables: dict[str, Any]) -> None:
        """One file for each type."""
        for name in FILES:
            rows = [row for facts in cases for row in _rows(name, facts, tables)]
            with (self.path / f"{name}.csv").open("w", newline="") as stream:
                writer = csv.DictWriter(stream, sorted({key for row in rows for key in row}))
                writer.writeheader()
                writer.writerows(rows)

    def convert(self) -> list[str]:
        """The resources of all files. Raises what a row raised."""
        from linuxforhealth.csvtofhir.converter import convert

        made: list[str] = []
        for name in FILES:
            for error, _, resources in convert(str(self.path / f"{name}.csv")):
                if error:
                    raise error
                made.extend(resources)
        return made


def _rows(name: str, facts: dict[str, Any], tables: dict[str, Any]) -> Iterable[Row]:
    patient = {"patientInternalId": facts["case"]["id"]}
    if name == "Patient":
        person = facts["patient"]
        yield patient | {"gender": person["sex"], "birthDate": person["birth_date"], "deceasedBoolean": "false"}
    elif name == "Condition":
        for one in facts["conditions"]:
            yield patient | _code("condition", tables, "conditions", one["name"]) | {
                "resourceInternalId": f"{facts['case']['id']}-{one['id']}", "conditionOnsetDateTime": one["onset"],
            }  # fmt: skip
    elif name == "Observation":
        for one in facts["labs"]:
            yield patient | _code("observation", tables, "labs", one["analyte"]) | {
                "observationStatus": "final", "observationCategory": "laboratory", "observationDateTime": one.get("at", ""),
                "observationValue": str(one["value"]), "observationValueUnits": one["unit"],
            }  # fmt: skip
    elif name == "Medication":
        for one in facts["medications"]:
            yield patient | _code("medication", tables, "drugs", one["drug"]) | {
                "medicationUseStatus": one["status"], "medicationUseOccuranceDateTime": one["start"],
            }  # fmt: skip
    else:
        for one in facts["procedures"]:
            yield patient | _code("procedure", tables, "procedures", one["procedure"]) | {
                "procedureStatus": one["status"], "procedurePerformedDateTime": one["at"],
            }  # fmt: skip


def _code(prefix: str, tables: dict[str, Any], table: str, words: str) -> Row:
    known = tables["codes"][table].get(words) or [{}]
    return {
        f"{prefix}Code": known[0].get("code", ""),
        f"{prefix}CodeSystem": known[0].get("system", ""),
        f"{prefix}CodeText": words,
    }


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as name:
        folder, count = Folder(Path(name)), 1
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "load":
                count = len(request["texts"])
                folder.write([json.loads(text) for text in request["texts"]], request["tables"])
                folder.convert()
                answer: dict[str, Any] = {"ready": version("linuxforhealth-csvtofhir")}
            elif request["do"] == "time":
                start = time.process_time()
                folder.convert()
                answer = {"cpu": (time.process_time() - start) / count * 1e6}
            else:
                answer = _shown(folder, request)
            print(json.dumps(answer), file=out, flush=True)


def _shown(folder: Folder, request: dict[str, Any]) -> dict[str, Any]:
    try:
        folder.write([json.loads(request["text"])], request["tables"])
        made = [{"resource": json.loads(text)} for text in folder.convert()]
    except Exception as error:  # whatever stops a peer: it made nothing
        return {"refused": f"{type(error).__name__}: {error}"[:300]}
    return {"made": json.dumps({"resourceType": "Bundle", "type": "collection", "entry": made}), "notes": []}


if __name__ == "__main__":
    main()
