"""Case facts as text: YAML that reads back as what it was, JSON, a line of NDJSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhirconv.bundle import dump_json
from fhirconv.numbers import is_json_number


def dump_yaml(case: dict[str, Any]) -> bytes:
    """A case as YAML by the rules that cases are read by: numbers keep their digits, and text that looks like one is quoted."""
    import yaml  # with JSON there is no need of it

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def number(dumper: Any, value: Any) -> yaml.ScalarNode:
        digits = dump_json(value).decode()
        return yaml.ScalarNode(
            dumper.resolve(yaml.ScalarNode, digits, (True, False)), digits
        )  # so that no tag is written

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        is_plain = value.isprintable() and not is_json_number(value)
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')

    Dumper.add_representer(str, text)
    Dumper.add_multi_representer(Decimal, number)
    Dumper.add_representer(float, number)
    made: str = yaml.dump(case, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=1000)
    return made.encode()


def dump_case(case: dict[str, Any], suffix: str) -> bytes:
    """A case in the form that the ending of a file name asks for: YAML, or JSON."""
    return dump_yaml(case) if suffix in (".yaml", ".yml") else dump_json(case, indent=True)
