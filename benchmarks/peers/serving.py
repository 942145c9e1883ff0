"""The side of a peer that is written in Python: requests as lines of JSON on stdin, answers on stdout.

Runs under the peer's own Python (3.9 or newer) and imports nothing but the standard library.

    {"do": "load", "texts": [...], "tables": {...}}  -> {"ready": "the peer's version"}; converts all once, to warm up
    {"do": "time"}                                   -> {"cpu": microseconds of CPU for each of the texts}
    {"do": "show", "text": "...", "tables": {...}}   -> {"made": "JSON text", "notes": [...]} or {"refused": "why"}
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Made(NamedTuple):
    """A Bundle as JSON text, and what the peer says it left out."""

    text: str
    notes: tuple[str, ...] = ()


Convert = Callable[[Any], Made]


def serve(version: str, converter: Callable[[Any], Convert], read: Callable[[str], Any] = json.loads) -> None:
    """Answers until stdin ends. `converter` takes the tables of loads.tables_by_hand; `read` is outside of the clock."""
    out, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no answer
    convert: Any = None
    facts: list[Any] = []
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "load":
            convert, facts = converter(request["tables"]), [read(text) for text in request["texts"]]
            for one in facts:
                convert(one)
            answer: Any = {"ready": version}
        elif request["do"] == "time":
            answer = {"cpu": _timed(convert, facts)}
        else:
            answer = _shown(converter(request["tables"]), read, request["text"])
        print(json.dumps(answer), file=out, flush=True)


def _timed(convert: Convert, facts: list[Any]) -> float:
    start = time.process_time()
    for one in facts:
        convert(one)
    return (time.process_time() - start) / len(facts) * 1e6


def _shown(convert: Convert, read: Callable[[str], Any], text: str) -> dict[str, Any]:
    try:
        made = convert(read(text))
    except Exception as error:  # whatever stops a peer: it made nothing
        return {"refused": f"{type(error).__name__}: {error}"[:300]}
    return {"made": made.text, "notes": list(made.notes)}
