"""How much memory this process takes. No torch."""

from __future__ import annotations

import os
from pathlib import Path


def resident_memory() -> int:
    """Bytes in memory; the peak where the system tells no more, 0 where it tells nothing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return _peak()
    return pages * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
