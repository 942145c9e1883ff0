"""Write fhirconv/data/mappings.sha256: the digest of mappings/, once every check of every profile and reader found no mistake in it.

With it fhirconv knows that its own mappings need no further check, and reads of them what a run needs
(fhirconv/mapping/own.py). Without it, or with another one, they are checked whenever they are read: slower, never wrong.

    python tools/mappings_digest.py
"""

from __future__ import annotations

import os
import sys

from fhirconv.data_files import data_file
from fhirconv.issues import MappingError
from fhirconv.mapping import check_mappings, profiles
from fhirconv.mapping.own import digest, is_proven
from fhirconv.readers import check_readers


def main() -> int:
    """Check and write; returns the exit code."""
    try:
        for profile in profiles():
            check_mappings(None, profile)
        check_readers()
    except MappingError as error:
        print(error, file=sys.stderr)
        return 1
    if not is_proven():
        if os.environ.get("CI"):  # what would be written here would be lost
            print("mappings/ was changed: run 'make lint' and commit fhirconv/data/mappings.sha256", file=sys.stderr)
            return 1
        data_file("mappings.sha256").write_bytes(f"{digest()}\n".encode())
        print("mappings/ was changed and has no mistake: noted in fhirconv/data/mappings.sha256")
    return 0


if __name__ == "__main__":
    sys.exit(main())
