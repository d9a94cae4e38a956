"""How Propsmith's numba kernels are compiled.

In: a function. Out: it compiled, once for each set of argument types, and kept on disk
(kernel_cache.py); it runs without the interpreter's lock, and 1 / 0 is infinite.

A user waits for the compiler before the first picture, so there is no entry for callers from C,
which nobody uses, and helpers, which only kernels call, have none for Python either: a third of
what a small one takes. While numba compiles, Python's collector of cycles rests: it would go
through all of torch's objects again and again, for an eighth of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from threading import Lock
from typing import Any

from numba.core import event

from backend.render.kernel_cache import cached_njit

MATHS = {"contract", "reassoc", "arcp", "nsz"}  # not "fast": NaN and infinity stay themselves


_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}
_HELPS: dict[str, Any] = _OPTIONS | {"no_cpython_wrapper": True}


def kernel(function: Callable[..., Any]) -> Any:
    """The usual way."""
    return cached_njit(function, _OPTIONS)


def relaxed_kernel(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be reordered, so that loops become vectors. The order is the
    compiler's, not the threads': the same on every run."""
    return cached_njit(function, _OPTIONS | {"fastmath": MATHS})


def helper(function: Callable[..., Any]) -> Any:
    """For kernels to call; Python can't."""
    return cached_njit(function, _HELPS)


def relaxed_helper(function: Callable[..., Any]) -> Any:
    """A helper whose sums may be reordered."""
    return cached_njit(function, _HELPS | {"fastmath": MATHS})


class _RestingCollector(event.Listener):
    """Switches the collector off from the first compilation's start to the last one's end."""

    def __init__(self) -> None:
        self.lock, self.running, self.was_on = Lock(), 0, False

    def on_start(self, event: event.Event) -> None:
        with self.lock:
            if self.running == 0:
                self.was_on = gc.isenabled()
                gc.disable()
            self.running += 1

    def on_end(self, event: event.Event) -> None:
        with self.lock:
            self.running -= 1
            if self.running == 0 and self.was_on:
                gc.enable()


event.register("numba:compile", _RestingCollector())
