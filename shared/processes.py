"""Whether a process is there. Standard library alone; on every system."""

from __future__ import annotations

import ctypes
import os
import sys

QUERY_LIMITED_INFORMATION = 0x1000  # of Windows' OpenProcess: the least that it will tell


def is_alive(pid: int) -> bool:
    """Whether a process has this number; True where POSIX won't tell, as of somebody else's.

    Signal 0 asks without touching it, except on Windows, where it would end the process.
    """
    if pid <= 0:  # a group of processes, or none
        return True
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid)
        if handle:
            kernel.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
