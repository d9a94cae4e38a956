"""Triangles on CUDA through nvdiffrast (0.3.3 or newer), where the user has installed it.

LICENCE: nvdiffrast is NVIDIA's, under the Nvidia Source Code License: research and evaluation
only, NON-COMMERCIAL. Propsmith neither ships it nor depends on it. Without it, CUDA tensors are
drawn by render/triangles_torch.py.

nvdiffrast's own antialiasing treats only the silhouette edges of the triangle that a pixel sees; on
meshes with triangles near the size of a pixel it passes on a small part of the silhouette's
gradient (our CPU port of that rule: tests/contract/test_silhouettes.py). It therefore serves
`owner_only` alone; otherwise our rule is applied to nvdiffrast's rasters, whose convention is ours.
They differ in two ways: vertices move to sixteenths of a pixel before coverage is found, so our
rule is shown edges that moved with them, and of triangles at one depth the highest number wins.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from backend.errors import DeviceError
from backend.render import triangles_torch

SUBPIXELS = 16  # to a pixel, nvdiffrast's CR_SUBPIXEL_LOG2 = 4
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
        covered = _as_covered(pos_clip, *rast.shape[1:3])
        return triangles_torch.antialias(images, rast, covered, tris, owner_only)
    return load().antialias(images.contiguous(), rast.contiguous(), pos_clip.contiguous(), tris)


def _as_covered(pos_clip: Tensor, height: int, width: int) -> Tensor:
    """(B, V, 4) where nvdiffrast takes the vertices to be; gradients pass through unchanged.

    Edges that stayed behind would pass on the wrong side of one pixel's centre in sixteen, which
    cost 3 to 4 % of the silhouette's gradient. Vertices outside of the view stay: it clips there.
    """
    given = pos_clip.detach()
    w = given[..., 3:]
    scale = given.new_tensor([width, height]) * (SUBPIXELS / 2)
    moved = torch.round(given[..., :2] * (1 / w) * scale) / scale * w
    inside = given[..., :3].abs().amax(-1, keepdim=True) <= w
    shift = torch.where(inside & torch.isfinite(moved), moved - given[..., :2], 0)
    return pos_clip + torch.nn.functional.pad(shift, (0, 2))


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
