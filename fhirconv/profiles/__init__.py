"""Profiles from FHIR packages: reading the packages, and checking resources against the profiles they claim."""
