"""python -m fhirconv"""

from fhirconv.cli import main

main(prog_name="fhirconv")
