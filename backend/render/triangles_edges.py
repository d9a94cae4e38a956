"""The edges of a triangle mesh, each with the triangles that share it: a numba kernel.

In:  triangles (F, 3) int32. Out: edges in order of their ends, and the triangles at each, with the
way they run along it. Antialiasing asks for them, and so do the measures of a mesh's smoothness.
"""

from __future__ import annotations

from typing import Any, no_type_check

import numpy as np

from backend.render.kernels import kernel


@no_type_check
@kernel
def _mesh_edges(tris, starts, fill, ends, owners, edges):
    """Fills owners and edges, of which there are as many as it says. starts (V + 1,) comes in as
    zeros; fill (V,) and ends (3F,) are room to work in."""
    vertex_count = fill.size
    for f in range(tris.shape[0]):
        for k in range(3):
            starts[min(tris[f, k], tris[f, (k + 1) % 3]) + 1] += 1
    for v in range(vertex_count):
        starts[v + 1] += starts[v]
        fill[v] = starts[v]
    for f in range(tris.shape[0]):
        for k in range(3):
            a, b = tris[f, k], tris[f, (k + 1) % 3]
            slot = fill[min(a, b)]
            fill[min(a, b)] += 1
            ends[slot] = max(a, b)
            owners[slot] = f + 1 if a < b else -f - 1
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
    return count


def mesh_edges(tris: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """tris (F, 3) -> edges (E, 4) of (a, b, first, end) with a < b, and owners (3F,).

    owners[first:end] are the triangles that share the edge, + 1; negative where they run from b to
    a.
    """
    starts, fill = np.zeros(vertex_count + 1, np.int64), np.empty(vertex_count, np.int64)
    ends, owners = (np.empty(tris.size, np.int32) for _ in range(2))
    edges = np.empty((tris.size, 4), np.int32)
    count = _mesh_edges(tris, starts, fill, ends, owners, edges)
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
