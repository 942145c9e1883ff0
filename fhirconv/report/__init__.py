"""The page that people look at: the course of a patient, and what became of each fact."""
