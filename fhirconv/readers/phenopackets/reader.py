"""The reader of phenopackets: files to packets, a packet to a case, and what was left of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fhirconv.compression import LINES, WHOLE, plain_suffix
from fhirconv.document import Document, Limits, Places, unreadable
from fhirconv.issues import Issue, has_errors, shown
from fhirconv.mapping import load_mappings
from fhirconv.readers import CODED
from fhirconv.readers.phenopackets.actions import make_actions
from fhirconv.readers.phenopackets.check import grow
from fhirconv.readers.phenopackets.clinical import make_conditions
from fhirconv.readers.phenopackets.curies import Curies
from fhirconv.readers.phenopackets.fields import schema
from fhirconv.readers.phenopackets.genomics import make_interpretations
from fhirconv.readers.phenopackets.maker import Maker
from fhirconv.readers.phenopackets.metadata import make_case
from fhirconv.readers.phenopackets.results import make_measurements
from fhirconv.readers.phenopackets.samples import make_samples
from fhirconv.readers.phenopackets.subject import make_patient
from fhirconv.readers.phenopackets.tree import Node
from fhirconv.readers.report import Report, What
from fhirconv.records import is_resource, read_records
from fhirconv.values.base import Tables

_MEMBERS = {"Family": ("proband", "relatives"), "Cohort": ("members",)}
_FIRST_VERSION = ("genes", "variants", "htsFiles", "hts_files")  # what only packets of version 1 have
_NAMED = (*WHOLE, *LINES)
_NOT_READ = "not read"


class PhenopacketReader:
    """Reads phenopackets, and the members of families and cohorts, each as a case."""

    name = "phenopacket"
    title = CODED[name][1]

    def __init__(self, mappings: Path | None = None) -> None:
        self._mappings = mappings

    def takes(self, path: Path) -> bool:
        """Whether a file may hold packets, by its name."""
        return plain_suffix(path.name) in _NAMED

    def read(self, paths: Sequence[Path], limits: Limits, report: Report) -> Iterator[Document]:
        """A Document for each packet; see fhirconv.readers.Reader."""
        tables = load_mappings(self._mappings).tables
        for path in paths:
            if path.is_dir():
                what = f"is a folder without a file named *{' or *'.join(_NAMED)}; folders in it are not searched"
                yield unreadable(str(path), "empty-input", what)
                continue
            report.files.append(str(path))
            for document in read_records(path, limits):
                yield from read_packets(document, tables, report)


def read_packets(document: Document, tables: Tables, report: Report) -> Iterator[Document]:
    """The cases of a document that holds a packet, a family or a cohort."""
    kind = _kind(document) if document.data is not None else ""
    top = grow(document, kind, document.data, "") if kind else None
    if top is None:
        yield replace(document, data=None)
        return
    members = [one for field in _MEMBERS[kind] for one in top.all(field)] if kind in _MEMBERS else [top]
    around = [issue for issue in document.issues if not any(_is_in(issue, member) for member in members)]
    if not members:
        yield replace(document, data=None)
    for member in members:
        own = [issue for issue in document.issues if _is_in(issue, member)]
        made = read_packet(replace(document, issues=around + own), member, top, tables)
        around = []
        if made.data is None or has_errors(made.issues):
            member.forget()  # it is refused as a whole: its values are not told of one by one
        else:
            report.take(made.data)
        yield made
    for leaf in top.leaves():
        if not leaf.is_read:
            report.leave("no-place", What(leaf.path, "", leaf.none or _NOT_READ), document.place(leaf.pointer))


def _is_in(issue: Issue, member: Node) -> bool:
    return f"{issue.place.pointer}/".startswith(f"{member.pointer}/")


def read_packet(document: Document, packet: Node, around: Node, tables: Tables) -> Document:
    """The case of a packet. `document` holds its issues so far; a family or cohort `around` it may have its metaData."""
    meta = packet.one("metaData") or around.one("metaData")
    curies = Curies(meta.all("resources") if meta else [])
    maker = Maker(document, packet, curies, tables)
    if packet.parts.get("id"):
        make_case(maker, meta)
        make_patient(maker)
        make_conditions(maker)
        make_actions(maker)  # before all that may tell of the same procedures again
        make_measurements(maker, packet)
        make_samples(maker)
        make_interpretations(maker)
    for message, pointer in curies.doubtful.values():
        maker.warn("system-unknown", message, pointer)
    for pointer, fact in maker.facts():
        line = document.place(maker.places[pointer]).line
        if line:
            fact["origin"] = {"file": Path(document.name).name, "row": line}
    return replace(document, data=maker.finished() or None, places=CasePlaces(maker.places, document.places))


class CasePlaces(Places):
    """The places of a case's facts and fields: those of the packet, found when they are asked for."""

    def __init__(self, pointers: dict[str, str], places: Places) -> None:
        super().__init__()
        self._pointers, self._places = pointers, places

    def __missing__(self, pointer: str) -> Any:
        return self._places[self._pointers[pointer]]

    def __reduce__(self) -> tuple[type[CasePlaces], tuple[dict[str, str], Places]]:
        return CasePlaces, (self._pointers, self._places)


def _kind(document: Document) -> str:
    """The message that a document holds; '' if it is none that can be read, which is noted."""
    data = document.data
    known = schema().messages["Phenopacket"].by_name.keys() | {"proband", "relatives", "members"}
    if not isinstance(data, dict) or is_resource(data) or not known & data.keys():
        document.add(
            "content-unknown", "holds no phenopacket: an object with 'id', 'subject' and 'metaData' was expected"
        )
        return ""
    meta = data.get("metaData", data.get("meta_data"))
    version = (
        meta.get("phenopacketSchemaVersion", meta.get("phenopacket_schema_version", ""))
        if isinstance(meta, dict)
        else ""
    )
    old = next((key for key in _FIRST_VERSION if key in data), "")
    if str(version).startswith("1") or (old and not version):
        found = f"of schema version {shown(version)}" if version else f"of version 1, for it has '{old}'"
        document.add(
            "content-unknown",
            f"is a phenopacket {found}; expected version 2. Convert it first, for example by 'pxf convert' of phenopacket-tools",
            "/metaData/phenopacketSchemaVersion" if version else f"/{old}",
        )
        return ""
    return "Family" if "proband" in data or "relatives" in data else "Cohort" if "members" in data else "Phenopacket"
