"""Front-to-back compositing of tiles, and its gradient: numba kernels, parallel over tiles.

In: projected Gaussians and the tiles' runs of `gaussians_cpu_tiles`. Out: sums of colour and
depth, and alpha; backwards, gradients on pixel means, roots, depths, opacities and colours.
Kerbl et al. 2023, section 4 and appendix C.

A Gaussian is taken over the rows of a tile that it reaches, as one flat run of pixels, so that
the compiler can vectorise; hence the uint64 indices (signed ones might be negative, which costs a
branch), the float32 constants, and an exponential made of a polynomial.

The falloff's exponent is s^2 + t^2 with s = p dx + q dy and t = r dy, its gradient a sum of moments
of s and t, both counted from the tile's corner. Summed from the inverse covariance and moments of
dx and dy, as is usual, terms cancel along a needle: of thousands float32 leaves no units.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit, prange

TILE = 16
PIXELS = 256
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
def _line(mean, root, left, top):
    """p, q, r, and what s and t are at the corner (left, top) of a tile: taken in float64, as
    the tile may lie far from the mean and yet near the axis of a needle."""
    p, q, r = root[0], root[1], root[2]
    dx, dy = np.float64(left) - mean[0], np.float64(top) - mean[1]
    s, t = p * dx + q * dy, r * dy
    return np.float32(p), np.float32(q), np.float32(r), np.float32(s), np.float32(t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _weigh(first, end, px, py, p, q, r, s0, t0, opacity, k, left, weights, last):
    """One Gaussian over pixels [first, end): weights, transmittances, and who came last."""
    for i in range(first, end):
        s, t = s0 + p * px[i] + q * py[i], t0 + r * py[i]
        alpha = min(opacity * _exp(-(s * s + t * t)), MAX_ALPHA)
        seen = (alpha >= MIN_ALPHA) & (left[i] > OPAQUE)
        alpha = alpha if seen else ZERO
        weights[i] = alpha * left[i]
        left[i] *= ONE - alpha
        last[i] = k if seen else last[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _add(first, end, value, weights, sums, channel):
    """sums[channel] += value * weights over pixels [first, end)."""
    offset = np.uint64(channel * PIXELS)
    for i in range(first, end):
        sums[offset + i] += value * weights[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _add_back(first, end, value, sums, channel, out):
    """out += value * sums[channel] over pixels [first, end)."""
    offset = np.uint64(channel * PIXELS)
    for i in range(first, end):
        out[i] += value * sums[offset + i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _all_done(left):
    open_pixels = ZERO
    for i in range(np.uint64(PIXELS)):
        open_pixels += ONE if left[i] > OPAQUE else ZERO
    return open_pixels == ZERO


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _pixel_centres(px, py):
    """Counted from the tile's corner."""
    for i in range(PIXELS):
        px[i] = i % TILE + HALF
        py[i] = i // TILE + HALF


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def composite(
    means2d,
    roots,
    depths,
    opacities,
    colors,
    extents,
    entries,
    tile_starts,
    width,
    height,
):
    """Colours (B, H, W, C), alphas and depth sums (B, H, W, 1); for the way back, each tile
    pixel's last entry and final transmittance (tiles, 256)."""
    views, channels = depths.shape[0], colors.shape[2]
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    tiles = views * tiles_x * tiles_y
    out = np.empty((views, height, width, channels), np.float32)
    out_alpha = np.empty((views, height, width, 1), np.float32)
    out_depth = np.empty((views, height, width, 1), np.float32)
    all_last = np.full((tiles, PIXELS), -1, np.float32)
    all_left = np.ones((tiles, PIXELS), np.float32)
    for t in prange(tiles):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        tile_x, tile_y = rest % tiles_x, rest // tiles_x
        px, py = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
        weights = np.empty(PIXELS, np.float32)
        sums = np.zeros((channels + 1) * PIXELS, np.float32)
        _pixel_centres(px, py)
        left, last = all_left[t], all_last[t]
        own_colors = colors[b if colors.shape[0] > 1 else 0]
        start = tile_starts[t]
        for e in range(start, tile_starts[t + 1]):
            n = entries[e]
            p, q, r, s0, t0 = _line(means2d[b, n], roots[b, n], tile_x * TILE, tile_y * TILE)
            first, end = _run(means2d[b, n, 1], extents[b, n, 1], np.float32(tile_y * TILE))
            k = np.float32(e - start)
            opacity = opacities[n]
            _weigh(first, end, px, py, p, q, r, s0, t0, opacity, k, left, weights, last)
            for channel in range(channels):
                _add(first, end, own_colors[n, channel], weights, sums, channel)
            _add(first, end, depths[b, n], weights, sums, channels)
            if (e - start) % 16 == 15 and _all_done(left):
                break
        for row in range(min(TILE, height - tile_y * TILE)):
            for column in range(min(TILE, width - tile_x * TILE)):
                y, x, i = tile_y * TILE + row, tile_x * TILE + column, row * TILE + column
                for channel in range(channels):
                    out[b, y, x, channel] = sums[channel * PIXELS + i]
                out_depth[b, y, x, 0] = sums[channels * PIXELS + i]
                out_alpha[b, y, x, 0] = ONE - left[i]
    return out, out_alpha, out_depth, all_last, all_left


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _weigh_back(
    first, end, px, py, p, q, r, s0, t0, opacity, k, left, behind, v_weights, weights, last, moments
):
    """One Gaussian backwards over pixels [first, end): weights, and moments of its gradient.

    left: transmittance behind this Gaussian, turned to the one before it. behind: gradient of all
    that lies behind it on that transmittance, times the transmittance; this Gaussian is added.
    v_weights: gradient on this Gaussian's weights, in. weights: out.
    With g = alpha dL/dalpha, moments are the sums of g, g s, g t, g s^2, g s t, g t^2.
    """
    m0, m1, m2, m3, m4, m5 = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for i in range(first, end):
        s, t = s0 + p * px[i] + q * py[i], t0 + r * py[i]
        raw = opacity * _exp(-(s * s + t * t))
        alpha = min(raw, MAX_ALPHA)
        seen = (alpha >= MIN_ALPHA) & (k <= last[i])
        alpha = alpha if seen else ZERO
        share = ONE / (ONE - alpha)
        before = left[i] * share
        weight = alpha * before
        g = weight * v_weights[i] - alpha * share * behind[i]
        g = g if raw <= MAX_ALPHA else ZERO
        behind[i] += weight * v_weights[i]
        left[i] = before
        weights[i] = weight
        m0 += g
        m1 += g * s
        m2 += g * t
        m3 += g * s * s
        m4 += g * s * t
        m5 += g * t * t
    moments[0], moments[1], moments[2] = m0, m1, m2
    moments[3], moments[4], moments[5] = m3, m4, m5


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _dot(first, end, weights, sums, channel):
    """Sum of weights * sums[channel] over pixels [first, end)."""
    offset, total = np.uint64(channel * PIXELS), ZERO
    for i in range(first, end):
        total += weights[i] * sums[offset + i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _load(v_out, v_alpha, v_depth, b, tile_x, tile_y, left, v_sums, behind):
    """A tile of pixel gradients; pixels beyond the picture's edge get zeros."""
    behind[:] = ZERO
    _, height, width, channels = v_out.shape
    for row in range(min(TILE, height - tile_y * TILE)):
        for column in range(min(TILE, width - tile_x * TILE)):
            y, x, i = tile_y * TILE + row, tile_x * TILE + column, row * TILE + column
            for channel in range(channels):
                v_sums[channel * PIXELS + i] = v_out[b, y, x, channel]
            v_sums[channels * PIXELS + i] = v_depth[b, y, x, 0]
            # alpha = 1 - transmittance, so the picture's last layer has gradient -v_alpha.
            behind[i] = -v_alpha[b, y, x, 0] * left[i]


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def composite_backward(
    means2d,
    roots,
    depths,
    opacities,
    colors,
    extents,
    entries,
    slots,
    tile_starts,
    all_last,
    all_left,
    v_out,
    v_alpha,
    v_depth,
):
    """Each tile's share of each Gaussian's gradient, (E, 7 + C): `_weigh_back`'s six moments,
    then the gradients on depth and colours."""
    views, height, width, channels = v_out.shape
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    shares = np.zeros((entries.size, 7 + channels), np.float32)
    for t in prange(views * tiles_x * tiles_y):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        tile_x, tile_y = rest % tiles_x, rest // tiles_x
        start = tile_starts[t]
        px, py = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
        left, behind = all_left[t].copy(), np.empty(PIXELS, np.float32)
        weights, v_weights = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
        v_sums = np.zeros((channels + 1) * PIXELS, np.float32)
        moments = np.empty(6, np.float32)
        _pixel_centres(px, py)
        _load(v_out, v_alpha, v_depth, b, tile_x, tile_y, left, v_sums, behind)
        last = all_last[t]
        own_colors = colors[b if colors.shape[0] > 1 else 0]
        for e in range(start + np.int64(last.max()), start - 1, -1):
            n, k = entries[e], np.float32(e - start)
            p, q, r, s0, t0 = _line(means2d[b, n], roots[b, n], tile_x * TILE, tile_y * TILE)
            first, end = _run(means2d[b, n, 1], extents[b, n, 1], np.float32(tile_y * TILE))
            v_weights[:] = ZERO
            for channel in range(channels):
                _add_back(first, end, own_colors[n, channel], v_sums, channel, v_weights)
            _add_back(first, end, depths[b, n], v_sums, channels, v_weights)
            _weigh_back(
                first,
                end,
                px,
                py,
                p,
                q,
                r,
                s0,
                t0,
                opacities[n],
                k,
                left,
                behind,
                v_weights,
                weights,
                last,
                moments,
            )
            for i in range(6):
                shares[slots[e], i] = moments[i]
            shares[slots[e], 6] = _dot(first, end, weights, v_sums, channels)
            for channel in range(channels):
                shares[slots[e], 7 + channel] = _dot(first, end, weights, v_sums, channel)
    return shares


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def gather(shares, gaussian_starts, roots, opacities, color_sets):
    """Sums the tiles' shares, then for what the views share (opacities, and colours where there
    is one set of them) the views': each in a fixed order.

    Gradients on means2d, roots, depths (B, N, ...), opacities (N,), colours (color_sets, N, C).
    """
    views, count = roots.shape[:2]
    channels = shares.shape[1] - 7
    v_means2d = np.zeros((views, count, 2), np.float32)
    v_roots = np.zeros((views, count, 3), np.float64)
    v_depths = np.zeros((views, count), np.float32)
    v_opacities = np.zeros(count, np.float32)
    v_colors = np.zeros((color_sets, count, channels), np.float32)
    for n in prange(count):
        moments = np.empty(6, np.float32)
        for b in range(views):
            g, a = b * count + n, b if color_sets > 1 else 0
            if gaussian_starts[g] == gaussian_starts[g + 1]:
                continue
            moments[:] = ZERO
            for share in range(gaussian_starts[g], gaussian_starts[g + 1]):
                for i in range(6):
                    moments[i] += shares[share, i]
                v_depths[b, n] += shares[share, 6]
                for channel in range(channels):
                    v_colors[a, n, channel] += shares[share, 7 + channel]
            v_opacities[n] += moments[0] / opacities[n]
            # ds/dp = dx = (s - q t / r) / p, ds/dq = dt/dr = dy = t / r, and a factor of -2 g s.
            p, q, r = roots[b, n, 0], roots[b, n, 1], roots[b, n, 2]
            v_means2d[b, n, 0] = 2 * p * moments[1]
            v_means2d[b, n, 1] = 2 * (q * moments[1] + r * moments[2])
            v_roots[b, n, 0] = -2 * (moments[3] - q / r * moments[4]) / p
            v_roots[b, n, 1] = -2 * moments[4] / r
            v_roots[b, n, 2] = -2 * moments[5] / r
    return v_means2d, v_roots, v_depths, v_opacities, v_colors
