"""The gradient of compositing: numba kernels, parallel over tiles, then over Gaussians.

In: what `gaussians_cpu_composite` was given, its state, gradients on pictures. Out: gradients on
pixel means, roots, depths, opacities and colours. Kerbl et al. 2023, appendix C.

With s and t as in the forward pass, the exponent's gradient is a sum of moments of s and t. Summed
from the inverse covariance and moments of dx and dy, as is usual, terms cancel along a needle: of
thousands float32 leaves no units. Each tile leaves its share of a Gaussian's gradient in a slot of
its own, and `gather` adds them in a fixed order.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.gaussians_cpu_tile import (
    BEHIND,
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
    PIXELS,
    PX,
    PY,
    TILE,
    WEIGHT,
    ZERO,
    add_plane,
    falloff,
    new_tile,
    plane_of,
    rows_reached,
    whitened_at,
)
from backend.render.kernels import helper, kernel, relaxed_helper
from backend.threads import in_parallel


@relaxed_helper
@no_type_check
def _weigh_back(first, end, tile, p, q, r, s0, t0, opacity, k, depth, c0, c1, c2, sums):
    """One Gaussian backwards over pixels [first, end): weights, and sums of its gradient.

    LEFT is the transmittance behind this Gaussian, turned to the one before it. BEHIND is the
    gradient of all that lies behind it on that transmittance, times the transmittance; this
    Gaussian is added. WEIGHT comes in as the gradient on its weight by channels beyond three and
    goes out as the weight. DEPTH and the colours' planes hold the gradients on the picture.
    With g = alpha dL/dalpha, sums become those of g, g s, g t, g s^2, g s t, g t^2, and of the
    weights times the gradients on depth and three channels.
    """
    m0, m1, m2, m3, m4, m5 = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    d0, d1, d2, d3 = ZERO, ZERO, ZERO, ZERO
    for i in range(first, end):
        y = tile[PY + i]
        s, t = s0 + p * tile[PX + i] + q * y, t0 + r * y
        raw = opacity * falloff(-(s * s + t * t))
        alpha = min(raw, MAX_ALPHA)
        seen = (alpha >= MIN_ALPHA) & (k <= tile[LAST + i])
        alpha = alpha if seen else ZERO
        share = ONE / (ONE - alpha)
        before = tile[LEFT + i] * share
        weight = alpha * before
        v_depth, v0, v1, v2 = tile[DEPTH + i], tile[COLOR + i], tile[COLOR_1 + i], tile[COLOR_2 + i]
        along = tile[WEIGHT + i] + depth * v_depth + c0 * v0 + c1 * v1 + c2 * v2
        gain, behind = weight * along, tile[BEHIND + i]
        g = gain - alpha * share * behind
        g = g if raw <= MAX_ALPHA else ZERO
        tile[BEHIND + i] = behind + gain
        tile[LEFT + i] = before
        tile[WEIGHT + i] = weight
        gs, gt = g * s, g * t
        m0 += g
        m1 += gs
        m2 += gt
        m3 += gs * s
        m4 += gs * t
        m5 += gt * t
        d0 += weight * v_depth
        d1 += weight * v0
        d2 += weight * v1
        d3 += weight * v2
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = m0, m1, m2, m3, m4, m5
    sums[6], sums[7], sums[8], sums[9] = d0, d1, d2, d3


@relaxed_helper
@no_type_check
def _dot(first, end, tile, one, other):
    """Sum of plane `one` times plane `other` over pixels [first, end)."""
    total = ZERO
    for i in range(first, end):
        total += tile[one + i] * tile[other + i]
    return total


@helper
@no_type_check
def _load(v_out, v_alpha, v_depth, backgrounds, b, x0, y0, tile):
    """A tile of pixel gradients; pixels beyond the picture's edge get zeros."""
    height, width, channels = v_out.shape[1:]
    for i in range(WEIGHT, tile.size):
        tile[i] = ZERO
    for row in range(min(TILE, height - y0)):
        for column in range(min(TILE, width - x0)):
            y, x, i = y0 + row, x0 + column, np.uint64(row * TILE + column)
            behind = ZERO
            for c in range(channels):
                tile[plane_of(c) + i] = v_out[b, y, x, c]
                behind += v_out[b, y, x, c] * backgrounds[b, c]
            if v_depth.size:
                tile[DEPTH + i] = v_depth[b, y, x, 0]
            # alpha = 1 - transmittance, so the picture's last layer has gradient -v_alpha.
            if v_alpha.size:
                behind -= v_alpha[b, y, x, 0]
            tile[BEHIND + i] = behind * tile[LEFT + i]


def composite_backward(
    means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
    backgrounds, all_last, all_left, v_out, v_alpha, v_depth,
):  # fmt: skip
    """Each tile's share of each Gaussian's gradient, (E, 7 + C): `_weigh_back`'s six moments,
    then the gradients on depth and colours. v_alpha and v_depth may be empty: no gradient."""
    shares = np.empty((entries.size, 7 + v_out.shape[3]), np.float32)
    in_parallel(
        _tiles_backward, len(tile_starts) - 1,
        means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
        backgrounds, all_last, all_left, v_out, v_alpha, v_depth, shares,
    )  # fmt: skip
    return shares


@kernel
@no_type_check
def _tiles_backward(
    first_task, end_task, step,
    means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
    backgrounds, all_last, all_left, v_out, v_alpha, v_depth, shares,
):  # fmt: skip
    height, width, channels = v_out.shape[1:]
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    tile, inner = new_tile(channels), np.empty(INNER, np.float32)
    for c in range(INNER):
        inner[c] = ZERO
    sums = np.empty(7 + INNER, np.float32)
    for t in range(first_task, end_task, step):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        x0, y0 = rest % tiles_x * TILE, rest // tiles_x * TILE
        start, furthest = tile_starts[t], -ONE
        for i in range(np.uint64(PIXELS)):
            tile[LEFT + i], tile[LAST + i] = all_left[t, i], all_last[t, i]
            furthest = max(furthest, all_last[t, i])
        _load(v_out, v_alpha, v_depth, backgrounds, b, x0, y0, tile)
        a = b if colors.shape[0] > 1 else 0
        reached = start + np.int64(furthest) + 1
        for e in range(reached, tile_starts[t + 1]):
            for i in range(shares.shape[1]):
                shares[slots[e], i] = ZERO
        for e in range(reached - 1, start - 1, -1):
            n, slot = entries[e], slots[e]
            mx, my = means2d[b, n, 0], means2d[b, n, 1]
            p, q, r, s0, t0 = whitened_at(
                mx, my, roots[b, n, 0], roots[b, n, 1], roots[b, n, 2], x0, y0
            )  # fmt: skip
            first, end = rows_reached(my, extents[b, n, 1], np.float32(y0))
            for c in range(min(channels, INNER)):
                inner[c] = colors[a, n, c]
            for i in range(first, end):
                tile[WEIGHT + i] = ZERO
            for c in range(INNER, channels):
                add_plane(first, end, tile, plane_of(c), colors[a, n, c], WEIGHT)
            _weigh_back(
                first, end, tile, p, q, r, s0, t0, opacities[n], np.float32(e - start),
                depths[b, n], inner[0], inner[1], inner[2], sums,
            )  # fmt: skip
            for i in range(7 + min(channels, INNER)):
                shares[slot, i] = sums[i]
            for c in range(INNER, channels):
                shares[slot, 7 + c] = _dot(first, end, tile, WEIGHT, plane_of(c))


def gather(shares, gaussian_starts, roots, opacities, color_sets):
    """Sums the tiles' shares, then for what the views share (opacities, and colours where there
    is one set of them) the views': each in a fixed order.

    Gradients on means2d, roots, depths (B, N, ...), opacities (N,), colours (color_sets, N, C).
    """
    views, count = roots.shape[:2]
    outputs = (
        np.zeros((views, count, 2), np.float32),
        np.zeros((views, count, 3), np.float64),
        np.zeros((views, count), np.float32),
        np.zeros(count, np.float32),
        np.zeros((color_sets, count, shares.shape[1] - 7), np.float32),
    )
    arguments = (shares, gaussian_starts, roots, opacities, *outputs)
    in_parallel(_gather, count, *arguments, in_turn=False)
    return outputs


@kernel
@no_type_check
def _gather(
    first_task, end_task, step,
    shares, gaussian_starts, roots, opacities,
    v_means2d, v_roots, v_depths, v_opacities, v_colors,
):  # fmt: skip
    moments = np.empty(6, np.float32)
    views, count = roots.shape[:2]
    for n in range(first_task, end_task, step):
        for b in range(views):
            g, a = b * count + n, b if v_colors.shape[0] > 1 else 0
            if gaussian_starts[g] == gaussian_starts[g + 1]:
                continue
            for i in range(6):
                moments[i] = ZERO
            for share in range(gaussian_starts[g], gaussian_starts[g + 1]):
                for i in range(6):
                    moments[i] += shares[share, i]
                v_depths[b, n] += shares[share, 6]
                for c in range(v_colors.shape[2]):
                    v_colors[a, n, c] += shares[share, 7 + c]
            v_opacities[n] += moments[0] / opacities[n]
            # ds/dp = dx = (s - q t / r) / p, ds/dq = dt/dr = dy = t / r, and a factor of -2 g s.
            p, q, r = roots[b, n, 0], roots[b, n, 1], roots[b, n, 2]
            v_means2d[b, n, 0] = 2 * p * moments[1]
            v_means2d[b, n, 1] = 2 * (q * moments[1] + r * moments[2])
            v_roots[b, n, 0] = -2 * (moments[3] - q / r * moments[4]) / p
            v_roots[b, n, 1] = -2 * moments[4] / r
            v_roots[b, n, 2] = -2 * moments[5] / r
