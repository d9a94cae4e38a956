"""Thin parts on a grid: found where they are faint, made as thick as the next grid can hold.

In: samples (R, R, R) over [-1, 1]^3. Out: the same. Legs and handles are what a small prior tells
least about: their Gaussians are few and faint, and smoothing eats what is two voxels wide.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

NEAR = 0.07  # canonical units: half of a cube's side, in which the peak is looked for


def local_limit(values: np.ndarray, least: float, most: float) -> np.ndarray:
    """Half of the highest value near each sample, kept between `least` and `most`.

    One limit for all loses a faint leg or swells the seat above it; half of what is there is
    where a soft edge lies, whatever it is the edge of.
    """
    half = max(1, round(NEAR / spacing_of(values)))
    peak = ndimage.maximum_filter(values, size=2 * half + 1, mode="nearest")
    return np.clip(peak / 2, least, most)


def thicken(level: np.ndarray, radius: float) -> np.ndarray:
    """Raises `level` (positive inside) until every part holds balls of `radius`, in canonical
    units. What does already is left as it is."""
    wanted = radius / spacing_of(level)
    depth = ndimage.distance_transform_edt(level > 0)
    core = depth >= wanted
    opened = core if not core.any() else ndimage.distance_transform_edt(~core) < wanted
    ridge = (depth > 0) & ~opened & (depth >= ndimage.maximum_filter(depth, size=3))
    if not ridge.any():
        return level
    return np.maximum(level, wanted - ndimage.distance_transform_edt(~ridge))


def spacing_of(values: np.ndarray) -> float:
    """Canonical units between two samples."""
    return 2.0 / (values.shape[0] - 1)
