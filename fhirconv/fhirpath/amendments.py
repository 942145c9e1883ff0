"""The published invariants of R4 that do not say what their words say, and what is evaluated in their place.

An invariant whose expression gives nothing is not met (HL7's validator sees it so). Several published texts give nothing
on right data, or cannot fail; HL7's validator evaluates others instead, and so do we. Where it is noted, we follow the
words of the invariant although that validator does not report it.
"""

from __future__ import annotations

AMENDED = {
    # -0 of every canonical resource: nothing where there is no name; any name with a capital letter passes.
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": "name.empty() or name.matches('^[A-Z][A-Za-z0-9_]{0,254}$')",
    # bdl-8: nothing without fullUrl.
    "fullUrl.contains('/_history/').not()": "fullUrl.empty() or fullUrl.contains('/_history/').not()",
    # con-3: compares a CodeableConcept with text, so that it is always met. HL7's own amendment is always met, too.
    (
        "clinicalStatus.exists() or verificationStatus.coding.where(system="
        "'http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() "
        "or category.select($this='problem-list-item').empty()"
    ): (
        "clinicalStatus.exists() or verificationStatus.coding.where(system="
        "'http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists() "
        "or category.coding.where(system='http://terminology.hl7.org/CodeSystem/condition-category' "
        "and code = 'problem-list-item').empty()"
    ),
    # dom-3: cannot be evaluated ('as' on many items), lets two contained resources hold only each other.
    (
        "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | "
        "%resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#')"
        ".exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#')"
        ".exists()).not()).trace('unmatched', id).empty()"
    ): "orphans().empty()",
    # dom-6: meant for the resource that stands for itself; a contained one may not have narrative at all.
    "text.`div`.exists()": "%resource != %rootResource or text.`div`.exists()",
    # eld-19, eld-20: without ends any part of the path would do.
    (
        r"""path.matches('[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}"""
        r"""(\\.[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\[x\\])?(\\:[^\\s\\.]+)?)*')"""
    ): (
        r"""path.matches('^[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}"""
        r"""(\\.[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}(\\[x\\])?(\\:[^\\s\\.]+)?)*$')"""
    ),
    r"path.matches('[A-Za-z][A-Za-z0-9]*(\\.[a-z][A-Za-z0-9]*(\\[x])?)*')": (
        r"path.matches('^[A-Za-z][A-Za-z0-9]*(\\.[a-z][A-Za-z0-9]*(\\[x\\])?)*$')"
    ),
    # opd-3: a parameter of a resource type may be narrowed, too.
    "targetProfile.exists() implies (type = 'Reference' or type = 'canonical')": (
        "targetProfile.exists() implies (type = 'Reference' or type = 'canonical' "
        "or type.memberOf('http://hl7.org/fhir/ValueSet/resource-types'))"
    ),
    # que-7: FHIR's boolean is not the Boolean of FHIRPath.
    "operator = 'exists' implies (answer is Boolean)": "operator = 'exists' implies (answer is boolean)",
    # que-12: "more than one" is not "more than two".
    "enableWhen.count() > 2 implies enableBehavior.exists()": "enableWhen.count() > 1 implies enableBehavior.exists()",
    # ras-2: nothing where there is no probability.
    "probability is decimal implies (probability as decimal) <= 100": (
        "probability.ofType(decimal).empty() or probability.ofType(decimal) <= 100"
    ),
    # ref-1: nothing where only an identifier or a display stands; '#' is the container.
    (
        "reference.startsWith('#').not() or "
        "(reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))"
    ): (
        "reference.empty() or reference = '#' or reference.startsWith('#').not() "
        "or reference.substring(1) in %rootResource.contained.id"
    ),
    # tim-9: 'in' takes one item, and there may be several 'when'.
    "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))": (
        "offset.empty() or (when.exists() and when.intersect('C' | 'CM' | 'CD' | 'CV').empty())"
    ),
}

# Two invariants of one text: what stands in the narrative, and that anything stands there.
AMENDED_BY_KEY = {"txt-1": "htmlChecks1()", "txt-2": "htmlChecks2()"}
