"""Differentiable triangle rasterisation, in four steps that follow nvdiffrast's conventions.

In:  clip-space vertices (B, V, 4) as `Cameras.clip_matrices` makes them, triangles (F, 3).
Out: rasters (u, v, z/w, triangle + 1), then images (B, H, W, C) with row 0 at the top.

    rast = rasterize(pos_clip, tris, height, width)
    colors = interpolate(vertex_colors, rast, tris)
    colors = antialias(colors, rast, pos_clip, tris)

The steps are those of Laine et al., "Modular Primitives for High-Performance Differentiable
Rendering" (2020); the antialiasing differs (render/triangles_silhouette.py). Tensors on the CPU go
to our numba kernels, those on CUDA to nvdiffrast if it is installed (non-commercial licence:
render/triangles_cuda.py) and otherwise through the CPU and back.
"""

from __future__ import annotations

import functools
import logging

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from backend.errors import DeviceError, InputError
from backend.render import triangles_cuda

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
    tris = _checked(tris, pos_clip.shape[1])
    if _on_nvdiffrast(pos_clip):
        return triangles_cuda.rasterize(pos_clip, tris, height, width)
    from backend.render import triangles_cpu

    return triangles_cpu.rasterize(pos_clip.cpu(), tris.cpu(), height, width).to(pos_clip.device)


def interpolate(
    attrs: Float[Tensor, "V C"] | Float[Tensor, "B V C"],
    rast: Float[Tensor, "B H W 4"],
    tris: Int[Tensor, "F 3"],
) -> Float[Tensor, "B H W C"]:
    """Vertex attributes, shared by the views or one set a view, at each pixel; 0 in the background.

    Differentiable with respect to attrs and to u, v of rast.
    """
    tris = _checked(tris, attrs.shape[-2])
    if _on_nvdiffrast(rast):
        return triangles_cuda.interpolate(attrs, rast, tris)
    from backend.render import triangles_cpu

    return triangles_cpu.interpolate(attrs.cpu(), rast.cpu(), tris.cpu()).to(rast.device)


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
    owner_only: nvdiffrast's rule, for comparison; the CUDA path has no other.
    """
    tris = _checked(tris, pos_clip.shape[1])
    if _on_nvdiffrast(images):
        return triangles_cuda.antialias(images, rast, pos_clip, tris)
    from backend.render import triangles_cpu

    out = triangles_cpu.antialias(
        images.cpu(), rast.cpu(), pos_clip.cpu(), tris.cpu(), owner_only=owner_only
    )
    return out.to(images.device)


def texture(
    tex: Float[Tensor, "Ht Wt C"], uv: Float[Tensor, "B H W 2"]
) -> Float[Tensor, "B H W C"]:
    """Bilinear look-up, clamped at the borders; differentiable with respect to tex and uv.

    uv in [0, 1] with v = 0 at the top row (glTF); texels' centres lie at half-integers.
    """
    views, height, width, _ = uv.shape
    grid = (uv * 2 - 1).reshape(1, views * height, width, 2)
    out = F.grid_sample(
        tex.permute(2, 0, 1)[None], grid, padding_mode="border", align_corners=False
    )
    return out[0].permute(1, 2, 0).reshape(views, height, width, tex.shape[2])


def _checked(tris: Tensor, vertex_count: int) -> Tensor:
    """tris as contiguous int32; InputError where an index is out of range."""
    if len(tris) > MAX_TRIANGLES:
        raise InputError(f"{len(tris)} triangles given, at most {MAX_TRIANGLES} can be drawn")
    if len(tris) and (int(tris.min()) < 0 or int(tris.max()) >= vertex_count):
        raise InputError(
            f"triangles index vertices {int(tris.min())} to {int(tris.max())}, "
            f"but there are {vertex_count}: indices must lie in 0 to {vertex_count - 1}"
        )
    return tris.to(torch.int32).contiguous()


def _on_nvdiffrast(tensor: Tensor) -> bool:
    return tensor.is_cuda and _nvdiffrast_available()


@functools.cache
def _nvdiffrast_available() -> bool:
    """Asked once a process, so that its absence is told once."""
    try:
        triangles_cuda.load()
    except DeviceError as error:
        logger.warning("%s. Triangles are drawn on the CPU instead.", error)
        return False
    return True
