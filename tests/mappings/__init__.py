"""Mappings as pages, and compared."""
