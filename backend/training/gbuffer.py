"""Props -> G-buffers: a supersampled z-buffer in numba that keeps what every domain is made of.

One view is (size, size, 9) uint8: albedo (sRGB) 3, view-space normal 3, roughness, metallic,
coverage. All but the coverage are averages over the covered samples of a pixel.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

CHANNELS = 9
SAMPLES = 3  # per pixel and axis


@no_type_check
@njit(cache=True, fastmath=True, nogil=True)
def corner_normals(vertices, faces, crease_cos):
    """Normals (F, 3, 3): per corner, averaged over the vertex's faces within the crease angle."""
    count = faces.shape[0]
    face_normal = np.zeros((count, 3), np.float32)
    area_normal = np.zeros((count, 3), np.float32)
    degree = np.zeros(vertices.shape[0] + 1, np.int64)
    for f in range(count):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        n = np.cross(b - a, c - a)
        area_normal[f] = n
        face_normal[f] = n / (np.sqrt((n * n).sum()) + 1e-20)
        for k in range(3):
            degree[faces[f, k] + 1] += 1
    start = np.cumsum(degree)
    fill = start[:-1].copy()
    around = np.zeros(count * 3, np.int64)
    for f in range(count):
        for k in range(3):
            v = faces[f, k]
            around[fill[v]] = f
            fill[v] += 1
    out = np.zeros((count, 3, 3), np.float32)
    for f in range(count):
        for k in range(3):
            v = faces[f, k]
            for i in range(start[v], start[v + 1]):
                g = around[i]
                if (face_normal[f] * face_normal[g]).sum() > crease_cos:
                    out[f, k] += area_normal[g]
            out[f, k] /= np.sqrt((out[f, k] * out[f, k]).sum()) + 1e-20
    return out


@no_type_check
@njit(cache=True, fastmath=True, inline="always")
def _noise(x, y, z):
    """Smooth, cheap, in [0, 1]: a few incommensurate sines."""
    a = np.sin(x * 1.7 + 1.3 * np.sin(y * 1.1 + z)) + np.sin(y * 2.3 + 1.7 * np.sin(z * 1.3 + x))
    return 0.5 + 0.25 * (a * 0.7 + np.sin(z * 2.9 + 1.1 * np.sin(x * 1.9 + y)) * 0.6)


@no_type_check
@njit(cache=True, fastmath=True, inline="always")
def _pattern(kind, scale, phase, x, y, z):
    """How much of the second colour, in [0, 1], at an object-space point."""
    if kind == 1:  # grain: long along z and x, banded across
        w = _noise(x * 2 + phase, y * 2, z * 2)
        return 0.5 + 0.5 * np.sin((x * 0.6 + y + z * 0.25) * scale + w * 4 + phase)
    if kind == 2:  # blotches
        w = _noise(x * scale + phase, y * scale + phase * 1.3, z * scale)
        return min(max((w - 0.42) * 5, 0.0), 1.0)
    if kind == 3:  # stripes: rings around z
        return 1.0 if np.sin(z * scale + phase) > 0 else 0.0
    if kind == 4:  # wedges around z, as on umbrellas; scale: how many pairs
        return 1.0 if np.sin(np.arctan2(y, x) * np.round(scale)) > 0 else 0.0
    if kind == 5:  # upright stripes
        return 1.0 if np.sin((x + 0.5 * y) * scale + phase) > 0 else 0.0
    if kind == 6:  # checks
        s = np.sin(x * scale + phase) * np.sin(y * scale + phase) * np.sin(z * scale + phase)
        return 1.0 if s > 0 else 0.0
    if kind == 7:  # dots: a body-centred lattice of balls
        return _dots(x * scale + phase, y * scale + phase, z * scale + phase)
    if kind == 8:  # bricks around z: 1 is mortar
        row = z * scale * 2.2 + phase
        turn = np.arctan2(y, x) * np.round(scale * 0.5) / np.pi * 2 + 0.5 * (np.floor(row) % 2)
        mortar = row - np.floor(row) < 0.16 or turn - np.floor(turn) < 0.1
        return 1.0 if mortar else 0.35 * _noise(np.floor(row) * 7, np.floor(turn) * 5, phase)
    if kind == 9:  # veins
        w = _noise(x * 2 + phase, y * 2 + phase, z * 2) * 6
        v = abs(np.sin((x + y * 0.7 + z * 0.5) * scale + w))
        return max(0.0, 1 - v * 4)
    return 0.0


@no_type_check
@njit(cache=True, fastmath=True, inline="always")
def _dots(x, y, z):
    """1 inside balls around the points of a body-centred lattice of unit cells."""
    best = 9.0
    for shift in (0.0, 0.5):
        a, b, c = x + shift, y + shift, z + shift
        a, b, c = a - np.floor(a) - 0.5, b - np.floor(b) - 0.5, c - np.floor(c) - 0.5
        best = min(best, a * a + b * b + c * c)
    return 1.0 if best < 0.085 else 0.0


@no_type_check
@njit(cache=True, fastmath=True, nogil=True)
def render_view(vertices, faces, normals, part, looks, viewmat, focal, size):
    """One view (size, size, 9) uint8; focal in units of half the picture's height."""
    S = size * SAMPLES
    depth = np.full((S, S), np.float32(1e9))
    which = np.full((S, S), np.int32(-1))
    bary = np.zeros((S, S, 2), np.float32)
    cam = np.empty_like(vertices)
    for v in range(vertices.shape[0]):
        for a in range(3):
            cam[v, a] = viewmat[a, 3]
            for b in range(3):
                cam[v, a] += viewmat[a, b] * vertices[v, b]
    turned = np.zeros_like(normals)
    for f in range(faces.shape[0]):
        for k in range(3):
            for a in range(3):
                for b in range(3):
                    turned[f, k, a] += viewmat[a, b] * normals[f, k, b]
    sx = (cam[:, 0] / cam[:, 2] * focal * 0.5 + 0.5) * S
    sy = (cam[:, 1] / cam[:, 2] * focal * 0.5 + 0.5) * S
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, x1, y1, x2, y2 = sx[i], sy[i], sx[j], sy[j], sx[k], sy[k]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        lo_x = max(int(np.floor(min(x0, x1, x2))), 0)
        hi_x = min(int(np.ceil(max(x0, x1, x2))), S)
        lo_y = max(int(np.floor(min(y0, y1, y2))), 0)
        hi_y = min(int(np.ceil(max(y0, y1, y2))), S)
        inv = 1 / area
        iz0, iz1, iz2 = 1 / cam[i, 2], 1 / cam[j, 2], 1 / cam[k, 2]
        for py in range(lo_y, hi_y):
            for px in range(lo_x, hi_x):
                cx, cy = px + 0.5, py + 0.5
                b0 = ((x1 - cx) * (y2 - cy) - (x2 - cx) * (y1 - cy)) * inv
                b1 = ((x2 - cx) * (y0 - cy) - (x0 - cx) * (y2 - cy)) * inv
                b2 = 1 - b0 - b1
                if b0 < 0 or b1 < 0 or b2 < 0:
                    continue
                z = 1 / (b0 * iz0 + b1 * iz1 + b2 * iz2)
                if z < depth[py, px]:
                    depth[py, px] = z
                    which[py, px] = f
                    bary[py, px, 0] = b0 * iz0 * z
                    bary[py, px, 1] = b1 * iz1 * z
    out = np.zeros((size, size, 9), np.uint8)
    total = np.zeros(8, np.float32)
    p, c, n = np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32)
    for y in range(size):
        for x in range(size):
            total[:] = 0
            hits = 0
            for sub in range(SAMPLES * SAMPLES):
                py, px = y * SAMPLES + sub // SAMPLES, x * SAMPLES + sub % SAMPLES
                f = which[py, px]
                if f < 0:
                    continue
                hits += 1
                b0, b1 = bary[py, px, 0], bary[py, px, 1]
                b2 = 1 - b0 - b1
                v0, v1, v2 = faces[f, 0], faces[f, 1], faces[f, 2]
                for a in range(3):
                    p[a] = b0 * vertices[v0, a] + b1 * vertices[v1, a] + b2 * vertices[v2, a]
                    c[a] = b0 * cam[v0, a] + b1 * cam[v1, a] + b2 * cam[v2, a]
                    n[a] = b0 * turned[f, 0, a] + b1 * turned[f, 1, a] + b2 * turned[f, 2, a]
                scale = 1 / (np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + np.float32(1e-12))
                if n[0] * c[0] + n[1] * c[1] + n[2] * c[2] > 0:
                    scale = -scale
                look = looks[part[f]]
                m = _pattern(int(look[10] + 0.5), look[11], look[12], p[0], p[1], p[2])
                for ch in range(3):
                    total[ch] += look[ch] * (1 - m) + look[3 + ch] * m
                total[3] += n[0] * scale
                total[4] -= n[1] * scale
                total[5] -= n[2] * scale
                total[6] += look[6] * (1 - m) + look[7] * m
                total[7] += look[8] * (1 - m) + look[9] * m
            if hits == 0:
                continue
            for ch in range(8):
                value = total[ch] / hits
                if 3 <= ch < 6:
                    value = value * 0.5 + 0.5
                out[y, x, ch] = np.uint8(min(max(value, 0.0), 1.0) * 255 + 0.5)
            out[y, x, 8] = np.uint8(hits / (SAMPLES * SAMPLES) * 255 + 0.5)
    return out
