"""The most memory that a process of its own takes.

Not by ru_maxrss: Linux lets a new process begin with that of the one that started it, and a test run is large.
"""

from pathlib import Path


def peak_kb() -> int:
    """That of this process up to now, in kB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


TELL_PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1], file=sys.stderr)"
"""Python that prints it, in kB, as the last line of standard error. It needs `sys`, and Linux."""
