"""The visible hull of a cloud: where every camera around it sees something solid.

In: a `GaussianCloud`. Out: for each sample of a grid the least opacity with which any of many
views shows it, the space carving of Kutulakos and Seitz (2000) on soft silhouettes. What is
outside of a silhouette is empty for sure; density alone can't tell that from a faint surface.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras, orbit
from backend.gaussians.model import GaussianCloud
from backend.render.gaussians import render_gaussians

_RINGS = ((-25.0, 12), (5.0, 16), (30.0, 12), (60.0, 8), (88.0, 1))  # elevation, cameras


@torch.no_grad()
def least_opacity(
    cloud: GaussianCloud, resolution: int, image_size: int = 160
) -> Float[Tensor, "R R R"]:
    """Least opacity over all views at the samples of a grid over [-1, 1]^3, indexed [x, y, z].

    Samples that a view's picture doesn't show are 0 there: nothing is made that far out.
    """
    cameras = _ring_cameras().to(cloud.means.device)
    K = cameras.intrinsics(image_size, image_size)
    rendered = render_gaussians(*cloud.tensors(), cameras.viewmats, K, image_size, image_size)
    axis = torch.linspace(-1, 1, resolution, device=cloud.means.device)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    least = torch.ones(len(points), device=points.device)
    for viewmat, k, alpha in zip(cameras.viewmats, K, rendered.alphas, strict=True):
        seen = points @ viewmat[:3, :3].T + viewmat[:3, 3]
        pixels = seen[:, :2] / seen[:, 2:] * k[0, 0]  # from the middle of the picture
        places = (pixels * 2 / image_size)[None, None]
        shown = F.grid_sample(alpha.permute(2, 0, 1)[None], places, align_corners=False)
        least = torch.minimum(least, shown.reshape(-1))
    return least.reshape(resolution, resolution, resolution).cpu()


def _ring_cameras() -> Cameras:
    """Cameras on rings, each ring turned by half a step from the one below."""
    azimuths, elevations = [], []
    for ring, (elevation, count) in enumerate(_RINGS):
        azimuths += [(i + 0.5 * (ring % 2)) * 360 / count for i in range(count)]
        elevations += [elevation] * count
    full = torch.ones(len(azimuths))
    return orbit(torch.tensor(azimuths), torch.tensor(elevations), full * 3.0, full * 42.0)
