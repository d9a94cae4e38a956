"""Trilinear lookups in sparse lattices on the CPU, forward and backward, by numba.

In: points (P, 3) in [-1, 1]^3, and for each lattice its resolution, its table corner -> row, and
rows of features (R, 5). Out: the sum of the lookups (P, 5). `backend/materials/field.py` says what
a lattice is and has the same in plain torch, which is what runs on other devices. Backwards each
lattice is one thread's, which adds in the points' order, so that the same job gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel, together

CHANNELS = 5  # logits of albedo (3), roughness, metallic


@helper
@no_type_check
def _along(coordinate, resolution):
    """Lowest corner of the coordinate's cell along one axis, and where in the cell it lies."""
    place = (min(max(coordinate, np.float32(-1)), np.float32(1)) + np.float32(1)) * (
        np.float32(resolution) / np.float32(2)
    )
    corner = min(np.int64(place), resolution - 1)
    return corner, place - np.float32(corner)


@helper
@no_type_check
def _weight(k, along_x, along_y, along_z):
    """Of a cell's corner k, whose bits say which end of each axis it is at."""
    one = np.float32(1)
    weight = (along_x if k & 4 else one - along_x) * (along_y if k & 2 else one - along_y)
    return weight * (along_z if k & 1 else one - along_z)


@kernel
@no_type_check
def _forward(first, end, step, points, rows, features, resolution, out):
    side = resolution + 1
    for p in range(first, end, step):
        x, along_x = _along(points[p, 0], resolution)
        y, along_y = _along(points[p, 1], resolution)
        z, along_z = _along(points[p, 2], resolution)
        # Five numbers rather than an array: they stay in registers.
        a = b = c = d = e = np.float32(0)
        for k in range(8):
            row = rows[((x + (k >> 2)) * side + y + ((k >> 1) & 1)) * side + z + (k & 1)]
            weight = _weight(k, along_x, along_y, along_z)
            a += weight * features[row, 0]
            b += weight * features[row, 1]
            c += weight * features[row, 2]
            d += weight * features[row, 3]
            e += weight * features[row, 4]
        out[p, 0] += a
        out[p, 1] += b
        out[p, 2] += c
        out[p, 3] += d
        out[p, 4] += e


@kernel
@no_type_check
def _backward(points, rows, grad_out, resolution, grad_features):
    side = resolution + 1
    for p in range(points.shape[0]):
        x, along_x = _along(points[p, 0], resolution)
        y, along_y = _along(points[p, 1], resolution)
        z, along_z = _along(points[p, 2], resolution)
        a, b, c = grad_out[p, 0], grad_out[p, 1], grad_out[p, 2]
        d, e = grad_out[p, 3], grad_out[p, 4]
        for k in range(8):
            row = rows[((x + (k >> 2)) * side + y + ((k >> 1) & 1)) * side + z + (k & 1)]
            weight = _weight(k, along_x, along_y, along_z)
            grad_features[row, 0] += weight * a
            grad_features[row, 1] += weight * b
            grad_features[row, 2] += weight * c
            grad_features[row, 3] += weight * d
            grad_features[row, 4] += weight * e
    grad_features[0] = 0


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points, rows, resolutions, *features):
        ctx.points, ctx.rows = points.numpy(), [table.numpy() for table in rows]
        ctx.resolutions, ctx.counts = resolutions, [len(f) for f in features]
        out = torch.zeros(len(points), CHANNELS)
        for table, level, resolution in zip(ctx.rows, features, resolutions, strict=True):
            arrays = (ctx.points, table, level.detach().numpy(), resolution, out.numpy())
            in_parallel(_forward, len(points), *arrays, in_turn=False)
        return out

    @staticmethod
    def backward(ctx, grad_out):
        grads = [torch.zeros(count, CHANNELS) for count in ctx.counts]
        out = grad_out.contiguous().numpy()
        levels = zip(ctx.rows, ctx.resolutions, grads, strict=True)
        # The finest takes longest and goes first.
        calls = [(_backward, ctx.points, t, out, r, g.numpy()) for t, r, g in levels]
        together(calls[::-1])
        return (None, None, None, *grads)


def lookup(
    points: Float[Tensor, "P 3"],
    features: Sequence[Float[Tensor, "_ 5"]],
    rows: Sequence[Int32[Tensor, " _"]],
    resolutions: Sequence[int],
) -> Float[Tensor, "P 5"]:
    """Sum over the lattices; differentiable with respect to the features, of which row 0 never
    gets a gradient. All float32."""
    return _Lookup.apply(points.detach().contiguous(), rows, resolutions, *features)
