"""Nearest points: scipy's k-d tree, built so that a job's arithmetic can't break it.

In: points. Out: a tree to query. A job flushes subnormal numbers to zero (runtime.py); scipy splits
a node whose median is its least coordinate just above that, and just above 0 is such a number. The
split then parts nothing, and the recursion ends in a crash of the process: for any points of which
half lie in one of the planes through the origin and none behind it, as of a prop that stands there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from scipy.spatial import cKDTree

_SUBNORMAL = 1e-310


def tree_of(points: np.ndarray) -> cKDTree:
    """points: (P, K). The tree, the same as without flushing."""
    with _ieee_arithmetic():
        return cKDTree(points)


def flushes_subnormals() -> bool:
    """Whether this thread's arithmetic makes 0 of them; see runtime.py."""
    return bool(torch.tensor(_SUBNORMAL, dtype=torch.float64).mul(1.0) == 0)


@contextmanager
def _ieee_arithmetic() -> Iterator[None]:
    """This thread keeps subnormal numbers meanwhile."""
    flushes = flushes_subnormals()
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushes)
