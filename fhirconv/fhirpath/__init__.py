"""FHIRPath over plain JSON resources of R4: enough for every invariant of R4 and of profiles.

    env = Env(resource=node, root=node)
    compile_expression("name.exists()").holds(node, env)

Spec: http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
"""

from fhirconv.fhirpath.errors import FhirPathError, FhirPathLimit, FhirPathUndecided
from fhirconv.fhirpath.expression import Expression, compile_expression
from fhirconv.fhirpath.nodes import Node, children, named, root_node
from fhirconv.fhirpath.running import Env

__all__ = [
    "Env",
    "Expression",
    "FhirPathError",
    "FhirPathLimit",
    "FhirPathUndecided",
    "Node",
    "children",
    "compile_expression",
    "named",
    "root_node",
]
