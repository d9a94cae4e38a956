"""Gaussians on a CUDA device: gsplat (Apache-2.0, version 1.5.3 or newer), in our signature.

In and out as `gaussians_cpu.splat`. gsplat's "classic" mode, its default thresholds and where it
ends a pixel are what the CPU kernels follow; tests/contract/test_gaussians.py compares the two. The
gradient on its means2d is in pixels and unscaled, as ours; for culled Gaussians it leaves means2d
unwritten.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from torch import Tensor

from backend.errors import DeviceError
from backend.render.gaussians import DILATION, NEAR_PLANE

ABSENT = (
    "Gaussians on CUDA need gsplat, which is not installed: pip install 'propsmith[cuda]', or use "
    "--device cpu."
)
BROKEN = (
    "gsplat is installed but did not compile or load ({reason}): it takes gsplat 1.5.3 or newer, "
    "the CUDA toolkit (nvcc) of torch's version and a C++ compiler, or else --device cpu."
)


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
    backgrounds: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Colours (B, H, W, C) over backgrounds (B, C), alphas and sums of depth (B, H, W, 1), means2d,
    radii."""
    rasterization = _rasterization()
    if len(means) == 0:
        return _empty(means, colors, len(viewmats), width, height, backgrounds)
    renders, alphas, info = rasterization(
        means=means.float(),
        quats=quats.float(),
        scales=scales.float(),
        opacities=opacities.float(),
        colors=colors.float().expand(len(viewmats), *colors.shape[-2:]),  # (N, C) or (B, N, C)
        viewmats=viewmats.float(),
        Ks=Ks.float(),
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
    painted = _over(renders[..., :-1], alphas, backgrounds)
    return painted, alphas, renders[..., -1:], info["means2d"], radii.int()


def _over(summed: Tensor, alphas: Tensor, backgrounds: Tensor | None) -> Tensor:
    """Over plain backgrounds, or over nothing: a few passes over a picture, little to a GPU."""
    return summed if backgrounds is None else summed + (1 - alphas) * backgrounds[:, None, None]


@functools.cache
def _rasterization() -> Callable:
    """gsplat's function; DeviceError where gsplat, or what its kernels need, is missing."""
    try:
        from gsplat import rasterization

        # Compiles the kernels if the wheel has none: minutes, once a machine.
        kernels = importlib.import_module("gsplat.cuda._backend")._C
    except (ImportError, OSError, RuntimeError, TypeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "gsplat":
            raise DeviceError(ABSENT) from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DeviceError(BROKEN.format(reason=reason)) from error
    if kernels is None:
        raise DeviceError(BROKEN.format(reason="no CUDA toolkit found to compile them with"))
    return rasterization


def _empty(
    means: Tensor,
    colors: Tensor,
    views: int,
    width: int,
    height: int,
    backgrounds: Tensor | None,
):
    """No Gaussians: gsplat's kernels are not asked; the graph stays connected."""
    zero = means.sum() * 0
    shape = (views, height, width)
    return (
        _over(zero.expand(*shape, colors.shape[-1]), zero.expand(*shape, 1), backgrounds),
        zero.expand(*shape, 1),
        zero.expand(*shape, 1),
        zero.expand(views, 0, 2),
        means.new_zeros(views, 0).int(),
    )
