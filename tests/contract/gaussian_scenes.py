"""Scenes of Gaussians, the devices they are rendered on, and the comparison with the twin."""

from __future__ import annotations

import importlib.util

import gaussian_twin as twin
import pytest
import torch

from backend.render.gaussians import GaussianImages, render_gaussians

NAMES = ("means", "quats", "scales", "opacities", "colors")
# Errors over the largest entry. Ours sum float32 but project in float64; gsplat is float32
# throughout and its exponential is the hardware's.
TOLERANCE = {"cpu": 1e-5, "cuda": 1e-3}

NO_DEVICE = "no CUDA device here: gsplat is compared with the twin only where one is"
NO_GSPLAT = "gsplat (CUDA) is not installed: pip install 'propsmith[cuda]'"
CUDA_MARKS = (
    pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_DEVICE),
    pytest.mark.skipif(importlib.util.find_spec("gsplat") is None, reason=NO_GSPLAT),
)
on_every_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=CUDA_MARKS)])


def scene(count: int, seed: int = 0, channels: int = 3, size=(0.02, 0.2)) -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return [
        torch.rand(count, 3, generator=g) * 1.4 - 0.7,
        torch.randn(count, 4, generator=g),
        torch.rand(count, 3, generator=g) * (size[1] - size[0]) + size[0],
        torch.rand(count, generator=g) * 0.95 + 0.02,
        torch.rand(count, channels, generator=g),
    ]


def compare(device, parameters, cameras, width, height, pixels=None, sh=None) -> GaussianImages:
    """Values, and all gradients of a random linear function of them, against the float64 twin.

    pixels (P, 2) of (row, column): only these are compared. sh: degree and twin of view_colors,
    where the last parameter holds coefficients.
    """
    g = torch.Generator().manual_seed(7)
    views = len(cameras)
    channels = parameters[4].shape[-1]
    backgrounds = torch.rand(views, channels, generator=g)
    viewmats, Ks = cameras.viewmats, cameras.intrinsics(width, height)
    degree, twin_colors = sh or (None, None)

    ours = [p.clone().to(device).requires_grad_() for p in (*parameters, backgrounds)]
    view = (viewmats.to(device), Ks.to(device), width, height)
    out = render_gaussians(*ours[:5], *view, ours[5], sh_degree=degree)
    out.means2d.retain_grad()
    values = [out.colors, out.alphas, out.depths]
    if pixels is not None:
        values = [v[:, pixels[:, 0], pixels[:, 1]][:, :, None] for v in values]

    exact = [p.double().requires_grad_() for p in (*parameters, backgrounds)]
    shifts = torch.zeros(out.means2d.shape, dtype=torch.float64, requires_grad=True)
    colors = exact[4] if sh is None else twin_colors(exact[4], exact[0], viewmats.double(), degree)
    *expected, doubts = twin.render(
        *exact[:4], colors, viewmats.double(), Ks.double(), width, height, exact[5], shifts, pixels
    )
    assert doubts.double().mean() < 0.2
    # Expected depth divides by alpha; where there is next to none it is noise in float32.
    counted = [~doubts, ~doubts, ~doubts & (expected[1].detach() > 0.3)]
    values = [v.cpu().double() * m for v, m in zip(values, counted, strict=True)]
    expected = [e * m for e, m in zip(expected, counted, strict=True)]
    weights = [torch.randn(e.shape, generator=g, dtype=torch.float64) for e in expected]
    for images in (values, expected):
        sum((w * x).sum() for w, x in zip(weights, images, strict=True)).backward()

    limit = TOLERANCE[str(device)]
    for value, reference in zip(values, expected, strict=True):
        atol = limit * max(1.0, float(reference.detach().abs().max()))
        torch.testing.assert_close(value.detach(), reference.detach(), atol=atol, rtol=0)
    pairs = dict(zip((*NAMES, "backgrounds", "means2d"), zip(
        (*ours, out.means2d), (*exact, shifts), strict=True), strict=True))  # fmt: skip
    # What is left of the light at a pixel is 1 - alpha, rounded where 1 is: if next to nothing is
    # left everywhere, so is all of the backgrounds' gradient, of what it might have been.
    floors = {"backgrounds": float(weights[0].abs().sum((1, 2)).max())}
    for name, (a, b) in pairs.items():
        scale = max(float(b.grad.abs().max()), floors.get(name, 0.0))
        error = float((a.grad.cpu().double() - b.grad).abs().max()) / scale
        assert error < limit, f"{name}: {error}"
    return out
