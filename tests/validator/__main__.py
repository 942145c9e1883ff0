"""Show what the validators say of any file: `python -m tests.validator [--engine hl7|hapi] [--errors] FILE...`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .install import SetupError, ensure
from .oracle import Engine, Oracle, OracleError

ENGINES: tuple[Engine, ...] = ("hl7", "hapi")


def main() -> int:
    """Print the findings per file and engine; returns 1 when one of them is an error, 2 when a judge failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.validator", description="What the validators say of files.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: both")
    parser.add_argument("--errors", action="store_true", help="print errors only")
    options = parser.parse_args()
    try:
        ensure()
        bad = [_judge(engine, options.files, options.errors) for engine in options.engine or ENGINES]
    except (SetupError, OracleError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return int(any(bad))


def _judge(engine: Engine, files: list[Path], errors_only: bool) -> bool:
    bad = False
    with Oracle(engine) as oracle:
        for path in files:
            found = oracle.outcome(path)
            failed = any(finding.is_error for finding in found)
            bad = bad or failed
            print(f"{engine}: {path}: {'INVALID' if failed else 'valid'}")
            for finding in found:
                if finding.is_error or not errors_only:
                    print(f"  {finding}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
