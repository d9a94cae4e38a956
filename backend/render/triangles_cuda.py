"""Triangles on CUDA through nvdiffrast, where the user has installed it.

LICENCE: nvdiffrast is NVIDIA's, under the Nvidia Source Code License: research and evaluation
only, NON-COMMERCIAL. Propsmith neither ships it nor depends on it. Without it, CUDA tensors are
moved to the CPU kernels and back (render/triangles.py).

nvdiffrast's antialiasing treats only the silhouette edges of the triangle that a pixel sees; on
meshes with triangles near the size of a pixel it passes on a small part of the silhouette's
gradient (our CPU port of that rule, `owner_only`: see tests/contract/test_triangles.py).
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from backend.errors import DeviceError

ABSENT = (
    "rasterising triangles on CUDA needs nvdiffrast, which is not installed: it is under NVIDIA's "
    "non-commercial licence, so Propsmith does not install it; if that licence suits your use, "
    "install it from https://github.com/NVlabs/nvdiffrast"
)


@functools.cache
def load() -> Any:
    """The module nvdiffrast.torch; DeviceError where it isn't installed."""
    try:
        import nvdiffrast.torch as nvdiffrast
    except ImportError as error:
        raise DeviceError(ABSENT) from error
    return nvdiffrast


@functools.cache
def _context(device: torch.device) -> Any:
    return load().RasterizeCudaContext(device=device)


def rasterize(pos_clip: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
    """As in render/triangles.py; float32 only, as nvdiffrast is."""
    # The CUDA rasteriser of nvdiffrast wants sides divisible by 8: draw on a larger canvas whose
    # first rows and columns show what was asked, then cut it off.
    full_height, full_width = -(-height // 8) * 8, -(-width // 8) * 8
    pos = _onto_canvas(pos_clip, height / full_height, width / full_width)
    context = _context(pos_clip.device)
    rast, _ = load().rasterize(context, pos, tris, resolution=[full_height, full_width])
    return rast[:, :height, :width].contiguous()


def _onto_canvas(pos_clip: Tensor, scale_y: float, scale_x: float) -> Tensor:
    """Clip positions of the whole image -> those of its place at the top left of a larger one."""
    if scale_x == 1 and scale_y == 1:
        return pos_clip.contiguous()
    x, y, z, w = pos_clip.unbind(-1)
    x = x * scale_x + w * (scale_x - 1)
    y = y * scale_y + w * (scale_y - 1)
    return torch.stack([x, y, z, w], dim=-1).contiguous()


def interpolate(attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
    batched = attrs if attrs.ndim == 3 else attrs[None]
    out, _ = load().interpolate(batched.contiguous(), rast, tris)
    return out


def antialias(images: Tensor, rast: Tensor, pos_clip: Tensor, tris: Tensor) -> Tensor:
    return load().antialias(images.contiguous(), rast, pos_clip.contiguous(), tris)
