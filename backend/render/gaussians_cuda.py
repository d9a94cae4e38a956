"""Gaussians on a CUDA device: gsplat (Apache-2.0, version 1.5 or newer), in our signature.

In and out as `gaussians_cpu.splat`. gsplat's "classic" mode and its default thresholds are the
ones the CPU kernels follow; tests/contract/test_gaussians.py compares the two.
"""

from __future__ import annotations

from torch import Tensor

from backend.errors import DeviceError
from backend.render.gaussians import DILATION, NEAR_PLANE


def splat(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Sums of colour (B, H, W, C), alphas and sums of depth (B, H, W, 1), means2d, radii."""
    try:
        from gsplat import rasterization
    except ImportError as error:
        raise DeviceError(
            "Gaussians on CUDA need gsplat: pip install 'propsmith[cuda]', or use --device cpu."
        ) from error
    if len(means) == 0:
        return _empty(means, colors, len(viewmats), width, height)
    renders, alphas, info = rasterization(
        means=means,
        quats=quats,
        scales=scales,
        opacities=opacities,
        colors=colors.expand(len(viewmats), *colors.shape[-2:]),  # (N, C) or (B, N, C)
        viewmats=viewmats,
        Ks=Ks,
        width=width,
        height=height,
        near_plane=NEAR_PLANE,
        eps2d=DILATION,
        packed=False,
        render_mode="RGB+D",  # sums, not expectations: the caller divides by alpha
        rasterize_mode="classic",
    )
    radii = info["radii"]
    if radii.dim() == 3:  # one radius an axis since 1.5
        radii = radii.amax(dim=-1)
    return renders[..., :-1], alphas, renders[..., -1:], info["means2d"], radii.int()


def _empty(means: Tensor, colors: Tensor, views: int, width: int, height: int):
    """No Gaussians: gsplat's kernels are not asked; the graph stays connected."""
    zero = means.sum() * 0
    shape = (views, height, width)
    return (
        zero.expand(*shape, colors.shape[-1]),
        zero.expand(*shape, 1),
        zero.expand(*shape, 1),
        zero.expand(views, 0, 2),
        means.new_zeros(views, 0).int(),
    )
