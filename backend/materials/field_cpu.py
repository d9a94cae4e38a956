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


@numba.njit(inline="always")
@no_type_check
def _cell(point, resolution):
    """Lowest corner of the point's cell, and where in the cell it lies."""
    corner = np.empty(3, np.int64)
    fraction = np.empty(3, np.float32)
    for axis in range(3):
        place = (min(max(point[axis], -1.0), 1.0) + 1.0) * (resolution / 2)
        corner[axis] = min(int(place), resolution - 1)
        fraction[axis] = place - corner[axis]
    return corner, fraction


@numba.njit(inline="always")
@no_type_check
def _corner(k, corner, fraction, resolution):
    """Flat index and weight of the k-th of a cell's eight corners."""
    weight = np.float32(1)
    index = 0
    for axis in range(3):
        bit = (k >> (2 - axis)) & 1
        weight *= fraction[axis] if bit else 1 - fraction[axis]
        index = index * (resolution + 1) + corner[axis] + bit
    return index, weight


@numba.njit(cache=True, nogil=True)
@no_type_check
def _forward(first, end, step, points, rows, features, resolution, out):
    for p in range(first, end, step):
        corner, fraction = _cell(points[p], resolution)
        for k in range(8):
            index, weight = _corner(k, corner, fraction, resolution)
            row = rows[index]
            for c in range(features.shape[1]):
                out[p, c] += weight * features[row, c]


@numba.njit(cache=True)
@no_type_check
def _backward(points, rows, grad_out, resolution, grad_features):
    for p in range(len(points)):
        corner, fraction = _cell(points[p], resolution)
        for k in range(8):
            index, weight = _corner(k, corner, fraction, resolution)
            row = rows[index]
            if row > 0:
                for c in range(grad_out.shape[1]):
                    grad_features[row, c] += weight * grad_out[p, c]


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
