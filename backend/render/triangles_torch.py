"""The rasteriser in plain torch: on CUDA devices where nvdiffrast isn't installed.

Same signatures and results as render/triangles_cpu.py; render/triangles.py checks the inputs. It
compiles nothing and runs on any device with float64; tests/contract runs it on the CPU too.
Visibility is render/triangles_pairs.py's, antialiasing render/triangles_torch_silhouette.py's.

Gradients are sums in float64, added by atomics on a GPU: equal from run to run to float64's
rounding, which float32 results seldom show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from backend.render import triangles_pairs as pairs
from backend.render.triangles_torch_silhouette import antialias

__all__ = ["antialias", "interpolate", "rasterize"]

CHUNK = 2**20  # pixels at once


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pos: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
        seen = pairs.visible(pos.double(), tris.long(), height, width)
        uv = seen.edges[:, :2] / seen.edges.sum(1, keepdim=True)
        values = torch.cat([uv, seen.depths[:, None], seen.triangles[:, None] + 1.0], dim=1)
        rast = pos.new_zeros(len(pos) * height * width, 4)
        rast.index_copy_(0, seen.pixels, values.to(pos.dtype))
        rast = rast.view(len(pos), height, width, 4)
        ctx.save_for_backward(pos, tris, rast)
        return rast

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        pos, tris, rast = ctx.saved_tensors
        _, height, width, _ = rast.shape
        X = pairs.pixel_centres(width, pos.device)
        Y = pairs.pixel_centres(height, pos.device)
        total = pos.new_zeros(pos.shape[0] * pos.shape[1], 3, dtype=torch.float64)
        for pixels, vertices, values in _seen(rast, tris, pos.shape[1]):
            points = pairs.without_depth(pos.flatten(0, 1)[vertices]).double()
            x, y = X[pixels % width], Y[pixels // width % height]
            screen = torch.stack([x, y, torch.ones_like(x)], dim=1)
            uv_grad = grad.flatten(0, 2)[pixels, :2].double()
            total.index_add_(0, vertices.flatten(), _scatter(points, screen, values, uv_grad))
        total = total.view(*pos.shape[:2], 3)
        zero = torch.zeros_like(total[..., :1])
        grad_pos = torch.cat([total[..., :2], zero, total[..., 2:]], dim=-1)
        return grad_pos.to(pos.dtype), None, None, None


def _scatter(points: Tensor, screen: Tensor, values: Tensor, grad: Tensor) -> Tensor:
    """Gradients of u, v to the three corners' (x, y, w): (P * 3, 3), pixel by pixel.

    With e_k = (p_{k+1} x p_{k+2}) . P and h_k = dL/de_k, that of p_j is
    (h_{j+2} p_{j+1} - h_{j+1} p_{j+2}) x P.
    """
    normals = pairs.cross(points.roll(-1, 1), points.roll(-2, 1))
    total = (normals * screen[:, None]).sum((1, 2))
    mean = (grad * values[:, :2]).sum(1, keepdim=True)
    h = torch.cat([grad - mean, -mean], dim=1) / total[:, None]
    mixed = h.roll(-2, 1)[..., None] * points.roll(-1, 1)
    mixed = mixed - h.roll(-1, 1)[..., None] * points.roll(-2, 1)
    return pairs.cross(mixed, screen[:, None].expand_as(mixed)).flatten(0, 1)


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
        out = attrs.new_zeros(rast[..., 0].numel(), attrs.shape[2])
        for pixels, vertices, values in _seen(rast, tris, _stride(attrs)):
            first, second, last = attrs.flatten(0, 1)[vertices].unbind(1)
            u, v = values[:, :1].to(attrs.dtype), values[:, 1:2].to(attrs.dtype)
            out.index_copy_(0, pixels, u * (first - last) + v * (second - last) + last)
        ctx.save_for_backward(attrs, rast, tris)
        return out.view(*rast.shape[:3], attrs.shape[2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        attrs, rast, tris = ctx.saved_tensors
        flat = attrs.flatten(0, 1)
        grad_attrs = torch.zeros_like(flat, dtype=torch.float64)
        grad_rast = torch.zeros_like(rast).flatten(0, 2)
        for pixels, vertices, values in _seen(rast, tris, _stride(attrs)):
            g = grad.flatten(0, 2)[pixels].double()
            u, v = values[:, 0], values[:, 1]
            shares = torch.stack([u, v, 1 - u - v], dim=1)
            if ctx.needs_input_grad[0]:
                parts = (shares[..., None] * g[:, None]).flatten(0, 1)
                grad_attrs.index_add_(0, vertices.flatten(), parts)
            if ctx.needs_input_grad[1]:
                corners = flat[vertices].double()
                uv = ((corners[:, :2] - corners[:, 2:]) * g[:, None]).sum(2)
                uv = torch.nn.functional.pad(uv, (0, 2))
                grad_rast.index_copy_(0, pixels, uv.to(rast.dtype))
        return grad_attrs.to(attrs.dtype).view_as(attrs), grad_rast.view_as(rast), None


def _stride(attrs: Tensor) -> int:
    """Rows from one view's attributes to the next one's; 0 where the views share them."""
    return attrs.shape[1] if attrs.shape[0] > 1 else 0


def _seen(rast: Tensor, tris: Tensor, stride: int) -> Iterator[tuple[Tensor, ...]]:
    """Pixels that see a triangle, in chunks: number (P,), vertices' rows (P, 3), raster (P, 4)."""
    values = rast.flatten(0, 2)
    per_view = rast.shape[1] * rast.shape[2]
    for pixels in (values[:, 3] > 0).nonzero().squeeze(1).split(CHUNK):
        chosen = values[pixels]
        vertices = tris[chosen[:, 3].long() - 1].long()
        yield pixels, vertices + (pixels // per_view * stride)[:, None], chosen.double()


def rasterize(pos_clip: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
    return _Rasterize.apply(pos_clip, tris, height, width)


def interpolate(attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
    return _Interpolate.apply(attrs if attrs.ndim == 3 else attrs[None], rast, tris)
