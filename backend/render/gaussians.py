"""Differentiable splatting of 3D Gaussians: the interface, and the choice of a rasteriser.

In: Gaussians in world space, cameras, a picture size. Out: colours, alphas, expected depths, and
the projected means whose gradient drives densification. Kerbl et al. 2023 ("3D Gaussian Splatting
for Real-Time Radiance Field Rendering"), in the conventions of gsplat 1.5: pixel centres at
half-integers, covariances dilated by 0.3 px, alphas from 1/255 to 0.999. The first Gaussian that
would take a pixel's transmittance to 1e-4 or below is left out with all behind it: no alpha is more
than 1 - 1e-4. CPU tensors go to numba kernels, CUDA tensors to gsplat.

Colours are any C channels, so normals are rendered as colours, alone or beside the others:

    normals = view_normals(means, quats, scales, viewmats)  # render/gaussian_normals.py
    both = torch.cat([rgb.expand(len(viewmats), -1, -1), normals], dim=-1)
    images = render_gaussians(means, quats, scales, opacities, both, viewmats, Ks, width, height)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from backend.errors import DeviceError, InputError
from backend.render.harmonics import view_colors

MAX_CHANNELS = 8
NEAR_PLANE = 0.01
DILATION = 0.3  # px^2 added to the projected covariance's diagonal


@dataclass(frozen=True)
class GaussianImages:
    """What a render gives back, for B cameras and N Gaussians."""

    colors: Float[Tensor, "B H W C"]  # composited over the backgrounds, or over zeros
    alphas: Float[Tensor, "B H W 1"]
    depths: Float[Tensor, "B H W 1"]  # expected camera-space z; 0 where nothing was hit
    # Pixels. After retain_grad() and backward, its grad is what densification reads (gsplat's
    # means2d.grad): the loss's change per pixel that a Gaussian moves on the picture.
    means2d: Float[Tensor, "B N 2"]
    radii: Int[Tensor, "B N"]  # pixels; 0 where the Gaussian was culled


def render_gaussians(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, "N"],
    colors: Float[Tensor, "N C"] | Float[Tensor, "B N C"] | Float[Tensor, "N K 3"],
    viewmats: Float[Tensor, "B 4 4"],
    Ks: Float[Tensor, "B 3 3"],
    width: int,
    height: int,
    backgrounds: Float[Tensor, "B C"] | None = None,
    sh_degree: int | None = None,
) -> GaussianImages:
    """Splats N Gaussians into B pictures; differentiable in the five first arguments.

    quats: (w, x, y, z), any length but zero. scales: standard deviations along the Gaussian's
    axes, not negative, world units. opacities: [0, 1]. colors: any C up to 8 channels, shared by
    the views or one set a view; with sh_degree (0 to 3), coefficients of spherical harmonics, of
    which the first (sh_degree + 1)^2 count (render/harmonics.py).
    viewmats: world to OpenCV camera. Ks: pixels, no skew. backgrounds may require a gradient.
    Raises InputError for a wrong size, DeviceError where the device has no rasteriser.
    """
    if sh_degree is not None:
        colors = view_colors(colors, means, viewmats, sh_degree)
    if not 1 <= colors.shape[-1] <= MAX_CHANNELS:
        raise InputError(f"Colours have {colors.shape[-1]} channels; expected 1 to {MAX_CHANNELS}.")
    if colors.shape[:-1] not in ((len(means),), (len(viewmats), len(means))):
        raise InputError(
            f"Colours of shape {tuple(colors.shape)} for {len(means)} Gaussians in "
            f"{len(viewmats)} views; expected (N, C) or (B, N, C)."
        )
    if width < 1 or height < 1:
        raise InputError(f"The picture is {width} x {height} pixels; expected at least 1 x 1.")
    splat = _rasterizer(means.device)
    painted, alphas, summed_depths, means2d, radii = splat(
        means, quats, scales, opacities, colors, viewmats, Ks, width, height, backgrounds
    )
    depths = summed_depths / alphas.clamp(min=1e-10)
    return GaussianImages(painted, alphas, depths, means2d, radii)


def _rasterizer(device: torch.device):
    """The function that splats on `device`; imported on demand, as gsplat may be absent."""
    if device.type == "cpu":
        from backend.render.gaussians_cpu import splat

        return splat
    if device.type == "cuda":
        from backend.render.gaussians_cuda import splat

        return splat
    raise DeviceError(f"No Gaussian rasteriser for device '{device}'; use 'cpu' or 'cuda'.")
