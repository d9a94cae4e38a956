"""Which silhouette edges pass between which pixels: numba kernels, arrays in and out.

In:  rasters (B, H, W, 4), clip-space vertices (B, V, 4), the edges' table (triangles_edges.py).
Out: for each pair of neighbouring pixels the edge between them, and where it passes.

What becomes of them (triangles_blend.py) is the antialiasing of Laine et al., "Modular Primitives
for High-Performance Differentiable Rendering" (2020), section 3.6. We differ in how the edges are
found. There, each pixel asks the triangle it sees whether that owns a silhouette edge; once
triangles are smaller than a pixel that one seldom does, and most of the gradient is lost. Here each
silhouette edge of the mesh asks which pixel pairs it passes through, and counts where the farther
side isn't hidden, whatever the size of the triangles. `owner_only` gives the paper's rule.

A pair of pixels keeps one edge: of those on the same side the outermost (it bounds the coverage),
otherwise the nearer one. Edges with an end before the near plane stay unblended.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.render.triangles_kernels import project
from backend.threads import in_parallel


@no_type_check
@helper
def _find_facings(pos, tris, facings):
    """+1 or -1 by the way a triangle winds as seen from the camera; 0 for those without area.

    det(p_0, p_1, p_2) of (x, y, w) has that sign wherever the vertices lie.
    """
    for f in range(tris.shape[0]):
        a, b, c = tris[f, 0], tris[f, 1], tris[f, 2]
        ax, ay, aw = np.float64(pos[a, 0]), np.float64(pos[a, 1]), np.float64(pos[a, 3])
        bx, by, bw = np.float64(pos[b, 0]), np.float64(pos[b, 1]), np.float64(pos[b, 3])
        d = (ay * bw - aw * by) * pos[c, 0] + (aw * bx - ax * bw) * pos[c, 1]
        d += (ax * by - ay * bx) * pos[c, 3]
        facing = 1 if d > 0 else (-1 if d < 0 else 0)
        facings[f] = 0 if a in (b, c) or b == c else facing


@no_type_check
@helper
def _surface_side(first, end, owners, facings):
    """Which side of the edge its triangles lie on, seen from the camera: +1, -1, or 0 for both.

    +1 is where the edge's function p_a x p_b is positive.
    """
    side = 0
    if end - first == 2 and owners[first] * owners[first + 1] < 0:  # most: a surface goes on
        here = facings[abs(owners[first]) - 1]
        if here == facings[abs(owners[first + 1]) - 1]:
            return 0
    for k in range(first, end):
        sign = 1 if owners[k] > 0 else -1
        own = facings[sign * owners[k] - 1] * sign
        if own * side < 0:
            return 0
        if own != 0:
            side = own
    return side


@no_type_check
@helper
def _owns(tri, a, b):
    has_a = tri[0] == a or tri[1] == a or tri[2] == a
    has_b = tri[0] == b or tri[1] == b or tri[2] == b
    return has_a and has_b


@no_type_check
@helper
def _trace_edge(number, a, b, side, pos, screen, rast, tris, owner_only, crossing, shift, found):
    """Enters one silhouette edge into the pixel pairs that it passes through."""
    height, width = rast.shape[:2]
    x_a, y_a, x_b, y_b = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
    # The pairs' direction: 0 for columns, 1 for rows.
    axis = 1 if abs(x_b - x_a) >= abs(y_b - y_a) else 0
    u_a, u_b, v_a, v_b = (y_a, y_b, x_a, x_b) if axis == 0 else (x_a, x_b, y_a, y_b)
    length, depth = (height, width) if axis == 0 else (width, height)
    z_a, z_b = pos[a, 2] / screen[a, 2], pos[b, 2] / screen[b, 2]
    low, high = min(u_a, u_b), max(u_a, u_b)
    if not (high > 0.5 and low <= length - 0.5) or u_b == u_a:
        return
    first = int(np.ceil(max(low - 0.5, 0.0)))
    end = int(np.ceil(min(high - 0.5, np.float64(length))))
    # The component along the pairs of the edge function's normal p_a x p_b.
    w_a, w_b = np.float64(pos[a, 3]), np.float64(pos[b, 3])
    if axis == 0:
        second_inside = (pos[a, 1] * w_b - w_a * pos[b, 1]) * side > 0
    else:
        second_inside = (w_a * pos[b, 0] - pos[a, 0] * w_b) * side > 0
    for u in range(first, end):
        s = (u + 0.5 - u_a) / (u_b - u_a)
        v = v_a + s * (v_b - v_a) - 0.5
        if not (v >= 0 and v < depth - 1):
            continue
        k = int(np.floor(v))
        t = v - k
        inside, outside = (k + 1, k) if second_inside else (k, k + 1)
        i0, j0 = (k, u) if axis == 0 else (u, k)
        i_in, j_in = (inside, u) if axis == 0 else (u, inside)
        i_out, j_out = (outside, u) if axis == 0 else (u, outside)
        z = z_a + s * (z_b - z_a)
        seen = int(rast[j_in, i_in, 3])
        if seen == 0 or (rast[j_out, i_out, 3] > 0 and rast[j_out, i_out, 2] <= z):
            continue
        if owner_only and not _owns(tris[seen - 1], a, b):
            continue
        reach = -t if second_inside else t
        if crossing[j0, i0, axis] != 0:
            other = found[j0, i0, axis]
            same_side = (other[0] > 0) == second_inside
            if same_side and other[1] >= reach:
                continue
            if not same_side and other[2] <= z:
                continue
        found[j0, i0, axis, 0] = 1 if second_inside else -1
        found[j0, i0, axis, 1] = reach
        found[j0, i0, axis, 2] = z
        crossing[j0, i0, axis] = number + 1
        shift[j0, i0, axis] = t - 0.5


def find_crossings(pos, tris, edges, owners, rast, owner_only, crossing, shift):
    """Fills, for each pixel and its right (0) and lower (1) neighbour, what passes between them.

    crossing (B, H, W, 2) gets the edge's number + 1, or 0; shift (B, H, W, 2) gets t - 1/2.
    """
    views, height, width = rast.shape[:3]
    screen = np.empty((views, pos.shape[1], 3))
    found = np.empty((views, height, width, 2, 3))
    facings = np.empty((views, tris.shape[0]), np.int8)
    crossing[:], shift[:] = 0, 0
    space = (screen, found, facings)
    arguments = (pos, tris, edges, owners, rast, owner_only, *space, crossing, shift)
    in_parallel(_find_crossings, views, *arguments)


@no_type_check
@kernel
def _find_crossings(
    first_task, end_task, step,
    pos, tris, edges, owners, rast, owner_only, screen, found, facings, crossing, shift,
):  # fmt: skip
    height, width = rast.shape[1:3]
    for view in range(first_task, end_task, step):
        points, seen = pos[view], screen[view]
        project(points, height, width, seen)
        _find_facings(points, tris, facings[view])
        for e in range(edges.shape[0]):
            side = _surface_side(edges[e, 2], edges[e, 3], owners, facings[view])
            if side == 0:
                continue
            a, b = edges[e, 0], edges[e, 1]
            if points[a, 2] <= -points[a, 3] or points[b, 2] <= -points[b, 3]:
                continue
            if seen[a, 2] <= 0 or seen[b, 2] <= 0:
                continue
            _trace_edge(
                e, a, b, side, points, seen, rast[view], tris, owner_only,
                crossing[view], shift[view], found[view],
            )  # fmt: skip
