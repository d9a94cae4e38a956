"""Vertex attributes at the pixels, forwards and back: numba kernels, arrays in and out.

In:  attributes (A, V, C) with A in {1, B}, rasters (B, H, W, 4), triangles (F, 3).
Out: images (B, H, W, C), and gradients to attributes and to u, v of the rasters.

The way back is split into (view, band of rows), and the bands' sums are added in a fixed order:
see render/triangles_kernels.py.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.threads import in_parallel


def interpolate_forward(attrs, rast, tris, out):
    """attrs (A, V, C) -> out (B, H, W, C); zero where there is no triangle."""
    in_parallel(_interpolate_rows, rast.shape[0] * rast.shape[1], attrs, rast, tris, out)


@no_type_check
@kernel
def _interpolate_rows(first_task, end_task, step, attrs, rast, tris, out):
    height, width = rast.shape[1:3]
    channels = attrs.shape[2]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        a = b if attrs.shape[0] > 1 else 0
        for i in range(width):
            f = int(rast[b, j, i, 3]) - 1
            if f < 0:
                for c in range(channels):
                    out[b, j, i, c] = 0
                continue
            u, v = rast[b, j, i, 0], rast[b, j, i, 1]
            t0, t1, t2 = tris[f, 0], tris[f, 1], tris[f, 2]
            for c in range(channels):
                last = attrs[a, t2, c]
                out[b, j, i, c] = u * (attrs[a, t0, c] - last) + v * (attrs[a, t1, c] - last) + last


@no_type_check
@helper
def _interpolate_band_backward(attrs, rast, tris, grad, first_row, end_row, part, grad_rast):
    for j in range(first_row, end_row):
        for i in range(rast.shape[1]):
            f = int(rast[j, i, 3]) - 1
            for c in range(4):
                grad_rast[j, i, c] = 0
            if f < 0:
                continue
            u, v = rast[j, i, 0], rast[j, i, 1]
            t0, t1, t2 = tris[f, 0], tris[f, 1], tris[f, 2]
            gu, gv = 0.0, 0.0
            for c in range(attrs.shape[1]):
                g = np.float64(grad[j, i, c])
                last = attrs[t2, c]
                gu += g * (attrs[t0, c] - last)
                gv += g * (attrs[t1, c] - last)
                part[t0, c] += g * u
                part[t1, c] += g * v
                part[t2, c] += g * (1 - u - v)
            grad_rast[j, i, 0], grad_rast[j, i, 1] = gu, gv


def interpolate_backward(attrs, rast, tris, grad, bands, grad_attrs, grad_rast):
    """grad (B, H, W, C) -> grad_attrs (A, V, C) and grad_rast (B, H, W, 4)."""
    tasks, vertices = rast.shape[0] * bands, attrs.shape[1]
    parts = np.zeros((tasks, vertices, attrs.shape[2]))
    arguments = (attrs, rast, tris, grad, bands, parts, grad_rast)
    in_parallel(_interpolate_bands_backward, tasks, *arguments)
    per_output = tasks // len(attrs)
    in_parallel(_add_parts, vertices, parts, per_output, grad_attrs, in_turn=False)


@no_type_check
@kernel
def _interpolate_bands_backward(
    first_task, end_task, step, attrs, rast, tris, grad, bands, parts, grad_rast
):
    height = rast.shape[1]
    shared = attrs.shape[0] == 1
    for task in range(first_task, end_task, step):
        b, band = task // bands, task % bands
        first, end = height * band // bands, height * (band + 1) // bands
        a = 0 if shared else b
        _interpolate_band_backward(
            attrs[a], rast[b], tris, grad[b], first, end, parts[task], grad_rast[b]
        )


@no_type_check
@kernel
def _add_parts(first, end, step, parts, per_output, grad_attrs):
    for v in range(first, end, step):
        for a in range(grad_attrs.shape[0]):
            for c in range(grad_attrs.shape[2]):
                total = 0.0
                for share in range(a * per_output, (a + 1) * per_output):
                    total += parts[share, v, c]
                grad_attrs[a, v, c] = total
