"""Spherical harmonics on the CPU: the colours of render/harmonics.py and their gradient, in numba.

In: coefficients (N, K, 3), means (N, 3), camera centres (B, 3). Out: colours (B, N, 3). Each
Gaussian sums its own views in order, so the result does not depend on the threads.
"""

from __future__ import annotations

import math
from typing import Any, no_type_check

import numpy as np
import torch
from torch import Tensor

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

# Compiled in as constants; the names say band and, within it, the functions they belong to.
C0 = 0.5 / math.sqrt(math.pi)
C1 = math.sqrt(3 / (4 * math.pi))
C2, C2_ZONAL = math.sqrt(15 / (4 * math.pi)), math.sqrt(5 / (16 * math.pi))
C3_OUTER, C3_MIDDLE = math.sqrt(35 / (32 * math.pi)), math.sqrt(105 / (4 * math.pi))
C3_INNER, C3_ZONAL = math.sqrt(21 / (32 * math.pi)), math.sqrt(7 / (16 * math.pi))


@no_type_check
@helper
def _direction(means, centres, n, b):
    """Unit vector from camera b to mean n, and the distance."""
    x = np.float64(means[n, 0]) - centres[b, 0]
    y = np.float64(means[n, 1]) - centres[b, 1]
    z = np.float64(means[n, 2]) - centres[b, 2]
    length = max(np.sqrt(x * x + y * y + z * z), 1e-12)
    return x / length, y / length, z / length, length


@no_type_check
@helper
def _basis(x, y, z, degree, out):
    """out (16,): the functions of `harmonics.harmonics`, as far as degree asks."""
    xx, yy, zz = x * x, y * y, z * z
    out[0] = C0
    if degree > 0:
        out[1], out[2], out[3] = -C1 * y, C1 * z, -C1 * x
    if degree > 1:
        out[4], out[5], out[7] = C2 * x * y, -C2 * y * z, -C2 * x * z
        out[6], out[8] = C2_ZONAL * (2 * zz - xx - yy), C2 / 2 * (xx - yy)
    if degree > 2:
        out[9], out[15] = -C3_OUTER * y * (3 * xx - yy), -C3_OUTER * x * (xx - 3 * yy)
        out[10], out[14] = C3_MIDDLE * x * y * z, C3_MIDDLE / 2 * z * (xx - yy)
        out[11] = -C3_INNER * y * (4 * zz - xx - yy)
        out[13] = -C3_INNER * x * (4 * zz - xx - yy)
        out[12] = C3_ZONAL * z * (2 * zz - 3 * xx - 3 * yy)


@no_type_check
@helper
def _slope(x, y, z, degree, g):
    """Gradient on (x, y, z) from g (16,), the gradient on the functions."""
    xx, yy, zz, xy, xz, yz = x * x, y * y, z * z, x * y, x * z, y * z
    dx, dy, dz = 0.0, 0.0, 0.0
    if degree > 0:
        dx, dy, dz = -C1 * g[3], -C1 * g[1], C1 * g[2]
    if degree > 1:
        dx += C2 * (y * g[4] - z * g[7] + x * g[8]) - 2 * C2_ZONAL * x * g[6]
        dy += C2 * (x * g[4] - z * g[5] - y * g[8]) - 2 * C2_ZONAL * y * g[6]
        dz += -C2 * (y * g[5] + x * g[7]) + 4 * C2_ZONAL * z * g[6]
    if degree > 2:
        dx -= 3 * C3_OUTER * (2 * xy * g[9] + (xx - yy) * g[15])
        dy -= 3 * C3_OUTER * ((xx - yy) * g[9] - 2 * xy * g[15])
        dx += C3_MIDDLE * (yz * g[10] + xz * g[14])
        dy += C3_MIDDLE * (xz * g[10] - yz * g[14])
        dz += C3_MIDDLE * (xy * g[10] + (xx - yy) / 2 * g[14])
        dx += C3_INNER * (2 * xy * g[11] - (4 * zz - 3 * xx - yy) * g[13])
        dy += C3_INNER * (2 * xy * g[13] - (4 * zz - xx - 3 * yy) * g[11])
        dz -= 8 * C3_INNER * (yz * g[11] + xz * g[13])
        dx -= 6 * C3_ZONAL * xz * g[12]
        dy -= 6 * C3_ZONAL * yz * g[12]
        dz += 3 * C3_ZONAL * (2 * zz - xx - yy) * g[12]
    return dx, dy, dz


@no_type_check
@kernel
def colors_forward(first, end, step, coefficients, means, centres, degree, out):
    """Fills out (B, N, 3)."""
    used = (degree + 1) ** 2
    basis = np.empty(16)
    for n in range(first, end, step):
        for b in range(len(centres)):
            x, y, z, _ = _direction(means, centres, n, b)
            _basis(x, y, z, degree, basis)
            red, green, blue = 0.5, 0.5, 0.5
            for k in range(used):
                red += basis[k] * coefficients[n, k, 0]
                green += basis[k] * coefficients[n, k, 1]
                blue += basis[k] * coefficients[n, k, 2]
            out[b, n, 0], out[b, n, 1], out[b, n, 2] = max(red, 0), max(green, 0), max(blue, 0)


@no_type_check
@kernel
def colors_backward(
    first, end, step, coefficients, means, centres, degree, colors, grad, v_coefficients, v_means
):
    """grad (B, N, 3) -> v_coefficients (N, K, 3), which must come in zeroed, and v_means (N, 3)."""
    used = (degree + 1) ** 2
    basis, on_basis, kept, total = np.empty(16), np.empty(16), np.empty(3), np.empty(3)
    for n in range(first, end, step):
        total[0], total[1], total[2] = 0.0, 0.0, 0.0
        for b in range(len(centres)):
            x, y, z, length = _direction(means, centres, n, b)
            _basis(x, y, z, degree, basis)
            for c in range(3):
                kept[c] = grad[b, n, c] if colors[b, n, c] > 0 else 0.0
            for k in range(used):
                on_basis[k] = 0.0
                for c in range(3):
                    on_basis[k] += kept[c] * coefficients[n, k, c]
                    v_coefficients[n, k, c] += basis[k] * kept[c]
            dx, dy, dz = _slope(x, y, z, degree, on_basis)
            along = x * dx + y * dy + z * dz  # a unit vector can't grow
            total[0] += (dx - x * along) / length
            total[1] += (dy - y * along) / length
            total[2] += (dz - z * along) / length
        v_means[n, 0], v_means[n, 1], v_means[n, 2] = total[0], total[1], total[2]


class _Colors(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, coefficients: Tensor, means: Tensor, centres: Tensor, degree: int):
        colors = coefficients.new_empty(len(centres), len(means), 3)
        inputs = [t.detach().contiguous().numpy() for t in (coefficients, means, centres)]
        given = (*inputs, degree, colors.numpy())
        in_parallel(colors_forward, len(means), *given, in_turn=False)
        ctx.inputs, ctx.degree = inputs, degree
        ctx.save_for_backward(colors)
        return colors

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (colors,) = ctx.saved_tensors
        outputs = np.zeros_like(ctx.inputs[0]), np.empty_like(ctx.inputs[1])
        given = colors.numpy(), grad.contiguous().numpy()
        arguments = (*ctx.inputs, ctx.degree, *given, *outputs)
        in_parallel(colors_backward, len(outputs[1]), *arguments, in_turn=False)
        return *(torch.from_numpy(v) for v in outputs), None, None


def view_colors(coefficients: Tensor, means: Tensor, centres: Tensor, degree: int) -> Tensor:
    """As in render/harmonics.py, from camera centres (B, 3)."""
    return _Colors.apply(coefficients, means, centres, degree)
