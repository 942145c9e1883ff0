"""Other converters, each in an environment and a process of its own; see service.py."""
