"""Blending pixels beside silhouettes, forwards and back: numba kernels, arrays in and out.

In:  images (B, H, W, C), and between which pixels which edge passes, where
(render/triangles_silhouette.py). Out: images, and gradients to images and vertices.

Laine et al., "Modular Primitives for High-Performance Differentiable Rendering" (2020), section
3.6: an edge that passes between the centres of two neighbouring pixels, at t in [0, 1) of the way,
hands |t - 1/2| of one pixel's colour to the other.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from backend.render.kernels import helper, kernel
from backend.render.triangles_kernels import project
from backend.threads import in_parallel


def blend(images, shift, out):
    """images (B, H, W, C) -> out: every pixel receives its share from its four neighbours."""
    in_parallel(_blend_rows, images.shape[0] * images.shape[1], images, shift, out)


@no_type_check
@kernel
def _blend_rows(first_task, end_task, step, images, shift, out):
    # The pair's second pixel receives where the shift is positive, the first otherwise.
    height, width, channels = images.shape[1:]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        row, new, shifts = images[b, j], out[b, j], shift[b, j]
        over, under = images[b, max(j - 1, 0)], images[b, min(j + 1, height - 1)]
        shifts_over = shift[b, max(j - 1, 0)]
        for i in range(width):
            right, below = -shifts[i, 0], -shifts[i, 1]
            left = shifts[i - 1, 0] if i > 0 else right * 0
            above = shifts_over[i, 1] if j > 0 else right * 0
            for c in range(channels):
                here = row[i, c]
                total = here
                if right > 0:
                    total += right * (row[i + 1, c] - here)
                if left > 0:
                    total += left * (row[i - 1, c] - here)
                if below > 0:
                    total += below * (under[i, c] - here)
                if above > 0:
                    total += above * (over[i, c] - here)
                new[i, c] = total


def blend_backward_images(grad, shift, out):
    """The transpose of `blend`: grad (B, H, W, C) -> out, the gradient to its input images."""
    in_parallel(_blend_rows_backward, grad.shape[0] * grad.shape[1], grad, shift, out)


@no_type_check
@kernel
def _blend_rows_backward(first_task, end_task, step, grad, shift, out):
    height, width, channels = grad.shape[1:]
    for task in range(first_task, end_task, step):
        b, j = task // height, task % height
        row, new, shifts = grad[b, j], out[b, j], shift[b, j]
        over, under = grad[b, max(j - 1, 0)], grad[b, min(j + 1, height - 1)]
        shifts_over = shift[b, max(j - 1, 0)]
        for i in range(width):
            right, below = shifts[i, 0], shifts[i, 1]
            left = shifts[i - 1, 0] if i > 0 else right * 0
            above = shifts_over[i, 1] if j > 0 else right * 0
            for c in range(channels):
                here = row[i, c]
                total = here
                if right != 0:
                    total += right * (row[i + 1, c] if right > 0 else here)
                if left != 0:
                    total -= left * (here if left > 0 else row[i - 1, c])
                if below != 0:
                    total += below * (under[i, c] if below > 0 else here)
                if above != 0:
                    total -= above * (here if above > 0 else over[i, c])
                new[i, c] = total


@no_type_check
@helper
def _scatter_shift(g, u, axis, a, b, screen, pos, size, grad_pos):
    """Adds the gradient g of one crossing, v_a + s (v_b - v_a), to the edge's two vertices."""
    along = 1 - axis
    du = screen[b, along] - screen[a, along]
    slope = (screen[b, axis] - screen[a, axis]) / du
    s = (u + 0.5 - screen[a, along]) / du
    for k in range(2):
        vertex = a if k == 0 else b
        weight = g * (1 - s if k == 0 else s) * 0.5 / np.float64(pos[vertex, 3])
        g_v, g_u = weight * size[axis], -slope * weight * size[along]
        grad_pos[vertex, axis] += g_v
        grad_pos[vertex, along] += g_u
        moved = g_v * pos[vertex, axis] + g_u * pos[vertex, along]
        grad_pos[vertex, 3] -= moved / np.float64(pos[vertex, 3])


def blend_backward_pos(images, grad, pos, edges, crossing, shift, grad_pos):
    """grad (B, H, W, C) -> grad_pos (B, V, 4), which must come in zeroed; z gets none."""
    screen = np.empty((*pos.shape[:2], 3))
    arguments = (images, grad, pos, edges, crossing, shift, screen, grad_pos)
    in_parallel(_blend_views_backward, len(images), *arguments)


@no_type_check
@kernel
def _blend_views_backward(
    first_task, end_task, step, images, grad, pos, edges, crossing, shift, screen, grad_pos
):
    height, width, channels = images.shape[1:]
    for b in range(first_task, end_task, step):
        project(pos[b], height, width, screen[b])
        for j in range(height):
            for i in range(width):
                for axis in range(2):
                    e = crossing[b, j, i, axis] - 1
                    if e < 0:
                        continue
                    j2, i2 = j + axis, i + 1 - axis
                    received = shift[b, j, i, axis] > 0  # by the pair's second pixel
                    g = 0.0
                    for c in range(channels):
                        step = np.float64(images[b, j, i, c]) - images[b, j2, i2, c]
                        g += step * (grad[b, j2, i2, c] if received else grad[b, j, i, c])
                    u = i if axis == 1 else j
                    _scatter_shift(
                        g, u, axis, edges[e, 0], edges[e, 1], screen[b], pos[b],
                        (width, height), grad_pos[b],
                    )  # fmt: skip
