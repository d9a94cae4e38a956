"""Pictures of a cloud of Gaussians other than its colours, as priors are shown them.

In: a `GaussianCloud`, cameras and pixels a side. Out: (B, H, W, C), composited like colours.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from backend.cameras import Cameras
from backend.gaussians.model import GaussianCloud
from backend.render import gaussian_normals
from backend.render.gaussians import render_gaussians


def render_normals(
    cloud: GaussianCloud, cameras: Cameras, size: int, backgrounds: Float[Tensor, "B 3"]
) -> Float[Tensor, "B H W 3"]:
    """View-space normals, n * 0.5 + 0.5, over backgrounds."""
    shape = (cloud.means, cloud.quats, cloud.scales, cloud.opacities)
    K = cameras.intrinsics(size, size)
    return gaussian_normals.render_normals(*shape, cameras.viewmats, K, size, size, backgrounds)


def render_nearness(cloud: GaussianCloud, cameras: Cameras, size: int) -> Float[Tensor, "B H W 1"]:
    """See Cameras.nearness; composited like colours, 0 where there is nothing."""
    near = cameras.nearness(cloud.means[None])[..., None]
    shape = (cloud.means, cloud.quats, cloud.scales, cloud.opacities)
    K = cameras.intrinsics(size, size)
    return render_gaussians(*shape, near, cameras.viewmats, K, size, size).colors
