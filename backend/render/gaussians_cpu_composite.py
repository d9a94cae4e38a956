"""Front-to-back compositing of tiles, and its gradient: numba kernels, parallel over tiles.

In: projected Gaussians and the tiles' runs of `gaussians_cpu_tiles`. Out: sums of colour and
depth, and alpha; backwards, gradients on pixel means, roots, depths, opacities and colours.
Kerbl et al. 2023, section 4 and appendix C.

A Gaussian is taken over the rows of a tile that it reaches, as one flat run of pixels, so that
the compiler can vectorise; hence the uint64 indices (signed ones might be negative, which costs a
branch), the float32 constants, and an exponential made of a polynomial. Three channels go along in
the same pass over the pixels, the common case; more of them, and depth, each in one of its own.

The falloff's exponent is s^2 + t^2 with s = p dx + q dy and t = r dy, its gradient a sum of moments
of s and t, both counted from the tile's corner. Summed from the inverse covariance and moments of
dx and dy, as is usual, terms cancel along a needle: of thousands float32 leaves no units.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

from backend.render.threads import in_parallel

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
OPAQUE = np.float32(1e-4)  # a pixel with less transmittance than this is done
ONE, ZERO, HALF = np.float32(1), np.float32(0), np.float32(0.5)
# exp(z - 0.75) for |z| <= 0.75: least squares of the relative error (2e-8) at Chebyshev points.
E0, E1, E2, E3 = (np.float32(c) for c in (0.47236654, 0.4723666, 0.23618372, 0.07872698))
E4, E5, E6, E7 = (np.float32(c) for c in (0.019677637, 0.0039388863, 0.0006689, 9.208885e-05))
MATHS = {"contract", "reassoc", "arcp", "nsz"}  # not "fast": NaN and infinity stay themselves


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
@no_type_check
def _exp(power):
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


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _run(centre_y, extent_y, top):
    """First and one-past-last pixel of the rows of the tile at `top` that a Gaussian reaches."""
    low = min(max(np.ceil(centre_y - extent_y - top - HALF), ZERO), np.float32(TILE))
    high = min(max(np.floor(centre_y + extent_y - top + HALF), ZERO), np.float32(TILE))
    return np.uint64(low) * np.uint64(TILE), np.uint64(max(low, high)) * np.uint64(TILE)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _line(mx, my, p, q, r, left, top):
    """p, q, r, and what s and t are at the corner (left, top) of a tile: taken in float64, as
    the tile may lie far from the mean and yet near the axis of a needle."""
    dx, dy = np.float64(left) - mx, np.float64(top) - my
    s, t = p * dx + q * dy, r * dy
    return np.float32(p), np.float32(q), np.float32(r), np.float32(s), np.float32(t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _weigh(first, end, tile, p, q, r, s0, t0, opacity, k, depth, c0, c1, c2):
    """One Gaussian over pixels [first, end): weights, transmittances, who came last, and the
    sums of depth and three channels."""
    for i in range(first, end):
        y = tile[PY + i]
        s, t = s0 + p * tile[PX + i] + q * y, t0 + r * y
        alpha = min(opacity * _exp(-(s * s + t * t)), MAX_ALPHA)
        left = tile[LEFT + i]
        seen = (alpha >= MIN_ALPHA) & (left > OPAQUE)
        alpha = alpha if seen else ZERO
        weight = alpha * left
        tile[WEIGHT + i] = weight
        tile[LEFT + i] = left - weight
        tile[LAST + i] = k if seen else tile[LAST + i]
        tile[DEPTH + i] += depth * weight
        tile[COLOR + i] += c0 * weight
        tile[COLOR_1 + i] += c1 * weight
        tile[COLOR_2 + i] += c2 * weight


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _add(first, end, tile, source, factor, target):
    """Plane `target` += factor * plane `source` over pixels [first, end)."""
    for i in range(first, end):
        tile[target + i] += factor * tile[source + i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _all_done(tile):
    open_pixels = ZERO
    for i in range(np.uint64(PIXELS)):
        open_pixels += ONE if tile[LEFT + i] > OPAQUE else ZERO
    return open_pixels == ZERO


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _plane(channel):
    """Where a channel's plane begins."""
    return np.uint64((FIRST_COLOR + channel) * PIXELS)


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _new_tile(channels):
    """Pixel centres, counted from the tile's corner, and zeros."""
    tile = np.zeros((FIRST_COLOR + max(channels, INNER)) * PIXELS, np.float32)
    for i in range(PIXELS):
        tile[PX + np.uint64(i)] = i % TILE + HALF
        tile[PY + np.uint64(i)] = i // TILE + HALF
    return tile


def composite(
    means2d, roots, depths, opacities, colors, extents, entries, tile_starts, width, height
):
    """Colours (B, H, W, C), alphas and depth sums (B, H, W, 1); for the way back, each tile
    pixel's last entry and final transmittance (tiles, 256)."""
    views, channels = depths.shape[0], colors.shape[2]
    out = np.empty((views, height, width, channels), np.float32)
    out_alpha = np.empty((views, height, width, 1), np.float32)
    out_depth = np.empty((views, height, width, 1), np.float32)
    tiles = len(tile_starts) - 1
    last, left = np.empty((tiles, PIXELS), np.float32), np.empty((tiles, PIXELS), np.float32)
    in_parallel(
        _composite_tiles, tiles,
        means2d, roots, depths, opacities, colors, extents, entries, tile_starts,
        out, out_alpha, out_depth, last, left,
    )  # fmt: skip
    return out, out_alpha, out_depth, last, left


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _composite_tiles(
    first_task, end_task, step,
    means2d, roots, depths, opacities, colors, extents, entries, tile_starts,
    out, out_alpha, out_depth, all_last, all_left,
):  # fmt: skip
    height, width, channels = out.shape[1:]
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    tile, inner = _new_tile(channels), np.zeros(INNER, np.float32)
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
            p, q, r, s0, t0 = _line(
                mx, my, roots[b, n, 0], roots[b, n, 1], roots[b, n, 2], x0, y0
            )  # fmt: skip
            first, end = _run(my, extents[b, n, 1], np.float32(y0))
            for c in range(min(channels, INNER)):
                inner[c] = colors[a, n, c]
            _weigh(
                first, end, tile, p, q, r, s0, t0, opacities[n], np.float32(e - start),
                depths[b, n], inner[0], inner[1], inner[2],
            )  # fmt: skip
            for c in range(INNER, channels):
                _add(first, end, tile, WEIGHT, colors[a, n, c], _plane(c))
            if (e - start) % 16 == 15 and _all_done(tile):
                break
        for row in range(min(TILE, height - y0)):
            for column in range(min(TILE, width - x0)):
                y, x, i = y0 + row, x0 + column, np.uint64(row * TILE + column)
                for c in range(channels):
                    out[b, y, x, c] = tile[_plane(c) + i]
                out_depth[b, y, x, 0] = tile[DEPTH + i]
                out_alpha[b, y, x, 0] = ONE - tile[LEFT + i]
        for i in range(np.uint64(PIXELS)):
            all_left[t, i], all_last[t, i] = tile[LEFT + i], tile[LAST + i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
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
        raw = opacity * _exp(-(s * s + t * t))
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _dot(first, end, tile, one, other):
    """Sum of plane `one` times plane `other` over pixels [first, end)."""
    total = ZERO
    for i in range(first, end):
        total += tile[one + i] * tile[other + i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _load(v_out, v_alpha, v_depth, b, x0, y0, tile):
    """A tile of pixel gradients; pixels beyond the picture's edge get zeros."""
    height, width, channels = v_out.shape[1:]
    for i in range(WEIGHT, tile.size):
        tile[i] = ZERO
    for row in range(min(TILE, height - y0)):
        for column in range(min(TILE, width - x0)):
            y, x, i = y0 + row, x0 + column, np.uint64(row * TILE + column)
            for c in range(channels):
                tile[_plane(c) + i] = v_out[b, y, x, c]
            if v_depth.size:
                tile[DEPTH + i] = v_depth[b, y, x, 0]
            # alpha = 1 - transmittance, so the picture's last layer has gradient -v_alpha.
            if v_alpha.size:
                tile[BEHIND + i] = -v_alpha[b, y, x, 0] * tile[LEFT + i]


def composite_backward(
    means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
    all_last, all_left, v_out, v_alpha, v_depth,
):  # fmt: skip
    """Each tile's share of each Gaussian's gradient, (E, 7 + C): `_weigh_back`'s six moments,
    then the gradients on depth and colours. v_alpha and v_depth may be empty: no gradient."""
    shares = np.empty((entries.size, 7 + v_out.shape[3]), np.float32)
    in_parallel(
        _tiles_backward, len(tile_starts) - 1,
        means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
        all_last, all_left, v_out, v_alpha, v_depth, shares,
    )  # fmt: skip
    return shares


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _tiles_backward(
    first_task, end_task, step,
    means2d, roots, depths, opacities, colors, extents, entries, slots, tile_starts,
    all_last, all_left, v_out, v_alpha, v_depth, shares,
):  # fmt: skip
    height, width, channels = v_out.shape[1:]
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    tile, inner = _new_tile(channels), np.zeros(INNER, np.float32)
    sums = np.empty(7 + INNER, np.float32)
    for t in range(first_task, end_task, step):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        x0, y0 = rest % tiles_x * TILE, rest // tiles_x * TILE
        start, furthest = tile_starts[t], -ONE
        for i in range(np.uint64(PIXELS)):
            tile[LEFT + i], tile[LAST + i] = all_left[t, i], all_last[t, i]
            furthest = max(furthest, all_last[t, i])
        _load(v_out, v_alpha, v_depth, b, x0, y0, tile)
        a = b if colors.shape[0] > 1 else 0
        reached = start + np.int64(furthest) + 1
        for e in range(reached, tile_starts[t + 1]):
            for i in range(shares.shape[1]):
                shares[slots[e], i] = ZERO
        for e in range(reached - 1, start - 1, -1):
            n, slot = entries[e], slots[e]
            mx, my = means2d[b, n, 0], means2d[b, n, 1]
            p, q, r, s0, t0 = _line(
                mx, my, roots[b, n, 0], roots[b, n, 1], roots[b, n, 2], x0, y0
            )  # fmt: skip
            first, end = _run(my, extents[b, n, 1], np.float32(y0))
            for c in range(min(channels, INNER)):
                inner[c] = colors[a, n, c]
            for i in range(first, end):
                tile[WEIGHT + i] = ZERO
            for c in range(INNER, channels):
                _add(first, end, tile, _plane(c), colors[a, n, c], WEIGHT)
            _weigh_back(
                first, end, tile, p, q, r, s0, t0, opacities[n], np.float32(e - start),
                depths[b, n], inner[0], inner[1], inner[2], sums,
            )  # fmt: skip
            for i in range(7 + min(channels, INNER)):
                shares[slot, i] = sums[i]
            for c in range(INNER, channels):
                shares[slot, 7 + c] = _dot(first, end, tile, WEIGHT, _plane(c))


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


@njit(cache=True, nogil=True, error_model="numpy")
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
