"""Marching tetrahedra as numba kernels for the CPU.

In: tetrahedra, and which vertices are inside; backwards, the gradient on the surface's vertices.
Out: the crossed edges and the triangles; the gradients on the grid's vertices and distances.
mesh/dmtet.py says what these are, and has them in plain torch, which is what other devices run.
Everything happens on one thread, so in one order.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from backend.render.kernels import kernel

_PAIRS = [(i, j) for i in range(4) for j in range(i)]
_CROSSED = [[(i, j) for i, j in _PAIRS if (code >> i ^ code >> j) & 1] for code in range(16)]
CROSSINGS = np.array([len(pairs) for pairs in _CROSSED])  # edges crossed in each sign pattern
CROSSED = np.array([pairs + [(0, 0)] * (4 - len(pairs)) for pairs in _CROSSED])


@kernel
@no_type_check
def _march(inside, tets, corners, counts, crossed, crossings, starts, used, numbers, codes):
    """Edges in the order of (lower, higher end); every tetrahedron's first triangle, in the
    tetrahedra's order, then the second ones. starts (N + 1,), used (N,) and codes (T,) come in as
    zeros; with numbers (N,) they are room to work in."""
    ones = twos = 0
    for t in range(tets.shape[0]):
        for i in range(4):
            codes[t] |= inside[tets[t, i]] << i  # a branch would be a matter of chance
        ones += counts[codes[t]] > 0
        twos += counts[codes[t]] > 1
        for k in range(crossings[codes[t]]):
            i, j = crossed[codes[t], k, 0], crossed[codes[t], k, 1]
            starts[min(tets[t, i], tets[t, j]) + 1] += 1
    for v in range(inside.size):
        starts[v + 1] += starts[v]
    ends, total = np.empty((starts[inside.size], 1), np.int64), 0
    for t in range(tets.shape[0]):
        for k in range(crossings[codes[t]]):
            i, j = crossed[codes[t], k, 0], crossed[codes[t], k, 1]
            low, high = min(tets[t, i], tets[t, j]), max(tets[t, i], tets[t, j])
            first, place = starts[low], starts[low] + used[low]
            while place > first and ends[place - 1, 0] > high:
                place -= 1
            if place > first and ends[place - 1, 0] == high:
                continue
            for other in range(first + used[low], place, -1):
                ends[other, 0] = ends[other - 1, 0]
            ends[place, 0] = high
            used[low] += 1
            total += 1
    edges, total = np.empty((total, 2), np.int64), 0
    for v in range(inside.size):
        numbers[v] = total
        for k in range(used[v]):
            edges[total, 0], edges[total, 1] = v, ends[starts[v] + k, 0]
            total += 1
    faces = np.empty((ones + twos, 3), np.int64)
    first, second = 0, ones
    for t in range(tets.shape[0]):
        for k in range(counts[codes[t]]):
            row = first if k == 0 else second
            for c in range(3):
                a, b = tets[t, corners[codes[t], k, c, 0]], tets[t, corners[codes[t], k, c, 1]]
                vertex = numbers[min(a, b)]
                while edges[vertex, 1] != max(a, b):
                    vertex += 1
                faces[row, c] = vertex
            if k == 0:
                first += 1
            else:
                second += 1
    return edges, faces


def march(
    inside: Bool[Tensor, " N"],
    tets: Int64[Tensor, "T 4"],
    corners: Int64[Tensor, "16 2 3 2"],
    counts: Int64[Tensor, " 16"],
) -> tuple[Int64[Tensor, "V 2"], Int64[Tensor, "F 3"]]:
    """The crossed edges, lower end first, ascending; triangles over them.

    corners and counts: each sign pattern's triangles, as pairs of a tetrahedron's vertices.
    """
    arrays = [t.contiguous().numpy() for t in (inside, tets, corners, counts)]
    count = len(inside)
    room = [np.zeros(size, np.int32) for size in (count + 1, count, count)]
    edges, faces = _march(*arrays, CROSSED, CROSSINGS, *room, np.zeros(len(tets), np.uint8))
    return torch.from_numpy(edges), torch.from_numpy(faces)


@kernel
@no_type_check
def _place_back(edges, points, sdf, v_vertices, v_weights, v_points, v_sdf):
    for v in range(edges.shape[0]):
        a, b = edges[v, 0], edges[v, 1]
        s_a, s_b = np.float64(sdf[a]), np.float64(sdf[b])
        apart = s_a - s_b
        weight = s_a / apart
        along = np.float64(v_weights[v])
        for c in range(3):
            g = np.float64(v_vertices[v, c])
            v_points[a, c] += g * (1 - weight)
            v_points[b, c] += g * weight
            along += g * (np.float64(points[b, c]) - points[a, c])
        v_sdf[a] += along * (1 - weight) / apart
        v_sdf[b] += along * weight / apart


class _Place(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points, sdf, edges):
        ctx.save_for_backward(points, sdf, edges)
        a, b = points[edges].unbind(dim=1)
        s_a, s_b = sdf[edges].unbind(dim=1)
        vertices = (a * s_b[:, None] - b * s_a[:, None]) / (s_b - s_a)[:, None]
        return vertices, s_a / (s_a - s_b)

    @staticmethod
    def backward(ctx, v_vertices, v_weights):
        points, sdf, edges = (t.detach().contiguous() for t in ctx.saved_tensors)
        v_points, v_sdf = torch.zeros_like(points), torch.zeros_like(sdf)
        given = (edges, points, sdf, v_vertices, v_weights, v_points, v_sdf)
        _place_back(*(t.contiguous().numpy() for t in given))
        return v_points, v_sdf, None


def place(
    points: Float[Tensor, "N 3"], sdf: Float[Tensor, " N"], edges: Int64[Tensor, "V 2"]
) -> tuple[Float[Tensor, "V 3"], Float[Tensor, " V"]]:
    """Where the surface crosses each edge, and the weight of its second end."""
    return _Place.apply(points, sdf, edges)
