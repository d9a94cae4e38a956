"""What covered pixels look like, as numba kernels for the CPU: normals, and simply lit colour.

In: vertex normals, and linear colours, interpolated to the pixels; rasters; plain backgrounds. Out:
pictures (B, H, W, 3) before antialiasing, over their backgrounds, which get no gradient. What they
are, mesh/pictures.py says, and has it in plain torch, which is what runs on other devices and in
float64: a dozen passes over all pixels and channels, and as many back, where this takes one each.
"""

from __future__ import annotations

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

LEAST = np.float32(1e-6)  # what a normal's length is held above before dividing by it
LINEAR = np.float32(0.0031308)  # up to here sRGB is a straight line
ONE, ZERO, HALF = np.float32(1), np.float32(0), np.float32(0.5)
STEEPNESS = np.float32(2.5)  # of the passage from ground to sky


@helper
@no_type_check
def _length(seen):
    return max(np.sqrt(seen[0] * seen[0] + seen[1] * seen[1] + seen[2] * seen[2]), LEAST)


@helper
@no_type_check
def _length_back(seen, length, v_x, v_y, v_z, v_seen):
    """The gradient on a vector from that on the vector over its length."""
    along = ZERO
    if length > LEAST:
        along = (seen[0] * v_x + seen[1] * v_y + seen[2] * v_z) / (length * length)
    v_seen[0] = (v_x - along * seen[0]) / length
    v_seen[1] = (v_y - along * seen[1]) / length
    v_seen[2] = (v_z - along * seen[2]) / length


@kernel
@no_type_check
def _turned(first, end, step, seen, raster, axes, backgrounds, out):
    """axes (B, 3, 3): rows are the pictures' +X, +Y and +Z in the world."""
    for row in range(first, end, step):
        b, j = row // seen.shape[1], row % seen.shape[1]
        for i in range(seen.shape[2]):
            pixel = seen[b, j, i]
            length = _length(pixel)
            for c in range(3):
                out[b, j, i, c] = backgrounds[b, c]
                if raster[b, j, i, 3] > 0:
                    along = axes[b, c, 0] * pixel[0] + axes[b, c, 1] * pixel[1]
                    out[b, j, i, c] = (along + axes[b, c, 2] * pixel[2]) / length * HALF + HALF


@kernel
@no_type_check
def _turned_back(first, end, step, seen, raster, axes, grad, v_seen):
    for row in range(first, end, step):
        b, j = row // seen.shape[1], row % seen.shape[1]
        for i in range(seen.shape[2]):
            x = y = z = ZERO
            if raster[b, j, i, 3] > 0:
                for c in range(3):
                    g = grad[b, j, i, c] * HALF
                    x += g * axes[b, c, 0]
                    y += g * axes[b, c, 1]
                    z += g * axes[b, c, 2]
            pixel = seen[b, j, i]
            _length_back(pixel, _length(pixel), x, y, z, v_seen[b, j, i])


@helper
@no_type_check
def _light(pixel, length, lamp):
    """What falls on a surface: sky or ground, and the lamp; the share of sky, and of the lamp
    before it is held above 0. lamp: as `_lights` packs it."""
    sky = ONE / (ONE + np.float32(math.exp(-STEEPNESS * pixel[2] / length)))
    facing = (pixel[0] * lamp[3] + pixel[1] * lamp[4] + pixel[2] * lamp[5]) / length
    return lamp[1] + sky * (lamp[0] - lamp[1]) + lamp[2] * max(facing, ZERO), sky, facing


@kernel
@no_type_check
def _lit(first, end, step, seen, raster, lights, backgrounds, out):
    """seen (B, H, W, 6): normals, then linear colours."""
    for row in range(first, end, step):
        b, j = row // seen.shape[1], row % seen.shape[1]
        for i in range(seen.shape[2]):
            if raster[b, j, i, 3] <= 0:
                for c in range(3):
                    out[b, j, i, c] = backgrounds[b, c]
                continue
            pixel = seen[b, j, i]
            light, _, _ = _light(pixel, _length(pixel), lights[b])
            for c in range(3):
                x = min(pixel[3 + c] * light, ONE)
                root = np.float32(1.055) * max(x, LINEAR) ** np.float32(1 / 2.4)
                out[b, j, i, c] = x * np.float32(12.92) if x <= LINEAR else root - np.float32(0.055)


@kernel
@no_type_check
def _lit_back(first, end, step, seen, raster, lights, grad, v_seen):
    for row in range(first, end, step):
        b, j = row // seen.shape[1], row % seen.shape[1]
        for i in range(seen.shape[2]):
            pixel, v_pixel, v_light = seen[b, j, i], v_seen[b, j, i], ZERO
            if raster[b, j, i, 3] <= 0:
                for c in range(6):
                    v_pixel[c] = ZERO
                continue
            length = _length(pixel)
            light, sky, facing = _light(pixel, length, lights[b])
            for c in range(3):
                x = pixel[3 + c] * light
                root = np.float32(1.055 / 2.4) * max(x, LINEAR) ** np.float32(1 / 2.4 - 1)
                slope = np.float32(12.92) if x <= LINEAR else root
                slope = grad[b, j, i, c] * (slope if x <= ONE else ZERO)
                v_pixel[3 + c] = slope * light
                v_light += slope * pixel[3 + c]
            lamp = lights[b]
            v_facing = v_light * (lamp[2] if facing >= ZERO else ZERO)
            v_up = v_light * (lamp[0] - lamp[1]) * STEEPNESS * sky * (ONE - sky)
            along = (v_facing * lamp[3], v_facing * lamp[4], v_facing * lamp[5] + v_up)
            _length_back(pixel, length, along[0], along[1], along[2], v_pixel)


class _Pixels(torch.autograd.Function):
    """Either pair of kernels. about: (B, ...), what they are told of each view."""

    @staticmethod
    def forward(
        ctx: Any, seen: Tensor, raster: Tensor, about: Tensor, backgrounds: Tensor, lit: bool
    ) -> Tensor:
        ctx.back = _lit_back if lit else _turned_back
        ctx.arrays = _arrays(seen, raster, about)
        out = seen.new_empty(*seen.shape[:3], 3)
        given = (*ctx.arrays, *_arrays(backgrounds), out.numpy())
        in_parallel(_lit if lit else _turned, _rows(seen), *given)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        v_seen = torch.empty(ctx.arrays[0].shape)
        in_parallel(ctx.back, _rows(v_seen), *ctx.arrays, *_arrays(grad), v_seen.numpy())
        return v_seen, None, None, None, None


def _rows(images: Tensor) -> int:
    return images.shape[0] * images.shape[1]


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [t.detach().contiguous().numpy() for t in tensors]


def turned(
    seen: Float[Tensor, "B H W 3"],
    raster: Float[Tensor, "B H W 4"],
    axes: Float[Tensor, "B 3 3"],
    backgrounds: Float[Tensor, "B 3"],
) -> Float[Tensor, "B H W 3"]:
    """Of normals of any length, unit ones along `axes`' rows, n * 0.5 + 0.5."""
    return _Pixels.apply(seen, raster, axes, backgrounds, False)


def lit(
    seen: Float[Tensor, "B H W 6"],
    raster: Float[Tensor, "B H W 4"],
    lights: Float[Tensor, "B 6"],
    backgrounds: Float[Tensor, "B 3"],
) -> Float[Tensor, "B H W 3"]:
    """sRGB of normals of any length and linear colours; lights: sky, ground, lamp, direction."""
    return _Pixels.apply(seen, raster, lights, backgrounds, True)
