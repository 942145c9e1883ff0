"""Against a real HAPI FHIR server: `pytest -m live`. Needs JDK 17 or newer and Maven; never skipped."""
