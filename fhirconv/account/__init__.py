"""The account of a run: what became of its cases, for people and programs, on request without patient data."""
