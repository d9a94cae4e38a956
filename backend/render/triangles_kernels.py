"""Triangle rasterisation and attribute interpolation on the CPU: numba kernels, arrays in and out.

In:  clip-space vertices (B, V, 4), triangles (F, 3), attributes (A, V, C) with A in {1, B}.
Out: rasters (B, H, W, 4) of (u, v, z/w, triangle + 1), images (B, H, W, C), and their gradients.

The method is homogeneous rasterisation (Olano and Greer, "Triangle Scan Conversion Using 2D
Homogeneous Coordinates", 1997): with a vertex seen as p = (x, y, w), a pixel as P = (X, Y, 1) and
e_0 = (p_1 x p_2) . P and so on, the perspective-correct barycentrics are b_k = e_k / (e_0 + e_1 +
e_2) and z / w = (e_0 z_0 + e_1 z_1 + e_2 z_2) / det(p_0, p_1, p_2). Nothing has to be clipped:
pixels that see a triangle before the near plane or behind the camera are rejected one by one.

Work is split into (view, band of rows), a split that depends on the shapes alone, and partial sums
are added in a fixed order: results don't depend on the number of threads. `no_type_check` keeps
jaxtyping's import hook (tests) from wrapping what numba has to compile.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import kernel
from backend.render.threads import in_parallel

# Depth is rounded to 24 bits as in a hardware depth buffer, so that coincident triangles tie
# exactly (whatever the order of their vertices) and the lowest triangle wins.
DEPTH_STEPS = 2.0**24


@no_type_check
@kernel
def edge_functions(pos, tri, n):
    """Fills n (3, 3) with the edge functions' normals p_j x p_k; returns the determinant."""
    for k in range(3):
        a, b = tri[(k + 1) % 3], tri[(k + 2) % 3]
        ax, ay, aw = np.float64(pos[a, 0]), np.float64(pos[a, 1]), np.float64(pos[a, 3])
        bx, by, bw = np.float64(pos[b, 0]), np.float64(pos[b, 1]), np.float64(pos[b, 3])
        n[k, 0] = ay * bw - aw * by
        n[k, 1] = aw * bx - ax * bw
        n[k, 2] = ax * by - ay * bx
    p = tri[0]
    return n[0, 0] * pos[p, 0] + n[0, 1] * pos[p, 1] + n[0, 2] * pos[p, 3]


@no_type_check
@kernel
def _pixel_bounds(screen, tri, height, width):
    """(first column, last column, first row, last row) whose centres the triangle may cover."""
    low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
    in_front = 0
    for k in range(3):
        if screen[tri[k], 2] > 0:
            in_front += 1
            x, y = screen[tri[k], 0], screen[tri[k], 1]
            low_x, high_x = min(low_x, x), max(high_x, x)
            low_y, high_y = min(low_y, y), max(high_y, y)
    if in_front == 0 or not (low_x <= high_x and low_y <= high_y):
        return 1, 0, 1, 0
    if in_front < 3:  # it passes through the camera's plane: its outline is unbounded
        return 0, width - 1, 0, height - 1
    slack = 1e-6
    return (
        int(np.ceil(max(low_x - 0.5 - slack, 0.0))),
        int(np.floor(min(high_x - 0.5 + slack, width - 1.0))),
        int(np.ceil(max(low_y - 0.5 - slack, 0.0))),
        int(np.floor(min(high_y - 0.5 + slack, height - 1.0))),
    )


@no_type_check
@kernel
def project(pos, height, width, screen):
    """Clip space (V, 4) -> screen (V, 3): pixel x, y (centres at half-integers) and w."""
    for v in range(pos.shape[0]):
        w = np.float64(pos[v, 3])
        screen[v, 0] = (pos[v, 0] / w * 0.5 + 0.5) * width
        screen[v, 1] = (pos[v, 1] / w * 0.5 + 0.5) * height
        screen[v, 2] = w


@no_type_check
@kernel
def _rasterize_band(pos, bounds, tris, first_row, end_row, rast):
    height, width = rast.shape[:2]
    n, z = np.empty((3, 3)), np.empty(3)
    rast[first_row:end_row] = 0
    rast[first_row:end_row, :, 2] = 2  # behind the far plane
    for f in range(tris.shape[0]):
        x0, x1 = bounds[f, 0], bounds[f, 1]
        y0, y1 = max(bounds[f, 2], first_row), min(bounds[f, 3], end_row - 1)
        if x0 > x1 or y0 > y1:
            continue
        tri = tris[f]
        det = edge_functions(pos, tri, n)
        if det == 0 or not np.isfinite(det):
            continue
        sign = 1.0 if det > 0 else -1.0
        scale = DEPTH_STEPS / det
        for c in range(3):
            z[c] = 0.0
            for k in range(3):
                z[c] += n[k, c] * pos[tri[k], 2] * scale
        for j in range(y0, y1 + 1):
            Y = (j + 0.5) * 2 / height - 1
            for i in range(x0, x1 + 1):
                X = (i + 0.5) * 2 / width - 1
                e0 = (n[0, 0] * X + n[0, 1] * Y + n[0, 2]) * sign
                e1 = (n[1, 0] * X + n[1, 1] * Y + n[1, 2]) * sign
                e2 = (n[2, 0] * X + n[2, 1] * Y + n[2, 2]) * sign
                total = e0 + e1 + e2
                if e0 < 0 or e1 < 0 or e2 < 0 or total <= 0:
                    continue
                depth = np.floor(z[0] * X + z[1] * Y + z[2] + 0.5) / DEPTH_STEPS
                if -1 <= depth <= 1 and depth < rast[j, i, 2]:
                    rast[j, i, 0] = e0 / total
                    rast[j, i, 1] = e1 / total
                    rast[j, i, 2] = depth
                    rast[j, i, 3] = f + 1
    for j in range(first_row, end_row):
        for i in range(width):
            if rast[j, i, 3] == 0:
                rast[j, i, 2] = 0


def rasterize_forward(pos, tris, bands, rast):
    """pos (B, V, 4), tris (F, 3) -> rast (B, H, W, 4), in `bands` bands of rows a view."""
    views = len(pos)
    screen = np.empty((views, pos.shape[1], 3))
    bounds = np.empty((views, tris.shape[0], 4), dtype=np.int32)
    in_parallel(_find_bounds, views, pos, tris, rast, screen, bounds)
    in_parallel(_rasterize_bands, views * bands, pos, bounds, tris, bands, rast)


@no_type_check
@kernel
def _find_bounds(first_task, end_task, step, pos, tris, rast, screen, bounds):
    height, width = rast.shape[1:3]
    for b in range(first_task, end_task, step):
        project(pos[b], height, width, screen[b])
        for f in range(tris.shape[0]):
            x0, x1, y0, y1 = _pixel_bounds(screen[b], tris[f], height, width)
            bounds[b, f, 0], bounds[b, f, 1] = x0, x1
            bounds[b, f, 2], bounds[b, f, 3] = y0, y1


@no_type_check
@kernel
def _rasterize_bands(first_task, end_task, step, pos, bounds, tris, bands, rast):
    height = rast.shape[1]
    for task in range(first_task, end_task, step):
        b, band = task // bands, task % bands
        first, end = height * band // bands, height * (band + 1) // bands
        _rasterize_band(pos[b], bounds[b], tris, first, end, rast[b])


@no_type_check
@kernel
def _rasterize_band_backward(pos, tris, rast, grad, first_row, end_row, out):
    height, width = rast.shape[:2]
    n = np.empty((3, 3))
    h = np.empty(3)
    for j in range(first_row, end_row):
        Y = (j + 0.5) * 2 / height - 1
        for i in range(width):
            f = int(rast[j, i, 3]) - 1
            gu, gv = np.float64(grad[j, i, 0]), np.float64(grad[j, i, 1])
            if f < 0 or (gu == 0 and gv == 0):
                continue
            X = (i + 0.5) * 2 / width - 1
            tri = tris[f]
            edge_functions(pos, tri, n)
            total = 0.0
            for k in range(3):
                total += n[k, 0] * X + n[k, 1] * Y + n[k, 2]
            mean = gu * rast[j, i, 0] + gv * rast[j, i, 1]
            h[0], h[1], h[2] = (gu - mean) / total, (gv - mean) / total, -mean / total
            # e_k = (p_a x p_b) . P, so that de_k/dp_a = p_b x P and de_k/dp_b = P x p_a.
            for k in range(3):
                a, b = tri[(k + 1) % 3], tri[(k + 2) % 3]
                ax, ay, aw = pos[a, 0], pos[a, 1], pos[a, 3]
                bx, by, bw = pos[b, 0], pos[b, 1], pos[b, 3]
                out[a, 0] += h[k] * (by - bw * Y)
                out[a, 1] += h[k] * (bw * X - bx)
                out[a, 2] += h[k] * (bx * Y - by * X)
                out[b, 0] -= h[k] * (ay - aw * Y)
                out[b, 1] -= h[k] * (aw * X - ax)
                out[b, 2] -= h[k] * (ax * Y - ay * X)


def rasterize_backward(pos, tris, rast, grad, bands, grad_pos):
    """Gradient of (u, v), in grad (B, H, W, 4), to grad_pos (B, V, 4); z gets none."""
    tasks = len(pos) * bands
    parts = np.zeros((tasks, pos.shape[1], 3))
    in_parallel(_rasterize_bands_backward, tasks, pos, tris, rast, grad, bands, parts)
    in_parallel(_add_bands, pos.shape[1], parts, bands, grad_pos, in_turn=False)


@no_type_check
@kernel
def _rasterize_bands_backward(first_task, end_task, step, pos, tris, rast, grad, bands, parts):
    height = rast.shape[1]
    for task in range(first_task, end_task, step):
        b, band = task // bands, task % bands
        first, end = height * band // bands, height * (band + 1) // bands
        _rasterize_band_backward(pos[b], tris, rast[b], grad[b], first, end, parts[task])


@no_type_check
@kernel
def _add_bands(first, end, step, parts, bands, grad_pos):
    for b in range(grad_pos.shape[0]):
        for v in range(first, end, step):
            for c in range(3):
                total = 0.0
                for band in range(bands):
                    total += parts[b * bands + band, v, c]
                grad_pos[b, v, c if c < 2 else 3] = total


def interpolate_forward(attrs, rast, tris, out):
    """attrs (A, V, C) -> out (B, H, W, C); zero where there is no triangle."""
    in_parallel(_interpolate_rows, rast.shape[0] * rast.shape[1], attrs, rast, tris, out)


@no_type_check
@kernel
def _interpolate_rows(first_task, end_task, step, attrs, rast, tris, out):
    height, width = rast.shape[1:3]
    channels = attrs.shape[2]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        a = b if attrs.shape[0] > 1 else 0
        for i in range(width):
            f = int(rast[b, j, i, 3]) - 1
            if f < 0:
                for c in range(channels):
                    out[b, j, i, c] = 0
                continue
            u, v = rast[b, j, i, 0], rast[b, j, i, 1]
            t0, t1, t2 = tris[f, 0], tris[f, 1], tris[f, 2]
            for c in range(channels):
                last = attrs[a, t2, c]
                out[b, j, i, c] = u * (attrs[a, t0, c] - last) + v * (attrs[a, t1, c] - last) + last


@no_type_check
@kernel
def _interpolate_band_backward(attrs, rast, tris, grad, first_row, end_row, part, grad_rast):
    for j in range(first_row, end_row):
        for i in range(rast.shape[1]):
            f = int(rast[j, i, 3]) - 1
            for c in range(4):
                grad_rast[j, i, c] = 0
            if f < 0:
                continue
            u, v = rast[j, i, 0], rast[j, i, 1]
            t0, t1, t2 = tris[f, 0], tris[f, 1], tris[f, 2]
            gu, gv = 0.0, 0.0
            for c in range(attrs.shape[1]):
                g = np.float64(grad[j, i, c])
                last = attrs[t2, c]
                gu += g * (attrs[t0, c] - last)
                gv += g * (attrs[t1, c] - last)
                part[t0, c] += g * u
                part[t1, c] += g * v
                part[t2, c] += g * (1 - u - v)
            grad_rast[j, i, 0], grad_rast[j, i, 1] = gu, gv


def interpolate_backward(attrs, rast, tris, grad, bands, grad_attrs, grad_rast):
    """grad (B, H, W, C) -> grad_attrs (A, V, C) and grad_rast (B, H, W, 4)."""
    tasks, vertices = rast.shape[0] * bands, attrs.shape[1]
    parts = np.zeros((tasks, vertices, attrs.shape[2]))
    arguments = (attrs, rast, tris, grad, bands, parts, grad_rast)
    in_parallel(_interpolate_bands_backward, tasks, *arguments)
    per_output = tasks // len(attrs)
    in_parallel(_add_parts, vertices, parts, per_output, grad_attrs, in_turn=False)


@no_type_check
@kernel
def _interpolate_bands_backward(
    first_task, end_task, step, attrs, rast, tris, grad, bands, parts, grad_rast
):
    height = rast.shape[1]
    shared = attrs.shape[0] == 1
    for task in range(first_task, end_task, step):
        b, band = task // bands, task % bands
        first, end = height * band // bands, height * (band + 1) // bands
        a = 0 if shared else b
        _interpolate_band_backward(
            attrs[a], rast[b], tris, grad[b], first, end, parts[task], grad_rast[b]
        )


@no_type_check
@kernel
def _add_parts(first, end, step, parts, per_output, grad_attrs):
    for v in range(first, end, step):
        for a in range(grad_attrs.shape[0]):
            for c in range(grad_attrs.shape[2]):
                total = 0.0
                for share in range(a * per_output, (a + 1) * per_output):
                    total += parts[share, v, c]
                grad_attrs[a, v, c] = total
