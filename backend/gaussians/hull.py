"""What cameras all around tell of a cloud of Gaussians: where it is empty, and where nobody looks.

In: a `GaussianCloud`. Out: a `VisibleSpace`, two grids that mesh/from_field.py carves by:

opacity  the least opacity with which any view shows a sample: space carving (Kutulakos and Seitz
         2000) on soft silhouettes. What is outside of one silhouette is empty for sure; density
         alone can't tell that from a faint surface.
depth    how far behind the visible surface a sample lies in the view that sees deepest (Curless
         and Levoy 1996 carve by it). Where it is positive no view tells anything, and
         what Gaussians hide there is a shell's accident: the inside of a barrel without a bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras, orbit
from backend.gaussians.model import GaussianCloud
from backend.render.gaussians import render_gaussians

_RINGS = (  # elevation, cameras
    *((-25.0, 12), (-10.0, 8), (5.0, 16), (30.0, 12), (45.0, 8), (60.0, 8), (88.0, 1)),
)
_LOOKED_AT = (-12.0, 62.0)  # elevations that the prior judged; beyond them surfaces are accidents
_OPAQUE = 0.5  # below it a pixel is taken to be seen through
_THROUGH = 10.0  # the depth of what is seen through: beyond everything


@dataclass(frozen=True)
class VisibleSpace:
    """Both grids are over [-1, 1]^3, indexed [x, y, z], first and last samples on the faces."""

    opacity: Float[Tensor, "R R R"]  # least over all views; 0 where a picture doesn't reach
    depth: Float[Tensor, "R R R"]  # canonical units behind the surface; negative: seen to be empty


@torch.no_grad()
def visible_space(
    cloud: GaussianCloud,
    resolution: int,
    image_size: int = 160,
    watch: Callable[[Float[Tensor, "R R R"]], None] = lambda opacity: None,
) -> VisibleSpace:
    """Carves `resolution`^3 samples by silhouettes and depths from rings of cameras.

    watch: told the opacity after every ring; it is written on afterwards.
    """
    axis = torch.linspace(-1, 1, resolution, device=cloud.means.device)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    opacity = torch.ones(len(points), device=points.device)
    depth = torch.full_like(opacity, _THROUGH)
    shape = (resolution, resolution, resolution)
    for cameras in _rings():
        _carve(cloud, cameras.to(points.device), points, image_size, opacity, depth)
        watch(opacity.reshape(shape))
    return VisibleSpace(opacity.reshape(shape).cpu(), depth.reshape(shape).cpu())


def _carve(
    cloud: GaussianCloud,
    cameras: Cameras,
    points: Float[Tensor, "P 3"],
    size: int,
    opacity: Float[Tensor, " P"],
    depth: Float[Tensor, " P"],
) -> None:
    """Lowers `opacity` and `depth` to what these cameras see."""
    K = cameras.intrinsics(size, size)
    rendered = render_gaussians(*cloud.tensors(), cameras.viewmats, K, size, size)
    surfaces = torch.where(rendered.alphas > _OPAQUE, rendered.depths, _THROUGH)
    low, high = _LOOKED_AT
    for b, (viewmat, k) in enumerate(zip(cameras.viewmats, K, strict=True)):
        seen = points @ viewmat[:3, :3].T + viewmat[:3, 3]
        places = seen[:, :2] / seen[:, 2:] * (k[0, 0] * 2 / size)
        alphas = _look_up(rendered.alphas[b], places, "bilinear")
        torch.minimum(opacity, alphas, out=opacity)
        if low <= float(cameras.elevation_deg[b]) <= high:
            # Nearest: halfway between two surfaces there is nothing.
            behind = seen[:, 2] - _look_up(surfaces[b], places, "nearest")
            torch.minimum(depth, behind, out=depth)


def _look_up(picture: Float[Tensor, "H W 1"], places: Float[Tensor, "P 2"], mode: str) -> Tensor:
    """Values (P,) of a picture at places, -1 to 1 from border to border; 0 outside."""
    grid = places[None, None]
    found = F.grid_sample(picture.permute(2, 0, 1)[None], grid, mode, align_corners=False)
    return found.reshape(-1)


def _rings() -> Iterator[Cameras]:
    """Cameras on rings, each ring turned by half a step from the one below."""
    for ring, (elevation, count) in enumerate(_RINGS):
        azimuths = torch.tensor([(i + 0.5 * (ring % 2)) * 360 / count for i in range(count)])
        full = torch.ones(count)
        yield orbit(azimuths, full * elevation, full * 3.0, full * 42.0)
