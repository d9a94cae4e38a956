"""How Propsmith's numba kernels are compiled.

In: a function. Out: it compiled, once for each set of argument types, and kept on disk; it runs
without the interpreter's lock, and 1 / 0 is infinite.

A user waits for the compiler before the first picture, so there is no entry for callers from C,
which nobody uses. numba's cache looks at a function's own file alone: after a change here, or in a
kernel that another file's calls, touch the files that use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

MATHS = {"contract", "reassoc", "arcp", "nsz"}  # not "fast": NaN and infinity stay themselves


_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}


def kernel(function: Callable[..., Any]) -> Any:
    """The usual way."""
    return njit(**_OPTIONS)(function)


def relaxed_kernel(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be reordered, so that loops become vectors. The order is the
    compiler's, not the threads': the same on every run."""
    return njit(**_OPTIONS, fastmath=MATHS)(function)
