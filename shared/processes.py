"""Whether a process is there. Standard library alone; on every system."""

from __future__ import annotations

import ctypes
import os
import sys

# Windows' own numbers.
QUERY_LIMITED_INFORMATION = 0x1000  # the least that OpenProcess gives
ACCESS_DENIED = 5  # what it says of other users' processes
STILL_ACTIVE = 259  # the exit code of who has not ended


def is_alive(pid: int) -> bool:
    """Whether a process has this number; True where the system won't tell, as of somebody else's.

    Signal 0 asks without touching it, except on Windows, where it would end the process.
    """
    if pid <= 0:  # a group of processes, or none
        return True
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_alive_on_windows(pid: int) -> bool:
    """An ended process keeps its number while somebody holds a handle: its exit code tells."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid))
    if not handle:
        return ctypes.get_last_error() == ACCESS_DENIED  # type: ignore[attr-defined]
    code = ctypes.c_ulong()
    told = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not told or code.value == STILL_ACTIVE
