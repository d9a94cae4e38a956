"""How the process runs: memory kept, denormals flushed, threads counted. No torch at import.

In: nothing, or a number of threads. Out: the process's allocator, threads and arithmetic are set;
call once, at the start, before anything imports torch. Nothing here changes which numbers a job
gets, except that results below about 1e-38 become 0.
"""

from __future__ import annotations

import ctypes
import os
import sys

# glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def prepare_process(threads: int | None = None) -> None:
    """Prepares this process for a job; `threads` None is OMP_NUM_THREADS, or else one for each
    processor allowed."""
    keep_freed_memory()
    let_idle_threads_sleep()
    import torch

    torch.set_flush_denormal(True)
    if threads or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads or available_processors())


def keep_freed_memory() -> bool:
    """Tells glibc to keep freed buffers instead of handing them back; whether it was told.

    By default every large tensor is mapped from the system when made and unmapped when freed, and
    each of its pages faults anew. As MALLOC_MMAP_MAX_=0 and MALLOC_TRIM_THRESHOLD_=-1 would, but
    without the user's setting them. Elsewhere (musl, macOS, Windows) nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    no_maps = libc.mallopt(_M_MMAP_MAX, 0)
    no_trim = libc.mallopt(_M_TRIM_THRESHOLD, -1)
    return bool(no_maps and no_trim)


def let_idle_threads_sleep() -> None:
    """Tells OpenMP's threads to sleep between parallel regions rather than to spin.

    Spinning threads take the processor from numba's threads and from other processes. OpenMP
    reads this when torch loads it, so afterwards it has no effect; what the user set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")  # the same for Intel's and LLVM's OpenMP


def available_processors() -> int:
    """Processors that this process may use: fewer than the machine's under taskset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
