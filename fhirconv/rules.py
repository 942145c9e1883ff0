"""The catalogue of rules: everything that a finding can be about, with its severity, issue-type, layer and meaning.

Codes of issue-type: https://hl7.org/fhir/R4/valueset-issue-type.html. The invariants of R4 (obs-7, per-1, ...) are rules
too; they are not listed here but stand in the definitions (fhirconv.r4).
"""

from __future__ import annotations

import functools
from typing import NamedTuple


class Rule(NamedTuple):
    """A kind of finding. `title` says in plain words what holds; `url` leads to the paragraph that says so."""

    severity: str
    code: str
    layer: str
    title: str
    url: str = ""


_R4 = "https://hl7.org/fhir/R4/"
_CSV = "https://www.rfc-editor.org/rfc/rfc4180"

RULES: dict[str, Rule] = {
    # -- input: reading --
    "file-unreadable": Rule("fatal", "not-found", "input", "A file is there and can be read."),
    "damaged": Rule("fatal", "structure", "input", "A compressed file (gzip, zstd) is whole.", "https://www.rfc-editor.org/rfc/rfc1952"),
    "encoding": Rule("fatal", "structure", "input", "A file is UTF-8 text."),
    "empty-input": Rule("fatal", "structure", "input", "A file holds something."),
    "too-large": Rule("fatal", "too-long", "input", "A file and its texts are not larger than the limits."),
    "not-json": Rule("fatal", "structure", "input", "A .json file holds one JSON value.", "https://www.rfc-editor.org/rfc/rfc8259"),
    "not-yaml": Rule("fatal", "structure", "input", "A .yaml file holds one YAML document.", "https://yaml.org/spec/1.2.2/"),
    "yaml-feature": Rule("error", "not-supported", "input", "Anchors, tags and merge keys of YAML are not used."),
    "too-deep": Rule("fatal", "too-long", "input", "Values are not nested deeper than the limit."),
    "duplicate-key": Rule("error", "duplicate", "input", "A key stands once in an object.", _R4 + "json.html"),
    "number-limit": Rule("error", "too-long", "input", "A number has no more digits than the limit."),
    "content-unknown": Rule("fatal", "structure", "input", "A file holds case facts, or FHIR resources as JSON."),
    "blank-line": Rule("warning", "structure", "input", "A line of NDJSON holds a JSON object.", _R4 + "nd-json.html"),
    "not-a-table": Rule("fatal", "structure", "input", "A file is the table that its name says."),
    "table-header": Rule("fatal", "structure", "input", "A table has a line of column names, each of them once.", _CSV),
    "table-row": Rule("error", "structure", "input", "A row has a cell for each column, and its quotes close.", _CSV),
    "blank-row": Rule("warning", "structure", "input", "A row of a table has cells.", _CSV),
    "sheet-choice": Rule("warning", "informational", "input", "Of a workbook the sheet is read that was meant, and all of it can be seen."),
    "cell-shown": Rule("warning", "incomplete", "input", "A cell of a workbook shows all that it holds."),
    "character": Rule("error", "invalid", "input", "Text holds no control characters.", _R4 + "datatypes.html#string"),
    "case-twice": Rule("error", "duplicate", "input", "A case id stands once in a run: the Bundles of two would overwrite each other."),
    "patient-differs": Rule("error", "duplicate", "input", "Two Patients of one address say the same (fhirconv facts): the facts of two are never those of one."),
    "not-written": Rule("fatal", "no-store", "input", "What is made of a case has a file of its own, which can be written."),
    "large-output": Rule("warning", "too-long", "input", "What is made of a case is no larger than what fhirconv reads."),
    "record-failed": Rule("fatal", "exception", "input", "A record can be converted without a fault of fhirconv."),
    "worker-died": Rule("fatal", "exception", "input", "A worker process outlives the record that it converts."),
    # -- input: the schema of case facts --
    "unknown-key": Rule("error", "structure", "input", "Every key is one of the case-facts schema."),
    "missing-key": Rule("error", "required", "input", "Required keys are there."),
    "wrong-type": Rule("error", "structure", "input", "A value has the type that the schema says."),
    "empty-value": Rule("error", "invalid", "input", "No value is empty."),
    "not-a-choice": Rule("error", "code-invalid", "input", "A value is one of those that the schema lists."),
    "wrong-form": Rule("error", "value", "input", "A value is written as the schema says."),
    # -- input: the meaning of case facts --
    "date-invalid": Rule("error", "value", "input", "A date is one of the calendar, written YYYY, YYYY-MM or YYYY-MM-DD."),
    "date-ambiguous": Rule("error", "value", "input", "A date can be read in one way only."),
    "time-zone-missing": Rule("error", "value", "input", "A time of day has its time zone.", _R4 + "datatypes.html#dateTime"),
    "time-order": Rule("error", "invariant", "input", "A start is not after its end."),
    "time-choice": Rule("error", "invariant", "input", "A time is stated in one way."),
    "number-invalid": Rule("error", "value", "input", "A number is written as one."),
    "number-ambiguous": Rule("error", "value", "input", "A number can be read in one way only."),
    "number-completed": Rule("information", "informational", "input", "A number was completed: '.5' is read as 0.5."),
    "unit-unknown": Rule("error", "code-invalid", "input", "A unit is one of units.toml.", "https://ucum.org/ucum"),
    "unit-missing": Rule("warning", "required", "input", "A number has a unit."),
    "unit-without-value": Rule("error", "invariant", "input", "A unit belongs to a number."),
    "value-choice": Rule("error", "invariant", "input", "A result is stated in one way."),
    "value-missing": Rule("error", "required", "input", "A result is stated, or why it is absent."),
    "event-unknown": Rule("error", "not-found", "input", "An event that a time names is there."),
    "event-circle": Rule("error", "invariant", "input", "Events do not stand in a circle."),
    "event-unused": Rule("error", "invariant", "input", "An event is the time of something."),
    "reference-unknown": Rule("error", "not-found", "input", "A fact that another names is there."),
    "reference-wrong": Rule("error", "invalid", "input", "A fact names another of the right kind."),
    "id-duplicate": Rule("error", "duplicate", "input", "An id stands once in a case."),
    "fact-duplicate": Rule("error", "duplicate", "input", "Two facts of a case are not the same by kind, subject and time, unless each has an id."),
    "system-unknown": Rule("error", "code-invalid", "input", "The system of an identifier or a code is a URI, or one of systems.toml."),
    "code-twice": Rule("error", "duplicate", "input", "A code of the source stands once in a term."),
    "quote-not-found": Rule("error", "not-found", "input", "A quote stands in the source text, word for word."),
    "quote-lacks": Rule("warning", "incomplete", "input", "A quote holds the number or word that it is evidence of."),
    "quote-missing": Rule("warning", "required", "input", "Of a case with a source text and quotes, each fact has words of that text."),
    "source-unreadable": Rule("error", "not-found", "input", "The source text can be read."),
    "source-missing": Rule("warning", "incomplete", "input", "Quotes have a source text to be checked against."),
    # -- input: readers (tables and what other tools wrote) --
    "source-unknown": Rule("fatal", "not-supported", "input", "A source is one of what its reader reads."),
    "table-missing": Rule("fatal", "not-found", "input", "Each table that a reader needs is among the sources."),
    "column-missing": Rule("fatal", "not-found", "input", "A table has the columns that its reader reads."),
    "file-unread": Rule("warning", "incomplete", "input", "Each file of a folder is one of what its reader reads."),
    "row-without-case": Rule("error", "required", "input", "A row says which case it belongs to."),
    "row-unused": Rule("information", "informational", "input", "Each row of a table makes facts."),
    "row-alone": Rule("warning", "incomplete", "input", "Each case stands in the first table of its reader."),
    "cell-damaged": Rule("error", "value", "input", "A cell holds what was entered, not an error or the rounding of a spreadsheet."),
    "cell-unknown": Rule("error", "code-invalid", "input", "A cell is one of those that its reader lists."),
    "cell-form": Rule("error", "value", "input", "A cell is written as its reader says."),
    "cell-conflict": Rule("error", "conflict", "input", "Rows of a case do not say two things of one field."),
    "cell-kept": Rule("information", "informational", "input", "Cells are among those that their reader lists; others are kept as printed."),
    "cell-left": Rule("information", "informational", "input", "Each cell that says something is read."),
    "column-unread": Rule("warning", "incomplete", "input", "Each column is read, or left out with a reason."),
    "no-place": Rule("information", "informational", "input", "What a source says has a place in case facts."),
    # -- input: plausibility over the patient's course --
    "value-range": Rule("warning", "business-rule", "input", "A result is one that a patient can have (plausibility.toml)."),
    "value-jump": Rule("warning", "business-rule", "input", "A steady value does not change tenfold from one result to the next."),
    "value-conflict": Rule("warning", "conflict", "input", "A test on a specimen has one value at one time."),
    "dose-range": Rule("warning", "business-rule", "input", "A dose is one that a patient can get (plausibility.toml)."),
    "life-order": Rule("warning", "business-rule", "input", "Birth comes first, death last, and between them a life's length."),
    "age-conflict": Rule("warning", "conflict", "input", "An age agrees with the date of birth."),
    "therapy-order": Rule("warning", "business-rule", "input", "A therapy begins after its disease was found and after the course before it ended."),
    "metastasis-order": Rule("warning", "business-rule", "input", "A metastasis or recurrence comes after the cancer that it is of."),
    "stage-conflict": Rule("warning", "conflict", "input", "Stage groups and TNM categories of one judgement agree."),
    "sex-site": Rule("warning", "business-rule", "input", "A disease or procedure is of a part of the body that the patient has."),
    "name-negated": Rule("warning", "business-rule", "input", "A condition's name says what there is, not that it is not there or not sure."),
    # -- mapping --
    "field-lost": Rule("error", "not-supported", "mapping", "Every field of a fact is read by a rule."),
    "not-mapped": Rule("error", "not-supported", "mapping", "Every fact becomes a resource."),
    "round-trip": Rule("error", "incomplete", "mapping", "The Bundle of a case, read back, gives the same facts (convert --verify)."),
    "kept-as-text": Rule("information", "informational", "mapping", "Words without a code go out as text."),
    "mapping-syntax": Rule("error", "structure", "mapping", "A mapping is valid TOML."),
    "mapping-key": Rule("error", "structure", "mapping", "A mapping has only the keys that there are."),
    "mapping-source": Rule("error", "not-found", "mapping", "A mapping reads fields of the case-facts schema."),
    "mapping-target": Rule("error", "not-found", "mapping", "A mapping writes elements of R4."),
    "mapping-type": Rule("error", "invalid", "mapping", "A mapping writes values of the element's type."),
    "mapping-code": Rule("error", "code-invalid", "mapping", "A mapping writes codes of the element's required binding."),
    "mapping-lost": Rule("error", "incomplete", "mapping", "Every field of the schema is read by a mapping."),
    "mapping-table": Rule("error", "not-found", "mapping", "A table that a mapping names is there."),
    # -- structure --
    "resource-type": Rule("error", "structure", "structure", "A resource names its type, one of R4.", _R4 + "json.html#resources"),
    "unknown-element": Rule("error", "structure", "structure", "Every element is one of its type.", _R4 + "json.html"),
    "element-missing": Rule("error", "required", "structure", "Required elements are there.", _R4 + "conformance-rules.html#cardinality"),
    "element-repeats": Rule("error", "structure", "structure", "An element is a list where it may repeat, and only there.", _R4 + "json.html#repeat"),
    "element-type": Rule("error", "structure", "structure", "A value has the JSON type of its element.", _R4 + "json.html#primitive"),
    "element-choice": Rule("error", "structure", "structure", "A value that may be of several types (value[x]) stands once, as one of them.", _R4 + "formats.html#choice"),
    "element-empty": Rule("error", "invalid", "structure", "No object, list or text is empty, and none is null.", _R4 + "json.html"),
    "primitive-form": Rule("error", "value", "structure", "A primitive value has the form of its type.", _R4 + "datatypes.html#primitive"),
    "invariant-not-checked": Rule("information", "incomplete", "invariants", "An invariant can be decided within the limits.", _R4 + "conformance-rules.html#constraints"),
    "sqty-1": Rule("error", "invariant", "invariants", "A SimpleQuantity has no comparator.", _R4 + "datatypes.html#SimpleQuantity"),
    "attachment-data": Rule("error", "value", "structure", "Hash and size of an attachment are those of its data.", _R4 + "datatypes.html#Attachment"),
    "claim-of-another-type": Rule("error", "invalid", "structure", "A resource claims no base profile of another type.", _R4 + "profiling.html#resources"),
    "claim-unknown": Rule("error", "not-found", "structure", "A profile of HL7's namespace that is claimed is one of R4.", _R4 + "profiling.html#resources"),
    "coding-system": Rule("warning", "incomplete", "codes", "A code stands with its system.", _R4 + "datatypes-definitions.html#Coding.system"),
    "vital-sign": Rule("error", "structure", "structure", "An Observation with the code of a vital sign follows R4's profile for it.", _R4 + "observation-vitalsigns.html"),
    # -- bindings --
    "code-not-bound": Rule("error", "code-invalid", "bindings", "A code is one of its required value set.", _R4 + "terminologies.html#required"),
    "extension-url": Rule("error", "structure", "structure", "An extension has an absolute URL, unless it is a part of another.", _R4 + "extensibility.html#Extension"),
    "extension-unknown": Rule("error", "structure", "structure", "An extension of HL7's namespace is one that HL7 defines for R4.", _R4 + "extensibility.html"),
    "extension-not-checked": Rule("information", "incomplete", "structure", "The definition of an extension is at hand, so that the extension can be checked.", _R4 + "extensibility.html"),
    "extension-value": Rule("error", "structure", "structure", "An extension has the value or parts that its definition says.", _R4 + "extensibility.html"),
    "extension-place": Rule("error", "structure", "structure", "An extension stands where its definition says.", _R4 + "defining-extensions.html#context"),
    # -- references and Bundles --
    "reference-form": Rule("error", "value", "references", "A reference is Type/id, #id, a URL, or urn:uuid: in a Bundle.", _R4 + "references.html#literal"),
    "reference-target": Rule("error", "structure", "references", "A reference leads to a type that the element allows.", _R4 + "references.html"),
    "reference-dangling": Rule("error", "not-found", "references", "What a reference names within its Bundle or resource is there.", _R4 + "bundle.html#references"),
    "reference-type": Rule("error", "invalid", "references", "Reference.type is the type that the reference leads to.", _R4 + "references-definitions.html#Reference.type"),
    "contained": Rule("error", "structure", "references", "A contained resource has an id of its own and contains none.", _R4 + "references.html#contained"),
    "full-url": Rule("error", "value", "references", "The address of an entry (fullUrl) is absolute, stands once, and agrees with the resource's id.", _R4 + "bundle.html#bundle-unique"),
    "request": Rule("error", "invalid", "references", "The request of an entry fits its resource and the type of the Bundle.", _R4 + "http.html#transaction"),
    "response": Rule("error", "value", "references", "The status of a response begins with a status code of HTTP.", _R4 + "bundle-definitions.html#Bundle.entry.response.status"),
    "bundle-entry": Rule("error", "structure", "references", "Entries hold what the type of the Bundle asks for.", _R4 + "bundle.html"),
    "duplicate-id": Rule("error", "duplicate", "references", "An id stands once among what it identifies.", _R4 + "bundle.html#bundle-unique"),
    # -- codes and units --
    "system-form": Rule("error", "value", "codes", "A code system is named by its own URI, which is absolute.", _R4 + "terminologies-systems.html"),
    "system-undefined": Rule("error", "not-found", "codes", "A system in HL7's space is one that HL7 defines.", _R4 + "terminologies-systems.html"),
    "system-mismatch": Rule("error", "code-invalid", "codes", "A code has the form of its own system, not that of another.", _R4 + "datatypes.html#Coding"),
    "code-form": Rule("error", "code-invalid", "codes", "A code has the form and check digit of its system.", _R4 + "terminologies-systems.html"),
    "code-unknown": Rule("error", "code-invalid", "codes", "A code of an HL7 code system is one that it lists.", _R4 + "terminologies-systems.html"),
    "display-wrong": Rule("error", "invalid", "codes", "A display is the one that the system has for the code.", _R4 + "datatypes.html#Coding"),
    "ucum-invalid": Rule("error", "code-invalid", "codes", "A UCUM code follows the grammar of UCUM.", "https://ucum.org/ucum"),
    "ucum-meaning": Rule("warning", "code-invalid", "codes", "A UCUM code is not one that is easily mistaken for another.", "https://ucum.org/ucum"),
    "unit-contradicts": Rule("warning", "invalid", "codes", "The printed unit of a quantity is the one that its code says.", _R4 + "datatypes.html#Quantity"),
    "identifier-form": Rule("error", "value", "codes", "An identifier has an absolute system, and a URI for value where the system says so.", _R4 + "datatypes.html#Identifier"),
    "language-form": Rule("error", "code-invalid", "codes", "A language is a tag of BCP 47.", "https://www.rfc-editor.org/rfc/rfc5646"),
    "mime-form": Rule("error", "code-invalid", "codes", "A media type is written type/subtype.", "https://www.rfc-editor.org/rfc/rfc6838"),
    "currency-unknown": Rule("error", "code-invalid", "codes", "A currency is a code of ISO 4217.", _R4 + "valueset-currencies.html"),
    # -- narrative --
    "narrative-form": Rule("error", "structure", "narrative", "A narrative is one div of well-formed XHTML.", _R4 + "narrative.html#xhtml"),
    "narrative-unsafe": Rule("error", "security", "narrative", "A narrative holds nothing that runs or loads code.", _R4 + "security.html#narrative"),
    "narrative-nesting": Rule("error", "structure", "narrative", "Elements of a narrative stand where HTML allows them.", "https://www.w3.org/TR/html401/struct/global.html"),
    "narrative-link": Rule("error", "value", "narrative", "A link or image of a narrative has an address that can be followed.", _R4 + "narrative.html#xhtml"),
    "narrative-id": Rule("warning", "duplicate", "narrative", "An id stands once in a narrative.", _R4 + "narrative.html#id"),
    "narrative-character": Rule("warning", "value", "narrative", "A narrative holds no control characters.", "https://www.w3.org/TR/xml/#charsets"),
    # -- profiles --
    "profile-unknown": Rule("warning", "not-found", "profiles", "The definition of a profile that is claimed is at hand, so that the claim can be checked.", _R4 + "resource.html#profile-tags"),
    "profile-type": Rule("error", "structure", "profiles", "A value, and a resource, has a type that its profile allows.", _R4 + "profiling.html"),
    "profile-min": Rule("error", "required", "profiles", "What a profile asks for is there.", _R4 + "conformance-rules.html#cardinality"),
    "profile-max": Rule("error", "structure", "profiles", "Nothing stands more often than a profile allows.", _R4 + "conformance-rules.html#cardinality"),
    "profile-value": Rule("error", "value", "profiles", "A value is what a profile fixes, or holds its pattern.", _R4 + "elementdefinition-definitions.html#ElementDefinition.fixed_x_"),
    "profile-limit": Rule("error", "value", "profiles", "A value lies within the limits of a profile.", _R4 + "elementdefinition-definitions.html#ElementDefinition.minValue_x_"),
    "profile-target": Rule("error", "structure", "profiles", "A reference leads to a type that a profile allows.", _R4 + "references.html"),
    "profile-conformance": Rule("error", "structure", "profiles", "Where a profile asks for another profile, that one holds.", _R4 + "profiling.html"),
    "profile-slice": Rule("error", "structure", "profiles", "Slices are closed and ordered where a profile says so.", _R4 + "profiling.html#slicing"),
    "profile-binding": Rule("error", "code-invalid", "profiles", "A code is one of the value set that a profile binds to.", _R4 + "terminologies.html#strength"),
    "profile-invariant": Rule("error", "invariant", "profiles", "The invariants of a profile hold.", _R4 + "conformance-rules.html#constraints"),
    "profile-extension": Rule("error", "structure", "profiles", "An extension stands where its package says.", _R4 + "defining-extensions.html#context"),
    # -- further layers --
    "model": Rule("error", "structure", "models", "The models of fhir.resources (R4B) take the resource."),
    "server": Rule("error", "processing", "server", "The server's $validate has nothing against the resource.", _R4 + "resource-operation-validate.html"),
    "push-request": Rule("error", "business-rule", "server", "A record can be pushed again without making anything twice.", _R4 + "http.html#transaction"),
    "push-twice": Rule("error", "conflict", "server", "A resource comes once in a push, or always with the same content."),
    "push-left": Rule("warning", "business-rule", "server", "What is taken back was made by fhirconv, and its case is there as a whole."),
    "push-refused": Rule("error", "processing", "server", "The server takes what is pushed.", _R4 + "http.html#transaction-response"),
    "layer-not-run": Rule("error", "incomplete", "server", "A layer that was asked for could run."),
}


def rule(name: str) -> Rule:
    """The rule of this name: one of ours, or an invariant of R4. Raises KeyError for a name that nothing has."""
    return RULES[name] if name in RULES else _invariant(name)


def invariant_rules() -> dict[str, Rule]:
    """The invariants of R4 as rules, by key; their titles are HL7's words. (R4 has three that are called inv-1.)"""
    from fhirconv.r4 import invariant_keys

    return {key: _invariant(key) for key in invariant_keys()}


@functools.cache
def _invariant(key: str) -> Rule:
    from fhirconv.r4 import declarations  # not for every --help

    found = declarations(key)
    if not found:
        raise KeyError(key)
    type_name, first = found[0]
    words = list(dict.fromkeys(one.human for _, one in found))
    return Rule(first.severity, "invariant", "invariants", " / ".join(words), _R4 + _page(type_name.partition(".")[0]))


_PAGES = {
    "DataRequirement": "metadatatypes.html#DataRequirement",
    "Element": "element.html",
    "ElementDefinition": "elementdefinition.html",
    "Expression": "metadatatypes.html#Expression",
    "Extension": "extensibility.html#Extension",
    "Narrative": "narrative.html#Narrative",
    "Reference": "references.html#Reference",
    "TriggerDefinition": "metadatatypes.html#TriggerDefinition",
}


def _page(type_name: str) -> str:
    """Where R4 states the invariants of a resource or data type."""
    from fhirconv.r4 import kind_of

    if kind_of(type_name) == "resource":
        return f"{type_name.lower()}.html#invs"
    return _PAGES.get(type_name, f"datatypes.html#{type_name}")
