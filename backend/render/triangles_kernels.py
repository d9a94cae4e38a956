"""Triangle rasterisation on the CPU: numba kernels, arrays in and out.

In:  clip-space vertices (B, V, 4), triangles (F, 3).
Out: rasters (B, H, W, 4) of (u, v, z/w, triangle + 1), and their gradient.

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

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

# Depth is rounded to 24 bits as in a hardware depth buffer, so that coincident triangles tie
# exactly (whatever the order of their vertices) and the lowest triangle wins.
DEPTH_STEPS = 2.0**24


@no_type_check
@helper
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
@helper
def project(pos, height, width, screen):
    """Clip space (V, 4) -> screen (V, 3): pixel x, y (centres at half-integers) and w."""
    for v in range(pos.shape[0]):
        w = np.float64(pos[v, 3])
        screen[v, 0] = (pos[v, 0] / w * 0.5 + 0.5) * width
        screen[v, 1] = (pos[v, 1] / w * 0.5 + 0.5) * height
        screen[v, 2] = w


@no_type_check
@helper
def _rasterize_band(pos, boxes, tris, columns, rows, first_row, end_row, rast):
    """boxes: (N, 5) triangles that may be seen, first and last column, first and last row."""
    rast[first_row:end_row] = 0
    rast[first_row:end_row, :, 2] = 2  # behind the far plane
    for k in range(boxes.shape[0]):
        y0, y1 = max(boxes[k, 3], first_row), min(boxes[k, 4], end_row - 1)
        if y0 > y1:
            continue
        f = boxes[k, 0]
        a, b, c = tris[f, 0], tris[f, 1], tris[f, 2]
        ax, ay, aw = np.float64(pos[a, 0]), np.float64(pos[a, 1]), np.float64(pos[a, 3])
        bx, by, bw = np.float64(pos[b, 0]), np.float64(pos[b, 1]), np.float64(pos[b, 3])
        cx, cy, cw = np.float64(pos[c, 0]), np.float64(pos[c, 1]), np.float64(pos[c, 3])
        # As `edge_functions`, in numbers that stay in registers.
        x0, x1, x2 = by * cw - bw * cy, cy * aw - cw * ay, ay * bw - aw * by
        y_0, y_1, y_2 = bw * cx - bx * cw, cw * ax - cx * aw, aw * bx - ax * bw
        w0, w1, w2 = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
        det = x0 * ax + y_0 * ay + w0 * aw
        if det == 0 or not np.isfinite(det):
            continue
        sign = 1.0 if det > 0 else -1.0
        scale, known = DEPTH_STEPS / det, False
        zx, zy, zw = 0.0, 0.0, 0.0
        for j in range(y0, y1 + 1):
            Y = rows[j]
            for i in range(boxes[k, 1], boxes[k, 2] + 1):
                X = columns[i]
                e0 = (x0 * X + y_0 * Y + w0) * sign
                e1 = (x1 * X + y_1 * Y + w1) * sign
                e2 = (x2 * X + y_2 * Y + w2) * sign
                if e0 < 0 or e1 < 0 or e2 < 0:
                    continue
                total = e0 + e1 + e2
                if total <= 0:
                    continue
                if not known:
                    az, bz, cz = pos[a, 2], pos[b, 2], pos[c, 2]
                    zx = x0 * az * scale + x1 * bz * scale + x2 * cz * scale
                    zy = y_0 * az * scale + y_1 * bz * scale + y_2 * cz * scale
                    zw = w0 * az * scale + w1 * bz * scale + w2 * cz * scale
                    known = True
                depth = np.floor(zx * X + zy * Y + zw + 0.5) / DEPTH_STEPS
                if -1 <= depth <= 1 and depth < rast[j, i, 2]:
                    rast[j, i, 0] = e0 / total
                    rast[j, i, 1] = e1 / total
                    rast[j, i, 2] = depth
                    rast[j, i, 3] = f + 1
    for j in range(first_row, end_row):
        for i in range(rast.shape[1]):
            if rast[j, i, 3] == 0:
                rast[j, i, 2] = 0


def rasterize_forward(pos, tris, bands, rast):
    """pos (B, V, 4), tris (F, 3) -> rast (B, H, W, 4), in `bands` bands of rows a view."""
    views, height, width = rast.shape[:3]
    screen = np.empty((views, pos.shape[1], 3))
    boxes = np.empty((views, tris.shape[0] + 1, 5), dtype=np.int32)
    counts = np.empty(views, np.int64)
    columns, rows = ((np.arange(size) + 0.5) * 2 / size - 1 for size in (width, height))
    in_parallel(_find_boxes, views, pos, tris, height, width, screen, boxes, counts)
    task = (pos, boxes, counts, tris, columns, rows, bands, rast)
    in_parallel(_rasterize_bands, views * bands, *task)


@no_type_check
@helper
def _pixels_between(a, b, c, size):
    """First and last of `size` pixels whose centres may lie between the three coordinates; first >
    last where none does."""
    slack = 1e-6
    low, high = min(a, min(b, c)) - 0.5 - slack, max(a, max(b, c)) - 0.5 + slack
    # Clamped first: beyond the picture, numbers may be too large for integers.
    low, high = min(max(low, 0.0), np.float64(size)), min(max(high, -1.0), size - 1.0)
    return int(np.ceil(low)), int(np.floor(high))


@no_type_check
@kernel
def _find_boxes(first_task, end_task, step, pos, tris, height, width, screen, boxes, counts):
    """For each view the triangles whose bounds hold a pixel's centre, in ascending order.

    Every triangle is written down and the next one over it unless it counts: whether a small one
    meets a centre is a matter of chance, and a branch on that costs more than the writing.
    """
    for b in range(first_task, end_task, step):
        seen = screen[b]
        project(pos[b], height, width, seen)
        count = 0
        for f in range(tris.shape[0]):
            i, j, k = tris[f, 0], tris[f, 1], tris[f, 2]
            behind = (seen[i, 2] <= 0) + (seen[j, 2] <= 0) + (seen[k, 2] <= 0)
            if behind == 0:
                x0, x1 = _pixels_between(seen[i, 0], seen[j, 0], seen[k, 0], width)
                y0, y1 = _pixels_between(seen[i, 1], seen[j, 1], seen[k, 1], height)
            elif behind < 3:  # it passes through the camera's plane: its outline is unbounded
                x0, x1, y0, y1 = 0, width - 1, 0, height - 1
            else:
                x0, x1, y0, y1 = 1, 0, 1, 0
            boxes[b, count, 0] = f
            boxes[b, count, 1], boxes[b, count, 2] = x0, x1
            boxes[b, count, 3], boxes[b, count, 4] = y0, y1
            # Numbers that aren't any become integers of any kind.
            inside = (x0 >= 0) & (x1 < width) & (y0 >= 0) & (y1 < height)
            count += inside & (x0 <= x1) & (y0 <= y1)
        counts[b] = count


@no_type_check
@kernel
def _rasterize_bands(
    first_task, end_task, step, pos, boxes, counts, tris, columns, rows, bands, rast
):
    height = rast.shape[1]
    for task in range(first_task, end_task, step):
        b, band = task // bands, task % bands
        first, end = height * band // bands, height * (band + 1) // bands
        seen = boxes[b, : counts[b]]
        _rasterize_band(pos[b], seen, tris, columns, rows, first, end, rast[b])


@no_type_check
@helper
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
