"""Rows P01 to P40 through the command, against a real HAPI: faults in front of it (faults.py), truth behind it (oracle.py)."""
