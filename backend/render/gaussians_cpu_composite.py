"""Front-to-back compositing of tiles: numba kernels, parallel over tiles.

In: projected Gaussians and the tiles' runs of `gaussians_cpu_tiles`. Out: colours over plain
backgrounds, sums of depth, and alpha. Kerbl et al. 2023, section 4. `gaussians_cpu_back` has the
gradient.

Three channels go along in the same pass over the pixels, the common case; more of them each in one
of its own. The falloff's exponent is s^2 + t^2 with s = p dx + q dy and t = r dy, both counted from
the tile's corner.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.gaussians_cpu_tile import (
    COLOR,
    COLOR_1,
    COLOR_2,
    DEPTH,
    INNER,
    LAST,
    LEFT,
    MAX_ALPHA,
    MIN_ALPHA,
    ONE,
    OPAQUE,
    PIXELS,
    PX,
    PY,
    TILE,
    WEIGHT,
    ZERO,
    add_plane,
    all_ended,
    falloff,
    new_tile,
    plane_of,
    rows_reached,
    whitened_at,
)
from backend.render.kernels import kernel, relaxed_helper
from backend.threads import in_parallel


@relaxed_helper
@no_type_check
def _weigh(first, end, tile, p, q, r, s0, t0, opacity, k, depth, c0, c1, c2):
    """One Gaussian over pixels [first, end): weights, transmittances, who was drawn last, and the
    sums of depth and three channels."""
    for i in range(first, end):
        y = tile[PY + i]
        s, t = s0 + p * tile[PX + i] + q * y, t0 + r * y
        alpha = min(opacity * falloff(-(s * s + t * t)), MAX_ALPHA)
        left = tile[LEFT + i]
        after = left - alpha * left
        seen = alpha >= MIN_ALPHA
        drawn = seen & (after > OPAQUE)
        weight = alpha * left if drawn else ZERO
        # Not on `drawn`: two choices by one condition are compiled to stores under a mask, for
        # which the next Gaussian's loads have to wait.
        after = after if seen else left
        tile[WEIGHT + i] = weight
        tile[LEFT + i] = after if after > OPAQUE else -abs(left)
        tile[LAST + i] = k if drawn else tile[LAST + i]
        tile[DEPTH + i] += depth * weight
        tile[COLOR + i] += c0 * weight
        tile[COLOR_1 + i] += c1 * weight
        tile[COLOR_2 + i] += c2 * weight


def composite(
    means2d, roots, depths, opacities, colors, backgrounds, extents, entries, tile_starts,
    width, height,
):  # fmt: skip
    """Colours (B, H, W, C) over backgrounds (B, C), alphas and depth sums (B, H, W, 1); for the way
    back, each tile pixel's last entry drawn and final transmittance (tiles, 256)."""
    views, channels = depths.shape[0], colors.shape[2]
    out = np.empty((views, height, width, channels), np.float32)
    out_alpha = np.empty((views, height, width, 1), np.float32)
    out_depth = np.empty((views, height, width, 1), np.float32)
    tiles = len(tile_starts) - 1
    last, left = np.empty((tiles, PIXELS), np.float32), np.empty((tiles, PIXELS), np.float32)
    in_parallel(
        _composite_tiles, tiles,
        means2d, roots, depths, opacities, colors, backgrounds, extents, entries, tile_starts,
        out, out_alpha, out_depth, last, left,
    )  # fmt: skip
    return out, out_alpha, out_depth, last, left


@kernel
@no_type_check
def _composite_tiles(
    first_task, end_task, step,
    means2d, roots, depths, opacities, colors, backgrounds, extents, entries, tile_starts,
    out, out_alpha, out_depth, all_last, all_left,
):  # fmt: skip
    height, width, channels = out.shape[1:]
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    tile, inner = new_tile(channels), np.empty(INNER, np.float32)
    for c in range(INNER):
        inner[c] = ZERO
    for t in range(first_task, end_task, step):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        x0, y0 = rest % tiles_x * TILE, rest // tiles_x * TILE
        for i in range(LEFT, tile.size):
            tile[i] = ZERO
        for i in range(PIXELS):
            tile[LEFT + np.uint64(i)], tile[LAST + np.uint64(i)] = ONE, -ONE
        a = b if colors.shape[0] > 1 else 0
        start = tile_starts[t]
        for e in range(start, tile_starts[t + 1]):
            n = entries[e]
            mx, my = means2d[b, n, 0], means2d[b, n, 1]
            p, q, r, s0, t0 = whitened_at(
                mx, my, roots[b, n, 0], roots[b, n, 1], roots[b, n, 2], x0, y0
            )  # fmt: skip
            first, end = rows_reached(my, extents[b, n, 1], np.float32(y0))
            for c in range(min(channels, INNER)):
                inner[c] = colors[a, n, c]
            _weigh(
                first, end, tile, p, q, r, s0, t0, opacities[n], np.float32(e - start),
                depths[b, n], inner[0], inner[1], inner[2],
            )  # fmt: skip
            for c in range(INNER, channels):
                add_plane(first, end, tile, WEIGHT, colors[a, n, c], plane_of(c))
            if (e - start) % 16 == 15 and all_ended(tile):
                break
        for i in range(LEFT, LAST):
            tile[i] = abs(tile[i])
        for row in range(min(TILE, height - y0)):
            for column in range(min(TILE, width - x0)):
                y, x, i = y0 + row, x0 + column, np.uint64(row * TILE + column)
                for c in range(channels):
                    out[b, y, x, c] = tile[plane_of(c) + i] + tile[LEFT + i] * backgrounds[b, c]
                out_depth[b, y, x, 0] = tile[DEPTH + i]
                out_alpha[b, y, x, 0] = ONE - tile[LEFT + i]
        for i in range(np.uint64(PIXELS)):
            all_left[t, i], all_last[t, i] = tile[LEFT + i], tile[LAST + i]
