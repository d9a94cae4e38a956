"""One tile of 16 x 16 pixels as the compositing kernels see it: planes of values and small helpers.

A Gaussian is taken over the rows of a tile that it reaches, as one flat run of pixels, so that
the compiler can vectorise; hence the uint64 indices (signed ones might be negative, which costs a
branch), the float32 constants, and an exponential made of a polynomial.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

from backend.render.kernels import helper, relaxed_helper

TILE = 16
PIXELS = 256
INNER = 3  # channels that the inner loops take along
# A tile's values lie in one array, plane by plane at distances that the compiler knows: between
# separate arrays it would have to check before every run of pixels that none overlaps another.
PX, PY, LEFT, LAST, WEIGHT, DEPTH, BEHIND, COLOR, COLOR_1, COLOR_2 = (
    np.uint64(plane * PIXELS) for plane in range(10)
)
FIRST_COLOR = 7  # the number of the plane of the first channel
MIN_ALPHA = np.float32(1 / 255)
MAX_ALPHA = np.float32(0.999)
OPAQUE = np.float32(1e-4)  # more than this is left behind every Gaussian that is drawn
ONE, ZERO, HALF = np.float32(1), np.float32(0), np.float32(0.5)
# exp(z - 0.75) for |z| <= 0.75: least squares of the relative error (2e-8) at Chebyshev points.
E0, E1, E2, E3 = (np.float32(c) for c in (0.47236654, 0.4723666, 0.23618372, 0.07872698))
E4, E5, E6, E7 = (np.float32(c) for c in (0.019677637, 0.0039388863, 0.0006689, 9.208885e-05))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
@no_type_check
def falloff(power):
    """exp for power in [-6, 0], held at -6 below: exp(power / 4) as a polynomial, then ^4."""
    z = max(power, np.float32(-6)) * np.float32(0.25) + np.float32(0.75)
    p = E6 + z * E7
    p = E5 + z * p
    p = E4 + z * p
    p = E3 + z * p
    p = E2 + z * p
    p = E1 + z * p
    p = E0 + z * p
    p = p * p
    return p * p


@helper
@no_type_check
def rows_reached(centre_y, extent_y, top):
    """First and one-past-last pixel of the rows of the tile at `top` that a Gaussian reaches."""
    low = min(max(np.ceil(centre_y - extent_y - top - HALF), ZERO), np.float32(TILE))
    high = min(max(np.floor(centre_y + extent_y - top + HALF), ZERO), np.float32(TILE))
    return np.uint64(low) * np.uint64(TILE), np.uint64(max(low, high)) * np.uint64(TILE)


@helper
@no_type_check
def whitened_at(mx, my, p, q, r, left, top):
    """p, q, r, and what s and t are at the corner (left, top) of a tile: taken in float64, as
    the tile may lie far from the mean and yet near the axis of a needle."""
    dx, dy = np.float64(left) - mx, np.float64(top) - my
    s, t = p * dx + q * dy, r * dy
    return np.float32(p), np.float32(q), np.float32(r), np.float32(s), np.float32(t)


@relaxed_helper
@no_type_check
def add_plane(first, end, tile, source, factor, target):
    """Plane `target` += factor * plane `source` over pixels [first, end)."""
    for i in range(first, end):
        tile[target + i] += factor * tile[source + i]


@relaxed_helper
@no_type_check
def all_ended(tile):
    """Whether every pixel has ended: LEFT then holds its transmittance with a minus sign."""
    open_pixels = ZERO
    for i in range(np.uint64(PIXELS)):
        open_pixels += ONE if tile[LEFT + i] > ZERO else ZERO
    return open_pixels == ZERO


@helper
@no_type_check
def plane_of(channel):
    """Where a channel's plane begins."""
    return np.uint64((FIRST_COLOR + channel) * PIXELS)


@helper
@no_type_check
def new_tile(channels):
    """Pixel centres, counted from the tile's corner, and zeros."""
    tile = np.empty((FIRST_COLOR + max(channels, INNER)) * PIXELS, np.float32)
    for i in range(tile.size):
        tile[i] = ZERO
    for i in range(PIXELS):
        tile[PX + np.uint64(i)] = i % TILE + HALF
        tile[PY + np.uint64(i)] = i // TILE + HALF
    return tile
