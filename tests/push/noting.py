"""A process that notes without end, for tests that stop it: python -m tests.push.noting FILE FIRST [BYTES | nobody].

It says "open", then each note once it was made, then "refused: why" and ends. BYTES is the largest file that it may
write; nobody is whom it turns into, if it can, before it opens the journal. It ends with its standard input, too.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from itertools import count
from pathlib import Path

from fhirconv.pushing.journal import Binding, Journal, JournalError

BINDING = Binding("http://127.0.0.1:1/fhir", "aa" * 32, "bb" * 32, "0.1.0")
DIGEST = "cd" * 32
NOBODY = 65534


def say(words: str) -> None:
    """Whole lines, at once: whoever reads them may kill us for it."""
    os.write(1, f"{words}\n".encode())


def main(file: str, first: str, limit: str = "") -> None:
    """Notes until something stops it."""
    if limit == "nobody":
        os.setuid(NOBODY)
    elif limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        with Journal(Path(file), BINDING) as journal:
            say("open")
            for number in count(int(first)):
                journal.note(number, 0, "in flight", DIGEST)
                say(f"{number} in flight")
                journal.note(number, 0, "done", DIGEST, created=number)
                say(f"{number} done")
    except JournalError as error:
        say(f"refused: {error}")


if __name__ == "__main__":
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    main(*sys.argv[1:])
