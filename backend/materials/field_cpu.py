"""Trilinear lookups in a sparse lattice on the CPU, forward and backward, by numba.

In: points (P, 3) in [-1, 1]^3, the lattice's table corner -> row, and rows of features (R, C).
Out: (P, C). `backend/materials/field.py` says what the lattice is and has the same in plain torch,
which is what runs on other devices. The backward pass adds on one thread, in the points' order, so
that the same job gives the same bits.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from backend.render.threads import in_parallel


@numba.njit(cache=True, nogil=True)
@no_type_check
def _along(coordinate, resolution):
    """Lowest corner of the coordinate's cell along one axis, and where in the cell it lies."""
    place = (min(max(coordinate, np.float32(-1)), np.float32(1)) + np.float32(1)) * (
        np.float32(resolution) / np.float32(2)
    )
    corner = min(np.int64(place), resolution - 1)
    return corner, place - np.float32(corner)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _corners(point, resolution, index, weight):
    """Fills flat index (8,) and weight (8,) of the corners of the point's cell."""
    x, along_x = _along(point[0], resolution)
    y, along_y = _along(point[1], resolution)
    z, along_z = _along(point[2], resolution)
    side = resolution + 1
    for k in range(8):
        i, j, h = k >> 2, (k >> 1) & 1, k & 1
        index[k] = ((x + i) * side + y + j) * side + z + h
        share = along_x if i else np.float32(1) - along_x
        share *= along_y if j else np.float32(1) - along_y
        weight[k] = share * (along_z if h else np.float32(1) - along_z)


@numba.njit(cache=True, nogil=True)
@no_type_check
def _forward(first, end, step, points, rows, features, resolution, out):
    index, weight = np.empty(8, np.int64), np.empty(8, np.float32)
    for p in range(first, end, step):
        _corners(points[p], resolution, index, weight)
        for k in range(8):
            row = rows[index[k]]
            for c in range(features.shape[1]):
                out[p, c] += weight[k] * features[row, c]


@numba.njit(cache=True, nogil=True)
@no_type_check
def _backward(points, rows, grad_out, resolution, grad_features):
    index, weight = np.empty(8, np.int64), np.empty(8, np.float32)
    for p in range(len(points)):
        _corners(points[p], resolution, index, weight)
        for k in range(8):
            row = rows[index[k]]
            if row > 0:
                for c in range(grad_out.shape[1]):
                    grad_features[row, c] += weight[k] * grad_out[p, c]


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features, points, rows, resolution):
        ctx.save_for_backward(points, rows)
        ctx.resolution, ctx.count = resolution, features.shape[0]
        out = torch.zeros(points.shape[0], features.shape[1])
        arrays = (points.numpy(), rows.numpy(), features.detach().numpy())
        in_parallel(_forward, len(points), *arrays, resolution, out.numpy(), in_turn=False)
        return out

    @staticmethod
    def backward(ctx, grad_out):
        points, rows = ctx.saved_tensors
        grad = torch.zeros(ctx.count, grad_out.shape[1])
        out = grad_out.contiguous().numpy()
        _backward(points.numpy(), rows.numpy(), out, ctx.resolution, grad.numpy())
        return grad, None, None, None


def lookup(
    features: Float[Tensor, "R C"],
    points: Float[Tensor, "P 3"],
    rows: Int32[Tensor, "S"],
    resolution: int,
) -> Float[Tensor, "P C"]:
    """Differentiable with respect to the features; row 0 never gets a gradient. All float32."""
    return _Lookup.apply(features, points.detach().contiguous(), rows, resolution)
