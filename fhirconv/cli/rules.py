"""fhirconv rules"""

from __future__ import annotations

import click

from fhirconv.cli import Exit, say
from fhirconv.issues import nearest
from fhirconv.rules import RULES, Rule, invariant_rules


@click.command("rules")
@click.argument("name", required=False, metavar="[ID]")
def command(name: str | None) -> None:
    """Explain a rule in plain words, or list all rules."""
    rules = RULES | invariant_rules()
    if name is None:
        for one, found in sorted(rules.items(), key=lambda item: (item[1].layer, item[0])):
            click.echo(f"{found.layer:11} {found.severity:11} {one:24} {found.title}")
    elif name in rules:
        _explain(name, rules[name])
    else:
        say(f"there is no rule {name!r}{nearest(name, rules)}")
        raise click.exceptions.Exit(Exit.USAGE)


def _explain(name: str, rule: Rule) -> None:
    click.echo(f"{name}: {rule.title}")
    click.echo(f"  layer {rule.layer}, usually {rule.severity}, issue type {rule.code}")
    if rule.url:
        click.echo(f"  {rule.url}")
