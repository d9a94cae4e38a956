"""Front-to-back compositing of tiles, and its gradient: numba kernels, parallel over tiles.

In: projected Gaussians and the tiles' runs of `gaussians_cpu_tiles`. Out: sums of colour and
depth, and alpha; backwards, gradients on pixel means, conics, depths, opacities and colours.
Kerbl et al. 2023, section 4 and appendix C.

A Gaussian is taken over the rows of a tile that it reaches, as one flat run of pixels, so that
the compiler can vectorise; hence the uint64 indices (signed ones might be negative, which costs a
branch), the float32 constants, and an exponential made of a polynomial.
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


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _weigh(first, end, px, py, mean, conic, opacity, k, left, weights, last):
    """One Gaussian over pixels [first, end): weights, transmittances, and who came last."""
    mx, my = mean[0], mean[1]
    a, b, c = HALF * conic[0], conic[1], HALF * conic[2]
    for i in range(first, end):
        dx, dy = px[i] - mx, py[i] - my
        alpha = min(opacity * _exp(-(a * dx * dx + b * dx * dy + c * dy * dy)), MAX_ALPHA)
        seen = (alpha >= MIN_ALPHA) & (left[i] > OPAQUE)
        alpha = alpha if seen else ZERO
        weights[i] = alpha * left[i]
        left[i] *= ONE - alpha
        last[i] = k if seen else last[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _add(first, end, value, weights, sums):
    """sums += value * weights over pixels [first, end)."""
    for i in range(first, end):
        sums[i] += value * weights[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _all_done(left):
    highest = ZERO
    for i in range(np.uint64(PIXELS)):
        highest = max(highest, left[i])
    return highest <= OPAQUE


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _pixel_centres(tile_x, tile_y, px, py):
    for i in range(PIXELS):
        px[i] = tile_x * TILE + i % TILE + HALF
        py[i] = tile_y * TILE + i // TILE + HALF


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def composite(
    means2d, conics, depths, opacities, colors, extents, entries, tile_starts, width, height
):
    """Colours (B, H, W, C), alphas and depth sums (B, H, W, 1); for the way back, each tile
    pixel's last entry and final transmittance (tiles, 256)."""
    views, channels = depths.shape[0], colors.shape[1]
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
        sums = np.zeros((channels + 1, PIXELS), np.float32)
        _pixel_centres(tile_x, tile_y, px, py)
        left, last = all_left[t], all_last[t]
        start = tile_starts[t]
        for e in range(start, tile_starts[t + 1]):
            n = entries[e]
            top = np.float32(tile_y * TILE)
            first, end = _run(means2d[b, n, 1], extents[b, n, 1], top)
            k = np.float32(e - start)
            _weigh(
                first,
                end,
                px,
                py,
                means2d[b, n],
                conics[b, n],
                opacities[n],
                k,
                left,
                weights,
                last,
            )
            for channel in range(channels):
                _add(first, end, colors[n, channel], weights, sums[channel])
            _add(first, end, depths[b, n], weights, sums[channels])
            if (e - start) % 16 == 15 and _all_done(left):
                break
        for row in range(min(TILE, height - tile_y * TILE)):
            for column in range(min(TILE, width - tile_x * TILE)):
                y, x, i = tile_y * TILE + row, tile_x * TILE + column, row * TILE + column
                for channel in range(channels):
                    out[b, y, x, channel] = sums[channel, i]
                out_depth[b, y, x, 0] = sums[channels, i]
                out_alpha[b, y, x, 0] = ONE - left[i]
    return out, out_alpha, out_depth, all_last, all_left


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _weigh_back(first, end, px, py, mean, conic, opacity, k, scratch, last, moments):
    """One Gaussian backwards over pixels [first, end): weights, and moments of its gradient.

    scratch rows: 0 transmittance behind this Gaussian, in and out turned to the one before it;
    1 gradient of what lies behind it on that transmittance, times the transmittance; 2 gradient
    on this Gaussian's weight, in; 3 weight, out.
    With q = alpha dL/dalpha, moments are the sums of q, q dx, q dy, q dx^2, q dx dy, q dy^2.
    """
    mx, my = mean[0], mean[1]
    a, b, c = HALF * conic[0], conic[1], HALF * conic[2]
    left, behind, v_weights, weights = scratch[0], scratch[1], scratch[2], scratch[3]
    m0, m1, m2, m3, m4, m5 = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for i in range(first, end):
        dx, dy = px[i] - mx, py[i] - my
        raw = opacity * _exp(-(a * dx * dx + b * dx * dy + c * dy * dy))
        alpha = min(raw, MAX_ALPHA)
        seen = (alpha >= MIN_ALPHA) & (k <= last[i])
        alpha = alpha if seen else ZERO
        share = ONE / (ONE - alpha)
        before = left[i] * share
        weight = alpha * before
        q = weight * v_weights[i] - alpha * share * behind[i]
        q = q if raw <= MAX_ALPHA else ZERO
        behind[i] += weight * v_weights[i]
        left[i] = before
        weights[i] = weight
        m0 += q
        m1 += q * dx
        m2 += q * dy
        m3 += q * dx * dx
        m4 += q * dx * dy
        m5 += q * dy * dy
    moments[0], moments[1], moments[2] = m0, m1, m2
    moments[3], moments[4], moments[5] = m3, m4, m5


@njit(cache=True, nogil=True, error_model="numpy", fastmath=MATHS)
@no_type_check
def _dot(first, end, x, y):
    total = ZERO
    for i in range(first, end):
        total += x[i] * y[i]
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
                v_sums[channel, i] = v_out[b, y, x, channel]
            v_sums[channels, i] = v_depth[b, y, x, 0]
            # alpha = 1 - transmittance, so the picture's last layer has gradient -v_alpha.
            behind[i] = -v_alpha[b, y, x, 0] * left[i]


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def composite_backward(
    means2d,
    conics,
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
    """Each tile's share of each Gaussian's gradient, (E, 7 + C): mean x, y, conic a, b, c,
    opacity, depth, colours."""
    views, height, width, channels = v_out.shape
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    shares = np.zeros((entries.size, 7 + channels), np.float32)
    for t in prange(views * tiles_x * tiles_y):
        b, rest = t // (tiles_x * tiles_y), t % (tiles_x * tiles_y)
        tile_x, tile_y = rest % tiles_x, rest // tiles_x
        start = tile_starts[t]
        px, py = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
        scratch = np.empty((4, PIXELS), np.float32)
        scratch[0] = all_left[t]
        v_sums = np.zeros((channels + 1, PIXELS), np.float32)
        moments = np.empty(6, np.float32)
        _pixel_centres(tile_x, tile_y, px, py)
        _load(v_out, v_alpha, v_depth, b, tile_x, tile_y, scratch[0], v_sums, scratch[1])
        last = all_last[t]
        for e in range(start + np.int64(last.max()), start - 1, -1):
            n, k = entries[e], np.float32(e - start)
            top = np.float32(tile_y * TILE)
            first, end = _run(means2d[b, n, 1], extents[b, n, 1], top)
            scratch[2] = ZERO
            for channel in range(channels):
                _add(first, end, colors[n, channel], v_sums[channel], scratch[2])
            _add(first, end, depths[b, n], v_sums[channels], scratch[2])
            _weigh_back(
                first,
                end,
                px,
                py,
                means2d[b, n],
                conics[b, n],
                opacities[n],
                k,
                scratch,
                last,
                moments,
            )
            share = shares[slots[e]]
            _write_share(share, conics[b, n], opacities[n], moments)
            share[6] = _dot(first, end, scratch[3], v_sums[channels])
            for channel in range(channels):
                share[7 + channel] = _dot(first, end, scratch[3], v_sums[channel])
    return shares


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def _write_share(share, conic, opacity, moments):
    """Gradients on mean, conic and opacity from the moments of q = alpha dL/dalpha."""
    share[0] = conic[0] * moments[1] + conic[1] * moments[2]
    share[1] = conic[1] * moments[1] + conic[2] * moments[2]
    share[2] = -HALF * moments[3]
    share[3] = -moments[4]
    share[4] = -HALF * moments[5]
    share[5] = moments[0] / opacity


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
@no_type_check
def gather(shares, gaussian_starts, views, count):
    """Sums the tiles' shares, then for opacities and colours the views': each in a fixed order."""
    channels = shares.shape[1] - 7
    v_means2d = np.zeros((views, count, 2), np.float32)
    v_conics = np.zeros((views, count, 3), np.float32)
    v_depths = np.zeros((views, count), np.float32)
    v_opacities = np.zeros(count, np.float32)
    v_colors = np.zeros((count, channels), np.float32)
    for n in prange(count):
        for b in range(views):
            g = b * count + n
            for s in range(gaussian_starts[g], gaussian_starts[g + 1]):
                v_means2d[b, n, 0] += shares[s, 0]
                v_means2d[b, n, 1] += shares[s, 1]
                v_conics[b, n, 0] += shares[s, 2]
                v_conics[b, n, 1] += shares[s, 3]
                v_conics[b, n, 2] += shares[s, 4]
                v_opacities[n] += shares[s, 5]
                v_depths[b, n] += shares[s, 6]
                for channel in range(channels):
                    v_colors[n, channel] += shares[s, 7 + channel]
    return v_means2d, v_conics, v_depths, v_opacities, v_colors
