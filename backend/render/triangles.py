"""Differentiable triangle rasterisation, in steps that follow nvdiffrast's conventions.

In:  clip-space vertices (B, V, 4) as `Cameras.clip_matrices` makes them, triangles (F, 3).
Out: rasters (u, v, z/w, triangle + 1), then images (B, H, W, C) with row 0 at the top.

    rast = rasterize(pos_clip, tris, height, width)
    colors = interpolate(vertex_colors, rast, tris)
    colors = antialias(colors, rast, pos_clip, tris)

and, where colours come from a texture, between the first and the last of these

    uv_da = screen_derivatives(vertex_uv, rast, pos_clip, tris)
    colors = texture(tex, interpolate(vertex_uv, rast, tris), uv_da)

The steps are those of Laine et al., "Modular Primitives for High-Performance Differentiable
Rendering" (2020); the antialiasing differs (render/triangles_silhouette.py). Tensors on the CPU go
to our numba kernels; those on CUDA to nvdiffrast if it is installed (non-commercial licence:
render/triangles_cuda.py), otherwise to our own rasteriser in torch (render/triangles_torch.py).
"""

from __future__ import annotations

import functools
import logging
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor

from backend.errors import DeviceError, InputError
from backend.render import textures, triangles_cuda, triangles_torch

logger = logging.getLogger(__name__)

MAX_TRIANGLES = 2**24 - 1  # a float32 raster holds every triangle's number exactly


def rasterize(
    pos_clip: Float[Tensor, "B V 4"], tris: Int[Tensor, "F 3"], height: int, width: int
) -> Float[Tensor, "B {height} {width} 4"]:
    """The triangle that each pixel's centre sees: (u, v, z/w, triangle number + 1), or zeros.

    u and v are the perspective-correct barycentrics of the triangle's first and second vertex and
    are differentiable with respect to pos_clip; z/w is not. Triangles are seen from both sides.
    At equal depth (24 bits) the lowest number wins; what lies outside -1 <= z/w <= 1 isn't seen.
    Raises InputError for indices out of range.
    """
    tris = _checked(tris, pos_clip)
    return _implementation(pos_clip.device, pos_clip.dtype).rasterize(pos_clip, tris, height, width)


def interpolate(
    attrs: Float[Tensor, "V C"] | Float[Tensor, "B V C"],
    rast: Float[Tensor, "B H W 4"],
    tris: Int[Tensor, "F 3"],
) -> Float[Tensor, "B H W C"]:
    """Vertex attributes, shared by the views or one set a view, at each pixel; 0 in the background.

    Differentiable with respect to attrs and to u, v of rast.
    """
    tris = _checked(tris, attrs)
    chosen = _implementation(attrs.device, torch.result_type(attrs, rast))
    return chosen.interpolate(attrs, rast, tris)


def antialias(
    images: Float[Tensor, "B H W C"],
    rast: Float[Tensor, "B H W 4"],
    pos_clip: Float[Tensor, "B V 4"],
    tris: Int[Tensor, "F 3"],
    owner_only: bool = False,
) -> Float[Tensor, "B H W C"]:
    """Blends pixels beside silhouettes by coverage; this carries the silhouettes' gradient.

    Differentiable with respect to images and pos_clip. Silhouettes are found from the topology in
    `tris`: where vertices are doubled along UV seams, hand over the triangles and positions from
    before the doubling (the triangles' order must be that of rast), or seams count as borders.
    owner_only: nvdiffrast's rule, for comparison (by nvdiffrast itself where that draws).
    """
    tris = _checked(tris, pos_clip)
    chosen = _implementation(images.device, torch.result_type(images, pos_clip))
    return chosen.antialias(images, rast, pos_clip, tris, owner_only=owner_only)


def screen_derivatives(
    attrs: Float[Tensor, "V C"] | Float[Tensor, "B V C"],
    rast: Float[Tensor, "B H W 4"],
    pos_clip: Float[Tensor, "B V 4"],
    tris: Int[Tensor, "F 3"],
) -> Float[Tensor, "B H W 2*C"]:
    """How fast `interpolate`'s values change on the screen, per pixel; 0 in the background.

    (da/dx, da/dy) of each channel in turn, as nvdiffrast lays them out: what `texture` takes as
    uv_da if attrs are uv. Not differentiable. Within a triangle; edges don't count.
    """
    tris = _checked(tris, attrs)
    batched = attrs if attrs.ndim == 3 else attrs[None]
    given = (batched.detach(), rast.detach(), pos_clip.detach(), tris)
    return _sampler(attrs.device).screen_derivatives(*given)


def texture(
    tex: Float[Tensor, "Ht Wt C"],
    uv: Float[Tensor, "B H W 2"],
    uv_da: Float[Tensor, "B H W 4"] | None = None,
    filter_mode: str = "auto",
    boundary_mode: str = "clamp",
    max_mip_level: int | None = None,
) -> Float[Tensor, "B H W C"]:
    """Filtered look-up; differentiable with respect to tex and uv, the level being a constant.

    uv in [0, 1] with v = 0 at the top row (glTF); texels' centres lie at half-integers.
    uv_da: uv's derivatives on the screen (`screen_derivatives`), which pick the mip level.
    filter_mode: "nearest", "linear", "linear-mipmap-linear", or "auto": the last if uv_da is given,
    otherwise "linear". boundary_mode: "clamp" or "wrap". max_mip_level: 0 for the base alone; None
    for all, down to one texel. Sides may be odd. Raises InputError for an unknown mode.
    """
    mode = textures.chosen_filter(filter_mode, boundary_mode, uv_da)
    height, width, _ = tex.shape
    levels, level = 0, None
    if mode == "linear-mipmap-linear" and uv_da is not None:
        levels = textures.mip_count(height, width, max_mip_level)
        level = textures.mip_levels(uv_da, height, width, levels)
    chosen = _implementation(uv.device, torch.result_type(tex, uv))
    if chosen is triangles_cuda and textures.halves_evenly(height, width, levels):
        return triangles_cuda.texture(tex, uv, uv_da, mode, boundary_mode, levels)
    sample = _sampler(uv.device).sample
    pyramid = textures.pyramid(tex, levels)
    return sample(pyramid, uv, level, nearest=mode == "nearest", wrap=boundary_mode == "wrap")


def _sampler(device: torch.device) -> ModuleType:
    """Where textures are sampled: kernels on the CPU, plain torch elsewhere."""
    if device.type == "cpu":
        from backend.render import textures_cpu

        return textures_cpu
    return textures


def _checked(tris: Tensor, vertices: Tensor) -> Tensor:
    """tris as contiguous int32 beside the vertices (..., V, C); InputError for a wrong index."""
    if len(tris) > MAX_TRIANGLES:
        raise InputError(f"{len(tris)} triangles given, at most {MAX_TRIANGLES} can be drawn")
    # The extremes together: on a GPU each question waits for all work before it.
    first, last = torch.stack(tris.aminmax()).tolist() if len(tris) else (0, -1)
    if first < 0 or last >= vertices.shape[-2]:
        raise InputError(
            f"triangles index vertices {first} to {last}, but there are {vertices.shape[-2]}: "
            f"indices must lie in 0 to {vertices.shape[-2] - 1}"
        )
    return tris.to(vertices.device, torch.int32).contiguous()


def _implementation(device: torch.device, dtype: torch.dtype) -> ModuleType:
    """The module that draws there; numba loads only where that is the CPU."""
    if device.type == "cpu":
        from backend.render import triangles_cpu

        return triangles_cpu
    if device.type != "cuda":
        raise DeviceError(f"No triangle rasteriser for device '{device}'; use 'cpu' or 'cuda'.")
    if dtype == torch.float32 and _nvdiffrast_available(device):
        return triangles_cuda
    return triangles_torch


@functools.cache
def _nvdiffrast_available(device: torch.device) -> bool:
    """Asked once a process and device, so that what draws is told once."""
    try:
        triangles_cuda.context(device)
    except DeviceError as error:
        logger.info("Triangles on %s are drawn by Propsmith's own rasteriser; %s.", device, error)
        return False
    logger.info("Triangles on %s are drawn by nvdiffrast (non-commercial licence).", device)
    return True
