"""How much of a large case a page shows, so that it stays under 1 MB: here and nowhere else.

Beyond these the page says what is left out, and which command shows it.
"""

from __future__ import annotations

FACTS_IN_FULL = 80  # of a section, with their fields and resources: about 1.5 kB each
FACTS_IN_LINES = 300  # of a section, after those: about 0.15 kB each
ELEMENTS = 2500  # leaves of resources in all, each with what it was made from: about 0.2 kB each
FINDINGS = 100  # of one rule
QUOTED = 300  # quotes in the list of what was quoted
JSON_BYTES = 250_000  # of the Bundle
LINKED_POINTS = 300  # of a series, whose rows and marks lead to their facts; a longer one has rows of 50 bytes
LINKED_ROWS = 1000  # of all series
UNPLACED = 300  # facts without a place on an axis
