"""Triangles on CUDA through nvdiffrast (0.3.3 or newer), where the user has installed it.

LICENCE: nvdiffrast is NVIDIA's, under the Nvidia Source Code License: research and evaluation
only, NON-COMMERCIAL. Propsmith neither ships it nor depends on it. Without it, CUDA tensors are
drawn by render/triangles_torch.py.

nvdiffrast's own antialiasing treats only the silhouette edges of the triangle that a pixel sees; on
meshes with triangles near the size of a pixel it passes on a small part of the silhouette's
gradient (our CPU port of that rule: tests/contract/test_silhouettes.py). It therefore serves
`owner_only` alone; otherwise our rule is applied to nvdiffrast's rasters, whose convention is ours.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from backend.errors import DeviceError
from backend.render import triangles_torch

ABSENT = (
    "nvdiffrast should be faster but is not installed, as NVIDIA's licence for it is "
    "non-commercial; if that suits your use, install it from https://github.com/NVlabs/nvdiffrast"
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
def context(device: torch.device) -> Any:
    """nvdiffrast's state on a device; DeviceError where it is absent or its kernels don't build.

    Before 0.4 the first one on a machine compiles them, which takes a CUDA toolkit and a minute or
    two; since then they are compiled when it is installed.
    """
    nvdiffrast = load()
    try:
        return nvdiffrast.RasterizeCudaContext(device=device)
    except (ImportError, OSError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DeviceError(
            f"nvdiffrast is installed but its kernels don't start ({reason})"
        ) from error


def rasterize(pos_clip: Tensor, tris: Tensor, height: int, width: int) -> Tensor:
    """As in render/triangles.py; float32 only, as nvdiffrast is."""
    if len(tris) == 0:  # refused by nvdiffrast
        return triangles_torch.rasterize(pos_clip, tris, height, width)
    rast, _ = load().rasterize(
        context(pos_clip.device),
        pos_clip.contiguous(),
        tris,
        resolution=[height, width],
        grad_db=False,  # nothing asks for the barycentrics' derivatives on the screen
    )
    return rast


def interpolate(attrs: Tensor, rast: Tensor, tris: Tensor) -> Tensor:
    if len(tris) == 0:
        return triangles_torch.interpolate(attrs, rast, tris)
    batched = attrs if attrs.ndim == 3 else attrs[None]
    out, _ = load().interpolate(batched.contiguous(), rast.contiguous(), tris)
    return out


def antialias(
    images: Tensor, rast: Tensor, pos_clip: Tensor, tris: Tensor, owner_only: bool = False
) -> Tensor:
    if not owner_only or len(tris) == 0:
        return triangles_torch.antialias(images, rast, pos_clip, tris, owner_only)
    return load().antialias(images.contiguous(), rast.contiguous(), pos_clip.contiguous(), tris)


def texture(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None,
    filter_mode: str,
    boundary_mode: str,
    max_mip_level: int,
) -> Tensor:
    """As in render/triangles.py; sides must halve evenly as often as levels are asked for."""
    mipmaps: dict[str, Any] = {}
    if filter_mode == "linear-mipmap-linear" and uv_da is not None:
        # Constant, so that the level gets no gradient here either.
        mipmaps = {"uv_da": uv_da.detach().contiguous(), "max_mip_level": max_mip_level}
    return load().texture(
        tex[None].contiguous(),
        uv.contiguous(),
        filter_mode=filter_mode,
        boundary_mode=boundary_mode,
        **mipmaps,
    )
