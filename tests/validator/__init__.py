"""Two judges that are not ours: HL7's validator engine and HAPI's validator chain, offline (see README.md)."""
