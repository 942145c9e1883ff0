"""Putting records on a FHIR server: what is to be there, in which transactions, once and only once."""
