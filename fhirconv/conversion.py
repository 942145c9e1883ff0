"""The main job: a case into a Bundle. Never prints, never exits, raises only when the mappings cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirconv.build import Build, KeptText
from fhirconv.bundle import check_type, dump_json, make_bundle, read_dumped
from fhirconv.checks import check_case
from fhirconv.document import Document
from fhirconv.evidence import check_evidence
from fhirconv.facts import Case, merged_into, read_case
from fhirconv.issues import ConversionError, Issue, by_place, has_errors
from fhirconv.ledger import Ledger, by_outcome, count_settled, rejected, settled
from fhirconv.mapping import DEFAULT_PROFILE, Mappings, load_mappings
from fhirconv.plausibility import check_plausibility
from fhirconv.source import read_file, read_given
from fhirconv.validation.fast import findings_of
from fhirconv.validation.located import located

if TYPE_CHECKING:
    from fhir.resources.R4B.bundle import Bundle


class Conversion:
    """What became of one case.

    It can be pickled; one that was has no `build`, and reads its Bundle, ledger and case only when they are asked for.
    """

    __slots__ = ("_bundle", "_case", "_issues", "_json", "_ledger", "_packed", "build", "findings")

    def __init__(
        self, bundle: dict[str, Any] | None, issues: list[Issue], case: Case | None, build: Build | None = None
    ) -> None:
        self.findings = issues  # what was found, in the order of the file, without the words that are kept as text
        self.build = build
        self._issues: list[Issue] | None = None
        self._bundle = bundle
        self._case = case
        self._ledger: Ledger | None = None
        self._json = self._packed = b""  # of one that was pickled: what was not asked for yet

    def __repr__(self) -> str:
        return f"Conversion(ok={self.ok}, findings={len(self.findings)})"

    def __reduce__(self) -> tuple[Any, ...]:
        import pickle  # only between processes

        packed = self._packed or pickle.dumps((self.ledger, self.case.document), 5)
        return _unpickled, (self.json() if self.ok else b"", self.findings, self.issues, packed)

    @property
    def issues(self) -> list[Issue]:
        """All findings in the order of the file. Words kept as text get their places when this is asked for first."""
        if self._issues is None:
            kept = [_kept(self.case, one) for one in self.build.kept_as_text] if self.build else []
            self._issues = by_place([*self.findings, *kept]) if kept else self.findings
            self.case.issues[:] = self._issues
        return self._issues

    @property
    def bundle(self) -> dict[str, Any] | None:
        """A FHIR R4 Bundle as plain JSON data (decimals as Decimal, with their digits); None when the case has errors."""
        if self._json:
            self._bundle, self._json = read_dumped(self._json), b""
        return self._bundle

    @property
    def case(self) -> Case:
        """The facts that were read."""
        if self._case is None:
            self._unpack()
        assert self._case is not None
        return self._case

    @property
    def ledger(self) -> Ledger:
        """What became of every fact; made when it is asked for (that it adds up was checked by convert)."""
        if self._packed:
            self._unpack()
        if self._ledger is None:
            self._ledger = settled(self.case, self.build) if self.build and self.ok else rejected(self.case)
        return self._ledger

    def counts(self) -> dict[str, int]:
        """Number of facts by outcome, as `ledger.counts()` has it: cheaper where nothing else of the ledger is wanted."""
        return by_outcome(self.section_counts())

    def section_counts(self) -> Counter[tuple[str, str]]:
        """Number of facts by section and outcome, as `ledger.by_section()` has it."""
        if self._ledger is None and not self._packed and self.build is not None and self.ok:
            return count_settled(self.case, self.build)
        return self.ledger.by_section()

    def _unpack(self) -> None:
        import pickle

        self._ledger, document = pickle.loads(self._packed)  # noqa: S301  # made by __reduce__ above
        self._case, self._packed = read_case(replace(document, issues=[])), b""
        self._case.issues[:] = self.issues

    @property
    def ok(self) -> bool:
        """Whether there is a Bundle."""
        return bool(self._json) or self._bundle is not None

    def json(self, indent: bool = False) -> bytes:
        """The Bundle as JSON (UTF-8). Raises ConversionError when there is none."""
        if self._json and not indent:
            return self._json
        if self.bundle is None:
            raise ConversionError(self.issues)
        return dump_json(self.bundle, indent)

    def models(self) -> Bundle:
        """The Bundle as fhir.resources R4B models (imported only here; they do not keep the digits of numbers).

        Raises ConversionError when there is no Bundle.
        """
        from fhir.resources.R4B.bundle import Bundle

        return Bundle.model_validate_json(self.json())

    def resource_counts(self) -> dict[str, int]:
        """Number of resources by type, sorted by type."""
        bundle = read_dumped(self._json) if self._json else self._bundle
        entries = bundle["entry"] if bundle else []
        return dict(sorted(Counter([entry["resource"]["resourceType"] for entry in entries]).items()))


def _unpickled(data: bytes, findings: list[Issue], issues: list[Issue], packed: bytes) -> Conversion:
    made = Conversion(None, findings, None)
    made._json, made._issues, made._packed = data, issues, packed
    return made


def convert(
    case: str | Path | Mapping[str, Any],
    *,
    profile: str = DEFAULT_PROFILE,
    bundle: str = "transaction",
    mappings: str | Path | None = None,
    source: str | Path | None = None,
    validate: bool = True,
    verify: bool = False,
) -> Conversion:
    """Converts one case: a file (YAML or JSON) or a dict of case facts (see `fhirconv schema`).

    `profile` is 'r4' or a name in mappings/profiles; `bundle` transaction, batch or collection; `mappings` a folder
    laid over fhirconv's own; `source` a text that the quotes are checked against in place of the case's 'source.text';
    `validate=False` leaves the Bundle unchecked, for those who measure; `verify=True` reads it back into facts, and a
    difference to those of the case is an error ('round-trip').
    Raises MappingError for mappings that cannot be used, ValueError for an unknown `bundle` or `profile`. Findings about
    the case are in the result's issues.
    """
    loaded = load_mappings(Path(mappings) if mappings else None, profile)
    if isinstance(case, Mapping):
        return convert_document(read_given(case), loaded, bundle, Path(source) if source else None, validate, verify)
    return convert_document(read_file(Path(case)), loaded, bundle, Path(source) if source else None, validate, verify)


def convert_document(
    document: Document,
    mappings: Mappings,
    bundle: str = "transaction",
    source: Path | None = None,
    validate: bool = True,
    verify: bool = False,
) -> Conversion:
    """Converts a document that was read before; see `convert`."""
    check_type(bundle)
    case = check_document(document, mappings, source)
    if has_errors(case.issues):
        return Conversion(None, by_place(case.issues), case)
    build = Build(case, mappings, bundle)
    _check_nothing_lost(case, build)
    if has_errors(case.issues):
        return Conversion(None, by_place(case.issues), case)
    build.run()
    made = make_bundle(build.entries, bundle)
    if validate:
        findings = findings_of(made)
        if mappings.profile != DEFAULT_PROFILE:
            from fhirconv.validation.profiled import claim_findings  # profiles are loaded by who claims them

            findings += claim_findings(made)
        case.issues.extend(located(findings, made, case, build))
    if verify:
        from fhirconv.back.verify import round_trip_issues

        case.issues.extend(round_trip_issues(build, made))
    return Conversion(None if has_errors(case.issues) else made, by_place(case.issues), case, build)


def _kept(case: Case, kept: KeptText) -> Issue:
    message = f"'{kept.words}' has no code in concepts/{kept.table}.toml; it goes out as text"
    return Issue("kept-as-text", message, case.place(kept.fact, tuple(kept.field.split("."))))


def _check_nothing_lost(case: Case, build: Build) -> None:
    """Every fact makes a resource or is merged into one, and every field of it is read by a rule that is for this fact."""
    if not build.unsettled:
        return
    for fact in case.facts:
        if not build.entries_of(fact) and merged_into(case, fact) is None:
            case.add("not-mapped", f"no mapping takes this fact of '{fact.section.name}'; see mappings/resources", fact)
            continue
        for name in build.unread_fields(fact):
            where = (
                "on the fact that it is the time of" if merged_into(case, fact) else "in another field, or remove it"
            )
            message = f"no rule reads '{name}' of such a fact, so it would be lost; say it {where}"
            case.add("field-lost", message, fact, tuple(name.split(".")))


def check_document(document: Document, mappings: Mappings, source: Path | None = None) -> Case:
    """The case of a document with all checks of the input run; nothing is converted."""
    case = read_case(document)
    if document.data is not None:
        suspects = check_case(case, mappings.tables, mappings.limits)
        check_evidence(case, source)
        check_plausibility(case, mappings.tables, mappings.limits, suspects)
    return case
