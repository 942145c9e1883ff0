"""The ways in: what users have (tables, phenopackets) into case facts."""
