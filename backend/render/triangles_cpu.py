"""The CPU rasteriser as autograd functions around the numba kernels.

Same signatures as render/triangles.py, which checks the inputs; float32 or float64, on the CPU.
The same tensors give the same bits, on any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.render import triangles_blend as blending
from backend.render import triangles_interpolate, triangles_kernels
from backend.render.triangles_edges import edge_table
from backend.render.triangles_silhouette import find_crossings


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _bands(views: int) -> int:
    """Bands of rows a view; from the shapes alone, so that sums never depend on the machine."""
    return max(1, 8 // max(views, 1))


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pos: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
        rast = pos.new_empty(pos.shape[0], height, width, 4)
        triangles_kernels.rasterize_forward(
            _array(pos), _array(tris), _bands(len(pos)), rast.numpy()
        )
        ctx.save_for_backward(pos, tris, rast)
        return rast

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        pos, tris, rast = ctx.saved_tensors
        grad_pos = torch.zeros_like(pos, memory_format=torch.contiguous_format)
        triangles_kernels.rasterize_backward(
            _array(pos),
            _array(tris),
            _array(rast),
            _array(grad),
            _bands(len(pos)),
            grad_pos.numpy(),
        )
        return grad_pos, None, None, None


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
        out = attrs.new_empty(*rast.shape[:3], attrs.shape[2])
        triangles_interpolate.interpolate_forward(
            _array(attrs), _array(rast), _array(tris), out.numpy()
        )
        ctx.save_for_backward(attrs, rast, tris)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        attrs, rast, tris = ctx.saved_tensors
        grad_attrs = torch.empty_like(attrs, memory_format=torch.contiguous_format)
        grad_rast = torch.empty_like(rast, memory_format=torch.contiguous_format)
        triangles_interpolate.interpolate_backward(
            _array(attrs),
            _array(rast),
            _array(tris),
            _array(grad),
            _bands(len(rast)),
            grad_attrs.numpy(),
            grad_rast.numpy(),
        )
        return grad_attrs, grad_rast, None


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, images: Tensor, rast: Tensor, pos: Tensor, tris: Tensor, owner_only: bool
    ) -> Tensor:
        edges, owners = edge_table(_array(tris), pos.shape[1])
        crossing = torch.empty(*images.shape[:3], 2, dtype=torch.int32)
        shift = images.new_empty(*images.shape[:3], 2)
        find_crossings(
            _array(pos),
            _array(tris),
            edges,
            owners,
            _array(rast),
            owner_only,
            crossing.numpy(),
            shift.numpy(),
        )
        out = torch.empty_like(images, memory_format=torch.contiguous_format)
        blending.blend(_array(images), shift.numpy(), out.numpy())
        ctx.save_for_backward(images, pos, crossing, shift)
        ctx.edges = edges
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        images, pos, crossing, shift = ctx.saved_tensors
        grad_images = grad_pos = None
        if ctx.needs_input_grad[0]:
            grad_images = torch.empty_like(images, memory_format=torch.contiguous_format)
            blending.blend_backward_images(_array(grad), _array(shift), grad_images.numpy())
        if ctx.needs_input_grad[2]:
            grad_pos = torch.zeros_like(pos, memory_format=torch.contiguous_format)
            blending.blend_backward_pos(
                _array(images),
                _array(grad),
                _array(pos),
                ctx.edges,
                _array(crossing),
                _array(shift),
                grad_pos.numpy(),
            )
        return grad_images, None, grad_pos, None, None


def rasterize(pos_clip: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
    return _Rasterize.apply(pos_clip, tris, height, width)


def interpolate(attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
    return _Interpolate.apply(attrs if attrs.ndim == 3 else attrs[None], rast, tris)


def antialias(
    images: Tensor, rast: Tensor, pos_clip: Tensor, tris: Tensor, owner_only: bool = False
) -> Tensor:
    return _Antialias.apply(images, rast, pos_clip, tris, owner_only)
