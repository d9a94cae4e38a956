"""Normals and smoothness of a triangle mesh as numba kernels for the CPU.

In: vertices (V, 3) float32 and triangles. Out: smooth vertex normals; the two smoothness terms,
whose gradients are found along with their values. mesh/geometry.py and mesh/regularise.py say what
these are and have them in plain torch, which is what runs on other devices and in float64. All is
summed in float64 and on one thread, so in one order.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from backend.render.kernels import kernel
from backend.render.triangles_edges import edge_table

LEAST = 1e-12  # what a length is held above before dividing by it


@kernel
@no_type_check
def _add_crosses(vertices, faces, crosses, totals):
    """crosses (F, 3) become normals as long as twice the face's area; totals (V, 3) get the sums
    of them at the vertices added."""
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            one = np.float64(vertices[b, j]) - vertices[a, j]
            two = np.float64(vertices[b, k]) - vertices[a, k]
            cross = one * (np.float64(vertices[c, k]) - vertices[a, k])
            cross -= two * (np.float64(vertices[c, j]) - vertices[a, j])
            crosses[f, i] = cross
            totals[a, i] += cross
            totals[b, i] += cross
            totals[c, i] += cross


@kernel
@no_type_check
def _add_crosses_back(vertices, faces, v_crosses, v_totals, out):
    """Adds to out (V, 3) the gradients on the vertices from those on both outputs of
    `_add_crosses`."""
    g = np.empty(3)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for i in range(3):
            g[i] = v_crosses[f, i] + v_totals[a, i] + v_totals[b, i] + v_totals[c, i]
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            # (c - a) x g goes to b, g x (b - a) to c, and what balances them to a.
            to_b = (np.float64(vertices[c, j]) - vertices[a, j]) * g[k]
            to_b -= (np.float64(vertices[c, k]) - vertices[a, k]) * g[j]
            to_c = (np.float64(vertices[b, k]) - vertices[a, k]) * g[j]
            to_c -= (np.float64(vertices[b, j]) - vertices[a, j]) * g[k]
            out[b, i] += to_b
            out[c, i] += to_c
            out[a, i] -= to_b + to_c


@kernel
@no_type_check
def _bend(crosses, edges, owners, lengths, pulls):
    """Sum over edges of two faces of 1 - cos, its gradient on the crosses, in their place, and how
    many such edges there are. lengths (F,) and pulls (F, 3), zeros, are room to work in."""
    total, pairs = 0.0, 0
    for f in range(crosses.shape[0]):
        x, y, z = crosses[f, 0], crosses[f, 1], crosses[f, 2]
        lengths[f] = max(np.sqrt(x * x + y * y + z * z), LEAST)
        for i in range(3):
            crosses[f, i] /= lengths[f]
    for e in range(edges.shape[0]):
        first = edges[e, 2]
        if edges[e, 3] - first != 2:
            continue
        pairs += 1
        one, two = abs(owners[first]) - 1, abs(owners[first + 1]) - 1
        total += 1.0
        for i in range(3):
            total -= crosses[one, i] * crosses[two, i]
            pulls[one, i] -= crosses[two, i]
            pulls[two, i] -= crosses[one, i]
    for f in range(crosses.shape[0]):
        along = 0.0
        for i in range(3):
            along += crosses[f, i] * pulls[f, i]
        if lengths[f] <= LEAST:
            along = 0.0
        for i in range(3):
            crosses[f, i] = (pulls[f, i] - along * crosses[f, i]) / lengths[f]
    return total, pairs


@kernel
@no_type_check
def _laplacian(vertices, edges, degrees, delta, out):
    """Sum of the squared Laplacians; its gradient in out (V, 3). degrees (V,), delta (V, 3) and
    out come in as zeros."""
    count = vertices.shape[0]
    for e in range(edges.shape[0]):
        a, b = edges[e, 0], edges[e, 1]
        degrees[a] += 1
        degrees[b] += 1
        for i in range(3):
            delta[a, i] += vertices[b, i]
            delta[b, i] += vertices[a, i]
    total = 0.0
    for v in range(count):
        for i in range(3):
            delta[v, i] = delta[v, i] / degrees[v] - vertices[v, i] if degrees[v] > 0 else 0.0
            total += delta[v, i] * delta[v, i]
            out[v, i] -= 2 * delta[v, i]
    for e in range(edges.shape[0]):
        a, b = edges[e, 0], edges[e, 1]
        for i in range(3):
            out[a, i] += 2 * delta[b, i] / degrees[b]
            out[b, i] += 2 * delta[a, i] / degrees[a]
    return total


def takes(vertices: Tensor) -> bool:
    """Whether these kernels are for such vertices."""
    return vertices.device.type == "cpu" and vertices.dtype == torch.float32


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [t.detach().contiguous().numpy() for t in tensors]


def _crosses(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    crosses, totals = np.empty((len(faces), 3)), np.zeros((len(vertices), 3))
    _add_crosses(vertices, faces, crosses, totals)
    return crosses, totals


def _crosses_back(
    vertices: np.ndarray, faces: np.ndarray, v_crosses: np.ndarray, v_totals: np.ndarray
) -> Float[Tensor, "V 3"]:
    out = np.zeros((len(vertices), 3))
    _add_crosses_back(vertices, faces, v_crosses, v_totals, out)
    return torch.from_numpy(out)


class _VertexNormals(torch.autograd.Function):
    @staticmethod
    def forward(ctx, vertices, faces):
        ctx.arrays = _arrays(vertices, faces)
        totals = torch.from_numpy(_crosses(*ctx.arrays)[1])
        ctx.lengths = totals.norm(dim=-1, keepdim=True)
        ctx.normals = totals / ctx.lengths.clamp(min=LEAST)
        return ctx.normals.to(vertices.dtype)

    @staticmethod
    def backward(ctx, v_normals):
        pulls = v_normals.double()
        along = (ctx.normals * pulls).sum(-1, keepdim=True) * (ctx.lengths > LEAST)
        v_totals = (pulls - along * ctx.normals) / ctx.lengths.clamp(min=LEAST)
        nothing = np.zeros((len(ctx.arrays[1]), 3))
        v_vertices = _crosses_back(*ctx.arrays, nothing, v_totals.numpy())
        return v_vertices.to(v_normals.dtype), None


class _Known(torch.autograd.Function):
    """A scalar whose gradient was found along with it."""

    @staticmethod
    def forward(ctx, vertices, value, gradient):
        ctx.gradient = gradient
        return vertices.new_tensor(value)

    @staticmethod
    def backward(ctx, v_value):
        return (ctx.gradient * float(v_value)).to(v_value.dtype), None, None


def vertex_normals(
    vertices: Float[Tensor, "V 3"], faces: Int64[Tensor, "F 3"]
) -> Float[Tensor, "V 3"]:
    """Unit; zero where no face has any area."""
    return _VertexNormals.apply(vertices, faces)


def _table(vertices: Tensor, faces: Tensor) -> tuple[np.ndarray, np.ndarray]:
    return edge_table(faces.int().contiguous().numpy(), len(vertices))


def normal_consistency(vertices: Float[Tensor, "V 3"], faces: Int64[Tensor, "F 3"]) -> Tensor:
    """Mean of 1 - cos between the normals of faces that share an edge; 0 where none do."""
    arrays = _arrays(vertices, faces)
    crosses, totals = _crosses(*arrays)
    room = np.empty(len(crosses)), np.zeros_like(crosses)
    value, pairs = _bend(crosses, *_table(vertices, faces), *room)
    totals[:] = 0
    gradient = _crosses_back(arrays[0], arrays[1], crosses, totals) / max(1, pairs)
    return _Known.apply(vertices, value / max(1, pairs), gradient)


def laplacian(vertices: Float[Tensor, "V 3"], faces: Int64[Tensor, "F 3"]) -> Tensor:
    """Mean squared uniform Laplacian; there has to be a vertex."""
    edges, _ = _table(vertices, faces)
    count = len(vertices)
    gradient = np.zeros((count, 3))
    room = np.zeros(count), np.zeros((count, 3))
    value = _laplacian(*_arrays(vertices), edges, *room, gradient)
    return _Known.apply(vertices, value / count, torch.from_numpy(gradient) / count)
