"""Terms: the words of the source for a concept, with the codes that the source itself gives for them.

Most are plain text, and stay so. A term with codes is text too, so that whatever reads words reads it; what makes a
CodeableConcept asks for its codings. Source: https://hl7.org/fhir/R4/datatypes.html#CodeableConcept
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.issues import nearest, shown
from fhirconv.memory import Memory
from fhirconv.validation.codes import code_findings
from fhirconv.validation.system_uris import uri_problem

Codings = tuple[dict[str, str], ...]  # as FHIR has them: system (URI), code, display


class Term(str):
    """Words with codes of the source. Where it gives codes alone, `words` is empty, and the text is what names the first."""

    __slots__ = ("codings", "key", "said", "words")
    words: str
    codings: Codings
    said: str  # words and codes, for people
    key: str  # what the term is known by: its words, else its codes, however their systems are named

    def with_words(self, words: str) -> Term:
        """The same codes under other words."""
        return _term(words, words or str(self), self.codings, self.said, words or self.key)

    def sought_as(self, text: str) -> Term:
        """The same words and codes, looked up by another text."""
        return _term(self.words, text, self.codings, self.said, self.key)


def _term(words: str, text: str, codings: Codings, said: str, key: str) -> Term:
    made = Term(text)
    made.words, made.codings, made.said, made.key = words, codings, said, key
    return made


def words_of(value: object) -> str:
    """A value in words; of a term with codes, those too."""
    return value.said if isinstance(value, Term) else str(value)


class Mistake(NamedTuple):
    """What is wrong with a term: rule, message, and the path to it from the term."""

    rule: str
    message: str
    path: tuple[str | int, ...]


class Reading(NamedTuple):
    """A term as it was read: plain text if it states no codes. What is only doubtful is told of the FHIR that it makes."""

    term: str
    mistakes: tuple[Mistake, ...]


class Terms:
    """Reads terms that fit the schema; those that come again are remembered."""

    def __init__(self, systems: Mapping[str, str]) -> None:
        """`systems` are the code systems of systems.toml: URI by name."""
        self._systems = systems
        self._names = {uri: name for name, uri in systems.items()}
        self._known = Memory(self._read, most=8192)

    def read(self, given: Mapping[str, Any]) -> Reading:
        """The term that an object states."""
        codes = given.get("codes", ())
        parts = (part for code in codes for part in (code["system"], code["code"], code.get("display", "")))
        return self._known[given.get("text", ""), *parts]

    def _read(self, stated: tuple[str, ...]) -> Reading:
        words, *parts = stated
        if not parts:
            return Reading(words, ())
        systems, codes, displays = parts[::3], parts[1::3], parts[2::3]
        uris = [self._systems.get(system, system) for system in systems]
        codings = tuple(
            {"system": uri, "code": code} | ({"display": display} if display else {})
            for uri, code, display in zip(uris, codes, displays, strict=True)
        )
        labels = [f"{self._names.get(uri, uri)} {code}" for uri, code in zip(uris, codes, strict=True)]
        text = words or displays[0] or labels[0]
        said = ", ".join(labels) if text == labels[0] else f"{text} ({', '.join(labels)})"
        key = words or " ".join(sorted(f"{uri} {code}" for uri, code in zip(uris, codes, strict=True)))
        return Reading(_term(words, text, codings, said, key), tuple(self._mistakes(systems, codings)))

    def _mistakes(self, systems: list[str], codings: Codings) -> Iterator[Mistake]:
        seen = set()
        for position, (name, coding) in enumerate(zip(systems, codings, strict=True)):
            system, code = coding["system"], coding["code"]
            if (system, code) in seen:
                message = f"the code {shown(code)} of {shown(name)} stands here twice; state it once"
                yield Mistake("code-twice", message, ("codes", position))
            elif uri_problem(system):
                near = nearest(system, self._systems)
                message = f"{shown(system)} is neither a URI nor a name under [code] in systems.toml{near}"
                yield Mistake("system-unknown", message, ("codes", position, "system"))
            else:
                for found in code_findings(system, code):
                    if found.severity != "warning" or found.rule == "code-form":
                        yield Mistake(found.rule, found.message, ("codes", position, *found.path))
            seen.add((system, code))
