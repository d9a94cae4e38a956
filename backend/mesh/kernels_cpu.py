"""What the refinement asks of a mesh at every step, as numba kernels for the CPU.

In: tetrahedra with distances at their corners; triangles. Out: the eikonal term with its gradient;
the edges and the faces that share one. mesh/regularise.py and mesh/geometry.py say what these are
and have them in plain torch, which is what runs on other devices.
"""

from __future__ import annotations

import weakref
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from backend.render.kernels import kernel
from backend.render.threads import in_parallel


@kernel
@no_type_check
def _eikonal(first, end, step, points, sdf, tets, terms, v_corners, v_values):
    """Each tetrahedron's (|g| - 1)^2 and its gradient on corners and values.

    The rows of E being the edges from the first corner, E g = d. With w = E^-T dterm/dg, the
    gradient on d is w and that on E is -w g^T.
    """
    edge, normal = np.empty((3, 3)), np.empty((3, 3))
    d, g, w = np.empty(3), np.empty(3), np.empty(3)
    for t in range(first, end, step):
        for k in range(3):
            for c in range(3):
                edge[k, c] = points[tets[t, k + 1], c] - np.float64(points[tets[t, 0], c])
            d[k] = sdf[tets[t, k + 1]] - np.float64(sdf[tets[t, 0]])
        determinant = 0.0
        for k in range(3):
            p, q = (k + 1) % 3, (k + 2) % 3
            for c in range(3):
                x, y = (c + 1) % 3, (c + 2) % 3
                normal[k, c] = edge[p, x] * edge[q, y] - edge[p, y] * edge[q, x]
        for c in range(3):
            determinant += edge[0, c] * normal[0, c]
        for c in range(3):
            g[c] = 0.0
            for k in range(3):
                g[c] += normal[k, c] * d[k] / determinant
        length = np.sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2])
        terms[t] = (length - 1) * (length - 1)
        pull = 2 * (length - 1) / length if length > 0 else 0.0
        v_values[t, 0] = 0
        for c in range(3):
            v_corners[t, 0, c] = 0
        for k in range(3):
            w[k] = 0.0
            for c in range(3):
                w[k] += normal[k, c] * g[c] * pull / determinant
            v_values[t, k + 1] = w[k]
            v_values[t, 0] -= w[k]
            for c in range(3):
                v_corners[t, k + 1, c] = -w[k] * g[c]
                v_corners[t, 0, c] += w[k] * g[c]


@kernel
@no_type_check
def _scatter(tets, v_corners, v_values, factor, v_points, v_sdf):
    """On one thread, so in one order."""
    for t in range(tets.shape[0]):
        for k in range(4):
            v = tets[t, k]
            v_sdf[v] += v_values[t, k] * factor
            for c in range(3):
                v_points[v, c] += v_corners[t, k, c] * factor


class _Eikonal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points, sdf, tets):
        count = len(tets)
        terms = np.empty(count)
        v_corners, v_values = np.empty((count, 4, 3), np.float32), np.empty((count, 4), np.float32)
        arrays = [t.detach().contiguous().numpy() for t in (points, sdf, tets)]
        in_parallel(_eikonal, count, *arrays, terms, v_corners, v_values, in_turn=False)
        ctx.state = (arrays[2], v_corners, v_values)
        ctx.shapes = (points.shape, sdf.shape)
        return torch.tensor(terms.mean(), dtype=points.dtype)

    @staticmethod
    def backward(ctx, grad):
        tets, v_corners, v_values = ctx.state
        v_points, v_sdf = (torch.zeros(shape) for shape in ctx.shapes)
        factor = float(grad) / max(1, len(tets))
        _scatter(tets, v_corners, v_values, factor, v_points.numpy(), v_sdf.numpy())
        return v_points, v_sdf, None


def eikonal(
    points: Float[Tensor, "N 3"], sdf: Float[Tensor, " N"], tets: Int64[Tensor, "T 4"]
) -> Tensor:
    """Mean of (|grad sdf| - 1)^2; float32 on the CPU, tets not empty."""
    return _Eikonal.apply(points, sdf, tets)


@kernel
@no_type_check
def _sorted_corners(faces, vertex_count):
    """Starts (V + 1,) of each vertex's run of edges to higher vertices; ends and faces, sorted by
    end within a run and, where an edge has several faces, by face."""
    starts = np.zeros(vertex_count + 1, np.int64)
    for f in range(faces.shape[0]):
        for k in range(3):
            starts[min(faces[f, k], faces[f, (k + 1) % 3]) + 1] += 1
    for v in range(vertex_count):
        starts[v + 1] += starts[v]
    fill = np.empty(vertex_count, np.int64)
    for v in range(vertex_count):
        fill[v] = starts[v]
    ends, owners = np.empty(3 * faces.shape[0], np.int64), np.empty(3 * faces.shape[0], np.int64)
    for f in range(faces.shape[0]):
        for k in range(3):
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            low, high = min(a, b), max(a, b)
            # Insertion sort: a vertex has a handful of edges.
            i = fill[low]
            while i > starts[low] and ends[i - 1] > high:
                ends[i], owners[i] = ends[i - 1], owners[i - 1]
                i -= 1
            ends[i], owners[i] = high, f
            fill[low] += 1
    return starts, ends, owners


@kernel
@no_type_check
def _edges_and_pairs(starts, ends, owners):
    edges, pairs = np.empty((ends.size, 2), np.int64), np.empty((ends.size, 2), np.int64)
    edge_count = pair_count = 0
    for v in range(starts.size - 1):
        i = starts[v]
        while i < starts[v + 1]:
            j = i + 1
            while j < starts[v + 1] and ends[j] == ends[i]:
                j += 1
            edges[edge_count, 0], edges[edge_count, 1] = v, ends[i]
            edge_count += 1
            if j - i == 2:
                pairs[pair_count, 0], pairs[pair_count, 1] = owners[i], owners[i + 1]
                pair_count += 1
            i = j
    return edges[:edge_count], pairs[:pair_count]


_last_asked: dict[str, Any] = {}


def edges_and_pairs(
    faces: Int64[Tensor, "F 3"],
) -> tuple[Int64[Tensor, "E 2"], Int64[Tensor, "P 2"]]:
    """Every edge once, lower vertex first, and the two faces of each edge that has just two.

    Not to be written to: a step asks twice about the same faces, and gets the same tensors.
    """
    seen, version, found = _last_asked.get("faces", (lambda: None, 0, None))
    if seen() is faces and version == faces._version:
        return found
    found = _found(faces)
    _last_asked["faces"] = (weakref.ref(faces), faces._version, found)
    return found


def _found(faces: Tensor) -> tuple[Tensor, Tensor]:
    array = faces.contiguous().numpy()
    vertex_count = int(array.max()) + 1 if len(array) else 0
    edges, pairs = _edges_and_pairs(*_sorted_corners(array, vertex_count))
    return torch.from_numpy(edges), torch.from_numpy(pairs)
