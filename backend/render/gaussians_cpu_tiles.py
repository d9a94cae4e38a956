"""Which Gaussians touch which 16 x 16 tile, front to back: numba kernels, parallel over views.

In: projected Gaussians. Out: for every tile a run of Gaussian indices sorted by depth, and for
every Gaussian a run of slots in which the backward pass leaves each tile's share of its gradient,
so that these are summed in a fixed order whatever the threads do. Kerbl et al. 2023, section 6,
with one sort per view instead of one sort of (tile, depth) keys.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

TILE = 16
MIN_ALPHA = 1 / 255
DIGIT = 2048  # 11 bits: three passes sort 33


@helper
@no_type_check
def _depth_order(depths, count, source, target, starts):
    """Sorts source[:count], indices, by ascending positive depth, stably: a radix sort on the
    float's bits. The outcome is in `target`, which like starts (DIGIT + 1,) is room to work in."""
    keys = depths.view(np.uint32)
    for shift in (np.uint32(0), np.uint32(11), np.uint32(22)):
        for digit in range(DIGIT + 1):
            starts[digit] = 0
        for i in range(count):
            starts[np.int64((keys[source[i]] >> shift) & np.uint32(DIGIT - 1)) + 1] += 1
        for digit in range(DIGIT):
            starts[digit + 1] += starts[digit]
        for i in range(count):
            digit = np.int64((keys[source[i]] >> shift) & np.uint32(DIGIT - 1))
            target[starts[digit]] = source[i]
            starts[digit] += 1
        source, target = target, source


@helper
@no_type_check
def _tile_range(centre, extent, tiles):
    """Half-open range of tiles that [centre - extent, centre + extent] touches."""
    low = min(max((centre - extent) / TILE, 0.0), np.float64(tiles))
    high = min(max((centre + extent) / TILE + 1, 0.0), np.float64(tiles))
    return np.int32(low), np.int32(high)


@kernel
@no_type_check
def _measure(first, end, step, means2d, sigmas, opacities, tiles_x, tiles_y, extents, rects, radii):
    """Extents in pixels, rectangles in tiles and radii; they stay zero for what can't be seen."""
    for n in range(first, end, step):
        # Where opacity exp(-r^2 / 2) falls to MIN_ALPHA: the box is exact, not a 3-sigma guess.
        peak = np.float64(opacities[n]) / MIN_ALPHA
        if not peak > 1:
            continue
        reach = np.sqrt(2 * np.log(peak))
        for b in range(sigmas.shape[0]):
            ex, ey = reach * sigmas[b, n, 0], reach * sigmas[b, n, 1]
            if not ex > 0:
                continue
            x0, x1 = _tile_range(np.float64(means2d[b, n, 0]), ex, tiles_x)
            y0, y1 = _tile_range(np.float64(means2d[b, n, 1]), ey, tiles_y)
            if x1 <= x0 or y1 <= y0:
                continue
            extents[b, n, 0], extents[b, n, 1] = ex, ey
            rects[b, n, 0], rects[b, n, 1], rects[b, n, 2], rects[b, n, 3] = x0, x1, y0, y1
            radii[b, n] = np.int32(min(np.ceil(max(ex, ey)), 1e9))


@kernel
@no_type_check
def _count(first, end, step, rects, tiles_x, per_tile, per_gaussian):
    """How many Gaussians each tile (B, T) and how many tiles each Gaussian (B, N) has."""
    for b in range(first, end, step):
        for n in range(rects.shape[1]):
            x0, x1, y0, y1 = rects[b, n, 0], rects[b, n, 1], rects[b, n, 2], rects[b, n, 3]
            per_gaussian[b, n] = (x1 - x0) * (y1 - y0)
            for ty in range(y0, y1):
                for tx in range(x0, x1):
                    per_tile[b, ty * tiles_x + tx] += 1


@kernel
@no_type_check
def _fill(
    first, end, step,
    depths, radii, rects, tiles_x, tile_starts, gaussian_starts,
    all_chosen, all_orders, all_digits, all_cursors, entries, slots,
):  # fmt: skip
    """Enters every view's Gaussians into its tiles, front to back. The arrays of "all", a row a
    view, are room to work in."""
    views, count = depths.shape
    per_view = (tile_starts.size - 1) // views
    for b in range(first, end, step):
        chosen, order, cursors = all_chosen[b], all_orders[b], all_cursors[b]
        for tile in range(per_view):
            cursors[tile] = tile_starts[b * per_view + tile]
        seen = np.int64(0)  # a plain 0 would be a type of its own, and compiled for
        for n in range(count):
            if radii[b, n] > 0:
                chosen[seen] = n
                seen += 1
        _depth_order(depths[b], seen, chosen, order, all_digits[b])
        for k in range(seen):  # after an odd number of passes
            n = order[k]
            slot = gaussian_starts[b * count + n]
            for ty in range(rects[b, n, 2], rects[b, n, 3]):
                for tx in range(rects[b, n, 0], rects[b, n, 1]):
                    tile = ty * tiles_x + tx
                    entries[cursors[tile]] = n
                    slots[cursors[tile]] = slot
                    cursors[tile] += 1
                    slot += 1


def bin_tiles(means2d, depths, sigmas, opacities, width, height):
    """extents (B, N, 2), radii (B, N), entries (E,), slots (E,), and the starts of runs.

    Entries tile_starts[t] to tile_starts[t + 1] are tile t's Gaussians (t counts views, then
    rows, then columns); slots gaussian_starts[b * N + n] onward belong to Gaussian n in view b.
    """
    views, count = depths.shape
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    extents = np.zeros((views, count, 2), np.float32)
    rects, radii = np.zeros((views, count, 4), np.int32), np.zeros((views, count), np.int32)
    seen = (means2d, sigmas, opacities, tiles_x, tiles_y, extents, rects, radii)
    in_parallel(_measure, count, *seen, in_turn=False)
    tile_starts = np.zeros(views * tiles_x * tiles_y + 1, np.int64)
    gaussian_starts = np.zeros(views * count + 1, np.int64)
    per_tile = tile_starts[1:].reshape(views, -1)
    per_gaussian = gaussian_starts[1:].reshape(views, count)
    in_parallel(_count, views, rects, tiles_x, per_tile, per_gaussian)
    np.cumsum(tile_starts, out=tile_starts)
    np.cumsum(gaussian_starts, out=gaussian_starts)
    entries, slots = (np.empty(tile_starts[-1], np.int64) for _ in range(2))
    starts = (tile_starts, gaussian_starts)
    sizes = (count, count, DIGIT + 1, tiles_x * tiles_y)
    room = [np.empty((views, size), np.int64) for size in sizes]
    in_parallel(_fill, views, depths, radii, rects, tiles_x, *starts, *room, entries, slots)
    return extents, radii, entries, slots, *starts
