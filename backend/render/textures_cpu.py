"""Texture look-ups and screen derivatives on the CPU: numba kernels as autograd functions.

In and out as in render/textures.py, whose formulas these are. A pyramid comes flat, (T, C), with a
table of (offset, height, width) a level. The way back to the texture is shared out by texel rows,
each task adding to rows of its own alone, pixel after pixel: no texel is written by two threads,
and sums don't depend on their number.
"""

from __future__ import annotations

from typing import Any, no_type_check

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from backend.render.kernels import helper, kernel
from backend.render.triangles_kernels import edge_functions
from backend.threads import in_parallel

TASKS = 8  # one bit each in a byte


@no_type_check
@helper
def _taps(coordinate, size, nearest, wrap):
    """First and second texel along one axis, the second's share, its slope by the coordinate."""
    if not np.isfinite(coordinate):
        coordinate = 0.0
    slope = float(size)
    if wrap:
        coordinate -= np.floor(coordinate)
    elif coordinate < 0 or coordinate > 1:
        coordinate, slope = min(max(coordinate, 0.0), 1.0), 0.0
    if nearest:
        first = min(int(coordinate * size), size - 1)
        return first, first, 0.0, 0.0
    x = coordinate * size - 0.5
    first = int(np.floor(x))
    share = x - first
    second = first + 1
    if wrap:
        return first % size, second % size, share, slope
    return max(first, 0), min(second, size - 1), share, slope


@no_type_check
@helper
def _of_level(level, k, levels):
    """Number and share of the lower (k = 0) or upper of the two levels about `level`."""
    lower = int(level)
    share = level - lower
    return min(lower + k, levels - 1), share if k == 1 else 1 - share


@no_type_check
@kernel
def sample_forward(first, end, step, flat, table, uv, level, nearest, wrap, out):
    """flat (T, C), uv (P, 2), level (P,) -> out (P, C)."""
    channels = flat.shape[1]
    for p in range(first, end, step):
        for c in range(channels):
            out[p, c] = 0
        for k in range(2):
            number, share = _of_level(np.float64(level[p]), k, len(table))
            if share == 0:
                continue
            offset, height, width = table[number]
            x0, x1, fx, _ = _taps(np.float64(uv[p, 0]), width, nearest, wrap)
            y0, y1, fy, _ = _taps(np.float64(uv[p, 1]), height, nearest, wrap)
            top, low = offset + y0 * width, offset + y1 * width
            w00, w01 = share * (1 - fy) * (1 - fx), share * (1 - fy) * fx
            w10, w11 = share * fy * (1 - fx), share * fy * fx
            for c in range(channels):
                above = w00 * flat[top + x0, c] + w01 * flat[top + x1, c]
                out[p, c] += above + w10 * flat[low + x0, c] + w11 * flat[low + x1, c]


@no_type_check
@kernel
def sample_backward_uv(first, end, step, flat, table, uv, level, wrap, grad, grad_uv, touched):
    """grad (P, C) -> grad_uv (P, 2); touched (P,) gets a bit for each task that owns a row."""
    channels = flat.shape[1]
    for p in range(first, end, step):
        gu, gv, mask = 0.0, 0.0, 0
        live = False
        for c in range(channels):
            live |= grad[p, c] != 0
        for k in range(2 if live else 0):
            number, share = _of_level(np.float64(level[p]), k, len(table))
            if share == 0:
                continue
            offset, height, width = table[number]
            x0, x1, fx, slope_u = _taps(np.float64(uv[p, 0]), width, False, wrap)
            y0, y1, fy, slope_v = _taps(np.float64(uv[p, 1]), height, False, wrap)
            mask |= (1 << (y0 % TASKS)) | (1 << (y1 % TASKS))
            top, low = offset + y0 * width, offset + y1 * width
            dx, dy = 0.0, 0.0
            for c in range(channels):
                g = np.float64(grad[p, c])
                t00, t01 = flat[top + x0, c], flat[top + x1, c]
                t10, t11 = flat[low + x0, c], flat[low + x1, c]
                dx += g * ((t01 - t00) * (1 - fy) + (t11 - t10) * fy)
                dy += g * ((t10 - t00) * (1 - fx) + (t11 - t01) * fx)
            gu += share * dx * slope_u
            gv += share * dy * slope_v
        grad_uv[p, 0], grad_uv[p, 1] = gu, gv
        touched[p] = mask


@no_type_check
@helper
def _add_row(flat_grad, start, x0, x1, fx, weight, grad):
    for c in range(len(grad)):
        flat_grad[start + x0, c] += weight * (1 - fx) * grad[c]
        flat_grad[start + x1, c] += weight * fx * grad[c]


@no_type_check
@kernel
def sample_backward_flat(
    first, end, step, table, uv, level, nearest, wrap, grad, touched, flat_grad
):
    """grad (P, C) -> flat_grad (T, C), which must come in zeroed."""
    for task in range(first, end, step):
        for p in range(len(uv)):
            if not (touched[p] >> task) & 1:
                continue
            for k in range(2):
                number, share = _of_level(np.float64(level[p]), k, len(table))
                if share == 0:
                    continue
                offset, height, width = table[number]
                x0, x1, fx, _ = _taps(np.float64(uv[p, 0]), width, nearest, wrap)
                y0, y1, fy, _ = _taps(np.float64(uv[p, 1]), height, nearest, wrap)
                if y0 % TASKS == task:
                    _add_row(flat_grad, offset + y0 * width, x0, x1, fx, share * (1 - fy), grad[p])
                if y1 % TASKS == task:
                    _add_row(flat_grad, offset + y1 * width, x0, x1, fx, share * fy, grad[p])


@no_type_check
@kernel
def derivatives(first_task, end_task, stride, attrs, rast, pos, tris, out):
    """attrs (A, V, C), rast (B, H, W, 4), pos (B, V, 4) -> out (B, H, W, 2 C)."""
    height, width = rast.shape[1:3]
    channels = attrs.shape[2]
    n, slope = np.empty((3, 3)), np.empty((3, 2))
    for task in range(first_task, end_task, stride):
        b, j = task // height, task % height
        a = b if attrs.shape[0] > 1 else 0
        for i in range(width):
            out[b, j, i] = 0
            f = int(rast[b, j, i, 3]) - 1
            if f < 0:
                continue
            edge_functions(pos[b], tris[f], n)
            X, Y = (i + 0.5) * 2 / width - 1, (j + 0.5) * 2 / height - 1
            e0 = n[0, 0] * X + n[0, 1] * Y + n[0, 2]
            e1 = n[1, 0] * X + n[1, 1] * Y + n[1, 2]
            e2 = n[2, 0] * X + n[2, 1] * Y + n[2, 2]
            total = e0 + e1 + e2
            for axis in range(2):
                step = 2 / (width if axis == 0 else height) / total
                turn = (n[0, axis] + n[1, axis] + n[2, axis]) / total
                slope[0, axis] = (n[0, axis] - e0 * turn) * step
                slope[1, axis] = (n[1, axis] - e1 * turn) * step
                slope[2, axis] = (n[2, axis] - e2 * turn) * step
            for c in range(channels):
                for k in range(3):
                    value = np.float64(attrs[a, tris[f, k], c])
                    out[b, j, i, 2 * c] += slope[k, 0] * value
                    out[b, j, i, 2 * c + 1] += slope[k, 1] * value


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, flat: Tensor, uv: Tensor, level: Tensor, table: Any, nearest: bool, wrap: bool
    ) -> Tensor:
        out = flat.new_empty(len(uv), flat.shape[1])
        given = _array(flat), table, _array(uv), _array(level)
        in_parallel(sample_forward, len(uv), *given, nearest, wrap, out.numpy(), in_turn=False)
        ctx.save_for_backward(flat, uv, level)
        ctx.options = table, nearest, wrap
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (flat, uv, level), (table, nearest, wrap) = ctx.saved_tensors, ctx.options
        arrays = table, _array(uv), _array(level)
        grad_uv = torch.empty_like(uv, memory_format=torch.contiguous_format)
        touched = np.empty(len(uv), np.uint8)
        uv_arrays = _array(grad), grad_uv.numpy(), touched
        given = (_array(flat), *arrays, wrap)
        in_parallel(sample_backward_uv, len(uv), *given, *uv_arrays, in_turn=False)
        grad_flat = None
        if nearest:  # steps: no slope, and any row may hold the texel
            grad_uv.zero_()
            touched[touched != 0] = 255
        if ctx.needs_input_grad[0]:
            grad_flat = torch.zeros_like(flat, memory_format=torch.contiguous_format)
            rest = _array(grad), touched, grad_flat.numpy()
            in_parallel(sample_backward_flat, TASKS, *arrays, nearest, wrap, *rest)
        return grad_flat, grad_uv, None, None, None, None


def sample(
    levels: list[Tensor], uv: Tensor, level: Tensor | None, nearest: bool, wrap: bool
) -> Tensor:
    """As in render/textures.py."""
    if level is None and not (nearest or wrap):
        return _bilinear(levels[0], uv)
    if level is None:
        levels, level = levels[:1], torch.zeros_like(uv[..., 0])
    shapes = np.array([x.shape[:2] for x in levels], np.int64)
    sizes = shapes.prod(-1)
    table = np.concatenate([(sizes.cumsum() - sizes)[:, None], shapes], axis=1)
    flat = torch.cat([x.reshape(-1, x.shape[2]) for x in levels])
    points = uv.reshape(-1, 2).to(flat.dtype)
    out = _Sample.apply(flat, points, level.reshape(-1), table, nearest, wrap)
    return out.reshape(*uv.shape[:3], flat.shape[1])


def _bilinear(tex: Tensor, uv: Tensor) -> Tensor:
    """One level, held at its edges: torch's own is vectorised and was measured to be faster."""
    views, height, width, _ = uv.shape
    grid = (uv.to(tex.dtype) * 2 - 1).reshape(1, views * height, width, 2)
    out = F.grid_sample(
        tex.permute(2, 0, 1)[None], grid, padding_mode="border", align_corners=False
    )
    return out[0].permute(1, 2, 0).reshape(views, height, width, tex.shape[2])


def screen_derivatives(attrs: Tensor, rast: Tensor, pos_clip: Tensor, tris: Tensor) -> Tensor:
    out = attrs.new_empty(*rast.shape[:3], 2 * attrs.shape[2])
    arrays = (_array(t) for t in (attrs, rast, pos_clip, tris))
    in_parallel(derivatives, rast.shape[0] * rast.shape[1], *arrays, out.numpy())
    return out
