"""A draft of mappings for words without a code: entries of concept tables, as comments, for someone who looks codes up.

Nothing is guessed: what stands in a draft are the words of the cases, and entries that the table has already, beside those
words that differ by slips of the pen alone. As long as all is comment, such a file changes nothing.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fhirconv.account.account import Words
from fhirconv.facts import fold
from fhirconv.issues import printable

_MOST_NEAR = 3
_SHORT = 6
"""Letters below which a word with another letter is another word."""
_COMPARED = 500
"""Of a table, the most frequent words that are compared with what it has: that takes a millisecond for each."""

_HEAD = """\
# Words that have no code in concepts/{table}.toml, the most frequent first. They are words of patients' records.
# To add one: look its codes up, take the first '#' away from its lines, fill in the codings; display = "..." may be added.
# Text only, on purpose: codings = []. Where a word means what an entry of the table means, give that entry the word ('also')
# in place of a new one: after 'did you mean', take both '#' away from those two lines, and nothing from the rest.
# Then: fhirconv mappings check FOLDER.
"""


class _Word(NamedTuple):
    """Spellings of one word, the most frequent first."""

    spellings: list[str]
    number: int


def drafts_of(words: Iterable[Words], mappings: Mapping[str, Any]) -> dict[str, str]:
    """TOML for each concept table by its name; `mappings` is what the files of mappings/ say (Mappings.raw)."""
    by_table: dict[str, list[Words]] = {}
    for one in words:
        by_table.setdefault(one.table, []).append(one)
    return {
        table: "\n".join([_HEAD.format(table=table), *_entries(found, mappings[f"concepts/{table}"])])
        for table, found in sorted(by_table.items())
    }


def _entries(words: list[Words], table: Mapping[str, Any]) -> Iterator[str]:
    systems = sorted({coding["system"] for entry in table.values() for coding in entry.get("codings", ())})
    spellings = {
        fold(one): key
        for key, entry in table.items()
        for one in (key, key.replace("-", " "), entry["text"], *entry.get("also", ()))
    }
    keys = set(table)
    for position, word in enumerate(_grouped(words)):
        own = spellings.get(fold(word.spellings[0]))
        lines = [f"# {word.number:,}x: {printable(word.spellings[0])}"]
        if own and table[own].get("codings"):  # an entry of a site would take the place of these codes
            yield f"# {lines[0]}\n# # [{own}] has codes, but none for these facts (of a result: look at its unit)\n"
            continue
        if own:
            lines += ["# stands in the table, without codes:", f"[{own}]"]
        else:
            for key in _near(word.spellings[0], spellings) if position < _COMPARED else ():
                lines += (f"# {line}" for line in _known(key, table[key], word))
            lines += _new(_key(word.spellings[0], keys), word)
        lines += [
            "codings = [",
            '  { system = "", code = "", verified = "" },'
            + (f"  # the table has {', '.join(systems)}" if systems else ""),
            "]",
        ]
        yield "".join(f"# {line}\n" for line in lines)


def _grouped(words: list[Words]) -> list[_Word]:
    """Words that are compared as one, as one."""
    found: dict[str, list[Words]] = {}
    for one in words:
        found.setdefault(fold(one.words), []).append(one)
    made = [_Word([one.words for one in group], sum(one.number for one in group)) for group in found.values()]
    return sorted(made, key=lambda word: -word.number)


def _known(key: str, entry: Mapping[str, Any], word: _Word) -> list[str]:
    """The table's own entry, with the word added."""
    codes = [
        " ".join(filter(None, (one["system"], one["code"], one.get("display")))) for one in entry.get("codings", ())
    ]
    return [
        f"did you mean {printable(entry['text'])} ({'; '.join(codes) or 'no codes'})? Then only these two:",
        f"[{key}]",
        f"also = [{', '.join(map(_quoted, word.spellings))}]",
    ]


def _new(key: str, word: _Word) -> list[str]:
    first, *others = map(_quoted, word.spellings)
    return [f"[{key}]", f"text = {first}", *([f"also = [{', '.join(others)}]"] if others else [])]


def _near(word: str, spellings: Mapping[str, str]) -> list[str]:
    """Keys of the entries of which some spelling differs from the word by slips alone."""
    parts = fold(word).split()
    return list(dict.fromkeys(key for one, key in spellings.items() if _is_slip(parts, one.split())))[:_MOST_NEAR]


def _is_slip(words: list[str], others: list[str]) -> bool:
    """Word for word the same but for slips. A word more or less is another meaning: no cancer is a cancer of the colon."""
    return len(words) == len(others) and all(map(_same_word, words, others))


def _same_word(one: str, other: str) -> bool:
    """Equal, or long words with one letter wrong, missing, too many, or two exchanged: hypotension is no hypertension.

    In short words and in numbers (HER2, T3) one character more is another thing.
    """
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORT or not (one.isalpha() and other.isalpha()):
        return False
    for _ in range(2):  # without what they begin with alike; turned round: and end with
        alike = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
        one, other = one[alike:][::-1], other[alike:][::-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])


def _key(word: str, taken: set[str]) -> str:
    """A key for a new entry that no other has. A key is looked up as a word, too: so it says nothing but this word."""
    folded = fold(word)
    key = folded.replace(" ", "-")
    if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key) or key in taken:
        key = next(name for name in map("word-{}".format, itertools.count(1)) if name not in taken)
    taken.add(key)
    return key


def _quoted(text: str) -> str:
    """A basic string of TOML (https://toml.io/en/v1.0.0#string) in one line, with what cannot be seen as an escape."""
    return re.sub(
        r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]",
        lambda found: f"\\u{ord(found.group()):04x}",
        json.dumps(text, ensure_ascii=False),
    )
