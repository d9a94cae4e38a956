"""Antialiasing by the mesh's silhouette edges: numba kernels, arrays in and out.

In:  images (B, H, W, C), rasters (B, H, W, 4), clip-space vertices (B, V, 4), the edges' table.
Out: images whose pixels beside a silhouette are blended by coverage, and gradients to both.

The blend is the one of Laine et al., "Modular Primitives for High-Performance Differentiable
Rendering" (2020), section 3.6: an edge that passes between the centres of two neighbouring pixels,
at t in [0, 1) of the way, hands |t - 1/2| of one pixel's colour to the other. We differ in how the
edges are found. There, each pixel asks the triangle it sees whether that owns a silhouette edge;
once triangles are smaller than a pixel that one seldom does, and most of the gradient is lost. Here
each silhouette edge of the mesh asks which pixel pairs it passes through, and counts where the
farther side isn't hidden, whatever the size of the triangles. `owner_only` gives the paper's rule.

A pair of pixels keeps one edge: of those on the same side the outermost (it bounds the coverage),
otherwise the nearer one. Edges with an end before the near plane stay unblended.
"""

from __future__ import annotations

from typing import Any, no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.render.threads import in_parallel
from backend.render.triangles_kernels import project


@no_type_check
@kernel
def mesh_edges(tris, vertex_count):
    """tris (F, 3) -> edges (E, 4) of (a, b, first, end) with a < b, and owners (3F,).

    owners[first:end] are the triangles that share the edge, + 1; negative where they run from b to
    a.
    """
    starts = np.zeros(vertex_count + 1, dtype=np.int64)
    for f in range(tris.shape[0]):
        for k in range(3):
            starts[min(tris[f, k], tris[f, (k + 1) % 3]) + 1] += 1
    for v in range(vertex_count):
        starts[v + 1] += starts[v]
    fill = starts[:-1].copy()
    ends = np.empty(3 * tris.shape[0], dtype=np.int32)
    owners = np.empty(3 * tris.shape[0], dtype=np.int32)
    for f in range(tris.shape[0]):
        for k in range(3):
            a, b = tris[f, k], tris[f, (k + 1) % 3]
            slot = fill[min(a, b)]
            fill[min(a, b)] += 1
            ends[slot] = max(a, b)
            owners[slot] = f + 1 if a < b else -f - 1
    edges = np.empty((3 * tris.shape[0], 4), dtype=np.int32)
    count = 0
    for v in range(vertex_count):
        # Insertion sort: a vertex has a handful of edges.
        for i in range(starts[v] + 1, starts[v + 1]):
            e, o, j = ends[i], owners[i], i
            while j > starts[v] and ends[j - 1] > e:
                ends[j], owners[j] = ends[j - 1], owners[j - 1]
                j -= 1
            ends[j], owners[j] = e, o
        for i in range(starts[v], starts[v + 1]):
            if i > starts[v] and ends[i] == ends[i - 1]:
                edges[count - 1, 3] = i + 1
            else:
                edges[count, 0], edges[count, 1] = v, ends[i]
                edges[count, 2], edges[count, 3] = i, i + 1
                count += 1
    return edges[:count], owners


_last_table: dict[str, Any] = {}


def edge_table(tris: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """`mesh_edges` of tris (F, 3) int32, the last mesh's kept; not to be written to.

    A step asks more than once, and where only materials change the mesh comes again and again. To
    compare triangles takes a hundredth of the time."""
    last = _last_table.get("mesh")
    if last and last[1] == vertex_count and np.array_equal(last[0], tris):
        return last[2]
    found = mesh_edges(tris, vertex_count)
    _last_table["mesh"] = (tris.copy(), vertex_count, found)
    return found


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
    dx, dy = screen[b, 0] - screen[a, 0], screen[b, 1] - screen[a, 1]
    axis = 1 if abs(dx) >= abs(dy) else 0  # the pairs' direction: 0 for columns, 1 for rows
    along = 1 - axis
    u_a, u_b = screen[a, along], screen[b, along]
    v_a, v_b = screen[a, axis], screen[b, axis]
    length = width if along == 0 else height
    depth = width if axis == 0 else height
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


def blend(images, shift, out):
    """images (B, H, W, C) -> out: every pixel receives its share from its four neighbours."""
    in_parallel(_blend_rows, images.shape[0] * images.shape[1], images, shift, out)


@no_type_check
@kernel
def _blend_rows(first_task, end_task, step, images, shift, out):
    # The pair's second pixel receives where the shift is positive, the first otherwise.
    height, width, channels = images.shape[1:]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        for i in range(width):
            right, below = -shift[b, j, i, 0], -shift[b, j, i, 1]
            left = shift[b, j, i - 1, 0] if i > 0 else right * 0
            above = shift[b, j - 1, i, 1] if j > 0 else right * 0
            for c in range(channels):
                here = images[b, j, i, c]
                total = here
                if right > 0:
                    total += right * (images[b, j, i + 1, c] - here)
                if left > 0:
                    total += left * (images[b, j, i - 1, c] - here)
                if below > 0:
                    total += below * (images[b, j + 1, i, c] - here)
                if above > 0:
                    total += above * (images[b, j - 1, i, c] - here)
                out[b, j, i, c] = total


def blend_backward_images(grad, shift, out):
    """The transpose of `blend`: grad (B, H, W, C) -> out, the gradient to its input images."""
    in_parallel(_blend_rows_backward, grad.shape[0] * grad.shape[1], grad, shift, out)


@no_type_check
@kernel
def _blend_rows_backward(first_task, end_task, step, grad, shift, out):
    height, width, channels = grad.shape[1:]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        for i in range(width):
            right, below = shift[b, j, i, 0], shift[b, j, i, 1]
            left = shift[b, j, i - 1, 0] if i > 0 else right * 0
            above = shift[b, j - 1, i, 1] if j > 0 else right * 0
            for c in range(channels):
                here = grad[b, j, i, c]
                total = here
                if right != 0:
                    total += right * (grad[b, j, i + 1, c] if right > 0 else here)
                if left != 0:
                    total -= left * (here if left > 0 else grad[b, j, i - 1, c])
                if below != 0:
                    total += below * (grad[b, j + 1, i, c] if below > 0 else here)
                if above != 0:
                    total -= above * (here if above > 0 else grad[b, j - 1, i, c])
                out[b, j, i, c] = total


@no_type_check
@helper
def _scatter_shift(g, u, axis, a, b, screen, pos, size, grad_pos):
    """Adds the gradient g of one crossing, v_a + s (v_b - v_a), to the edge's two vertices."""
    along = 1 - axis
    du = screen[b, along] - screen[a, along]
    slope = (screen[b, axis] - screen[a, axis]) / du
    s = (u + 0.5 - screen[a, along]) / du
    for k in range(2):
        vertex = a if k == 0 else b
        weight = g * (1 - s if k == 0 else s) * 0.5 / np.float64(pos[vertex, 3])
        g_v, g_u = weight * size[axis], -slope * weight * size[along]
        grad_pos[vertex, axis] += g_v
        grad_pos[vertex, along] += g_u
        moved = g_v * pos[vertex, axis] + g_u * pos[vertex, along]
        grad_pos[vertex, 3] -= moved / np.float64(pos[vertex, 3])


def blend_backward_pos(images, grad, pos, edges, crossing, shift, grad_pos):
    """grad (B, H, W, C) -> grad_pos (B, V, 4), which must come in zeroed; z gets none."""
    arguments = (images, grad, pos, edges, crossing, shift, grad_pos)
    in_parallel(_blend_views_backward, len(images), *arguments)


@no_type_check
@kernel
def _blend_views_backward(
    first_task, end_task, step, images, grad, pos, edges, crossing, shift, grad_pos
):
    height, width, channels = images.shape[1:]
    for b in range(first_task, end_task, step):
        screen = np.empty((pos.shape[1], 3))
        project(pos[b], height, width, screen)
        for j in range(height):
            for i in range(width):
                for axis in range(2):
                    e = crossing[b, j, i, axis] - 1
                    if e < 0:
                        continue
                    j2, i2 = j + axis, i + 1 - axis
                    received = shift[b, j, i, axis] > 0  # by the pair's second pixel
                    g = 0.0
                    for c in range(channels):
                        step = np.float64(images[b, j, i, c]) - images[b, j2, i2, c]
                        g += step * (grad[b, j2, i2, c] if received else grad[b, j, i, c])
                    u = i if axis == 1 else j
                    _scatter_shift(
                        g, u, axis, edges[e, 0], edges[e, 1], screen, pos[b],
                        (width, height), grad_pos[b],
                    )  # fmt: skip
