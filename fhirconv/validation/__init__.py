"""Validation of FHIR R4 resources in layers: what each finds becomes an Issue."""
