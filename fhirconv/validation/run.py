"""Validation of files, resources, Bundles and cases: the layers in their order, every finding as an Issue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirconv.client.address import check_base
from fhirconv.client.errors import ServerError
from fhirconv.document import LIMITS, Document, Limits
from fhirconv.issues import Issue, by_place
from fhirconv.mapping import DEFAULT_PROFILE, load_mappings
from fhirconv.profiles.packages import BUILT_IN
from fhirconv.records import is_case, is_resource, read_records, read_stream
from fhirconv.source import read_value
from fhirconv.validation.expressions import expression_of, path_of, pointer_of, standing
from fhirconv.validation.fast import findings_of, quick_findings
from fhirconv.validation.finding import Finding
from fhirconv.validation.layers import BASE, LAYERS, Layer, LayerRun
from fhirconv.validation.located import located
from fhirconv.validation.profiled import ProfileLayer, is_canonical
from fhirconv.validation.server import server_findings

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.mapping import Mappings

_UNKNOWN = (
    "is neither a FHIR resource (it has no 'resourceType') nor a case (it has none of its sections, such as 'case' and "
    "'patient'); resources go into a Bundle, or one a line into an .ndjson file"
)


_RAN = {layer.name: LayerRun(layer.name, "ran") for layer in LAYERS}


@dataclass(slots=True)
class Validation:
    """What became of one record: all findings in the order of the file, and what became of each layer."""

    issues: list[Issue]
    layers: dict[str, LayerRun] = field(default_factory=dict)


class Validator:
    """Validates record after record with the same options; definitions are loaded when they are first needed.

    `profile` is 'r4', the name of a profile set ('mcode') or the canonical URL of a profile; `packages` are FHIR packages
    (folder, .tgz, or NAME#VERSION in ~/.fhir/packages); `strict` adds the models of fhir.resources; `server` a FHIR
    server whose $validate is asked: its base URL or, with credentials and the like, a FhirClient. Raises PackageError for
    a package that cannot be used, ValueError for an unknown profile or what can be no base URL, MappingError for mappings
    that cannot be used.
    """

    def __init__(
        self,
        profile: str = DEFAULT_PROFILE,
        packages: Sequence[str | Path] = (),
        strict: bool = False,
        server: str | FhirClient = "",
        mappings: str | Path | None = None,
    ) -> None:
        self._site = Path(mappings) if mappings else None
        self._profile = DEFAULT_PROFILE if is_canonical(profile) else profile
        self._profiles = ProfileLayer(profile, packages)
        self._strict, self._server = strict, server
        if server and isinstance(server, str):
            check_base(server)
        self._layers = {layer.name: self._before(layer) for layer in LAYERS}
        self._mappings: Mappings | None = None
        if self._profile not in (DEFAULT_PROFILE, *BUILT_IN):
            self._mappings = load_mappings(self._site, self._profile)  # a profile of the site's own, or none: then it says so

    def check(self, document: Document) -> Validation:
        """Validates one record: a resource or Bundle, or a case, which is converted and its Bundle validated."""
        made = Validation(list(document.issues), self._layers.copy())
        self._ran(made, "input")
        if any(issue.severity == "fatal" for issue in made.issues) or (document.data is None and made.issues):
            return made
        if is_resource(document.data):
            self._resource(document, made)
        elif is_case(document.data):
            self._case(document, made)
        else:
            made.issues.append(Issue("content-unknown", _UNKNOWN, document.place("")))
        made.issues = by_place(made.issues)
        return made

    def _before(self, layer: Layer) -> LayerRun:
        """What stands for a layer until it runs."""
        asked = {"profiles": self._profiles.is_asked, "models": self._strict, "server": bool(self._server)}
        return LayerRun(layer.name, "not reached" if asked.get(layer.name, True) else "not asked for")

    def _resource(self, document: Document, made: Validation) -> None:
        made.layers["mapping"] = LayerRun("mapping", "nothing to do")
        self._ran(made, *BASE)
        findings = [one for one in findings_of(document.data) if not self._is_defined(one, document.data)]
        findings += self._asked(document.data, made)
        made.issues += issues_of(findings, document)
        self._ask_server(document, document.data, made, lambda found: issues_of(found, document))

    def _is_defined(self, finding: Finding, resource: Any) -> bool:
        """Whether a finding misses the definition of an extension that a package has."""
        if finding.rule != "extension-not-checked":
            return False
        for step in finding.path:
            resource = resource[step]
        return self._profiles.defines(resource)

    def _case(self, document: Document, made: Validation) -> None:
        if self._mappings is None:
            self._mappings = load_mappings(self._site, self._profile)
        from fhirconv.conversion import convert_document  # with all that makes Bundles: resources need none of it

        result = convert_document(document, self._mappings, validate=False)
        made.issues = list(result.issues)
        if result.bundle is None or result.build is None:
            return
        self._ran(made, "mapping", *BASE)
        findings = [*findings_of(result.bundle), *self._asked(result.bundle, made)]
        bundle, build = result.bundle, result.build
        made.issues += located(findings, bundle, result.case, build)
        self._ask_server(document, bundle, made, lambda found: located(found, bundle, result.case, build))

    def _asked(self, resource: dict[str, Any], made: Validation) -> list[Finding]:
        """The layers that run when they are asked for."""
        findings, made.layers["profiles"] = self._profiles.run(resource)
        if self._strict:
            from fhirconv.validation.models import model_findings

            findings += model_findings(resource)
            self._ran(made, "models")
        return findings

    def _ask_server(
        self,
        document: Document,
        resource: dict[str, Any],
        made: Validation,
        where: Callable[[list[Finding]], Iterator[Issue]],
    ) -> None:
        if not self._server:
            return
        try:
            found = server_findings(resource, self._server)
        except ServerError as error:
            made.layers["server"] = LayerRun("server", "could not run", (str(error),))
            made.issues.append(Issue("layer-not-run", f"the server layer did not run: {error}", document.place("")))
            return
        self._ran(made, "server")
        findings = [Finding("server", message, path_of(resource, at), severity) for severity, message, at in found]
        made.issues += where(findings)

    @staticmethod
    def _ran(made: Validation, *layers: str) -> None:
        for name in layers:
            made.layers[name] = _RAN[name]


def _has_claims(resource: Mapping[str, Any]) -> bool:
    """Whether a resource that is right, or an entry of a Bundle that is, claims a profile."""
    if resource["resourceType"] != "Bundle":
        return "profile" in resource.get("meta", ())
    return any("profile" in entry["resource"].get("meta", ()) for entry in resource["entry"])


def issues_of(findings: Sequence[Finding], document: Document) -> Iterator[Issue]:
    """Findings about a document's own data as Issues, each with its line."""
    for rule, message, path, severity in findings:
        place = document.place(pointer_of(standing(document.data, path)))
        yield Issue(rule, message, place, expression_of(document.data, path), severity)


def validate(
    target: str | Path | bytes | Mapping[str, Any],
    *,
    profile: str = DEFAULT_PROFILE,
    packages: Sequence[str | Path] = (),
    strict: bool = False,
    server: str | FhirClient = "",
    mappings: str | Path | None = None,
    limits: Limits = LIMITS,
) -> list[Issue]:
    """Everything that is wrong with a resource, a Bundle or a case; an empty list when nothing is.

    `target` is a file (JSON, YAML, NDJSON), the bytes of one, or a dict; whether it holds resources or case facts is told
    by its content ('resourceType'). See Validator for the options and what is raised.
    """
    plain = profile == DEFAULT_PROFILE and limits == LIMITS and not (packages or strict or server)
    if plain and isinstance(target, dict) and is_resource(target) and quick_findings(target) == [] and not _has_claims(target):
        return []  # the usual end, without a copy or a walk
    validator = Validator(profile, packages, strict, server, mappings)
    if isinstance(target, Mapping):
        documents: Iterator[Document] = iter((read_value(dict(target), limits=limits),))
    elif isinstance(target, bytes):
        documents = read_stream(BytesIO(target), "", limits)
    else:
        documents = read_records(Path(target), limits)
    return [issue for document in documents for issue in validator.check(document).issues]
