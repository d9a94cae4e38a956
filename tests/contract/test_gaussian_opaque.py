"""Where a pixel ends: gsplat's rule, pixel by pixel and Gaussian by Gaussian in plain Python.

RasterizeToPixels3DGSFwd.cu of gsplat 1.5: what would take the transmittance to 1e-4 or below is not
drawn, and nothing behind it is. The kernels and the twin are held to that here, in a scene where
the rules that look much like it give other pictures and other gradients.
"""

from __future__ import annotations

import gaussian_twin as twin
import pytest
import torch
from gaussian_scenes import NAMES, TOLERANCE, on_every_device
from torch import Tensor

from backend.cameras import orbit
from backend.render.gaussians import render_gaussians

WIDTH, HEIGHT = 18, 5  # two tiles, both cut by the edges
CAMERAS = orbit(*(torch.tensor([v]) for v in (0.0, 0.0, 3.0, 10.0)))
VIEW = (CAMERAS.viewmats, CAMERAS.intrinsics(WIDTH, HEIGHT))
# Behind an alpha of 0.999 float32 knows 1 - alpha to 6e-5 only. The rules are further apart.
SLACK = 10
APART = 0.02


def by_hand(parameters, rule="ends") -> Tensor:
    """Colours (H, W, C), then alpha and the sum of depths as two more channels.

    What would leave too little "ends" the pixel undrawn. For comparison, it is "drawn" first, or it
    is "skipped" and others go on.
    """
    *shape, opacities, colors = parameters
    centres, conics, depths = twin.project(*shape, *(v[0].double() for v in VIEW), WIDTH, HEIGHT)
    painted = torch.cat([colors, torch.ones_like(depths)[:, None], depths[:, None]], dim=-1)
    order, rows = depths.argsort().tolist(), []
    for pixel in torch.cartesian_prod(torch.arange(HEIGHT), torch.arange(WIDTH)):
        d = pixel.flip(0) + 0.5 - centres
        falloff = torch.exp(-0.5 * torch.einsum("ni,nij,nj->n", d, conics, d))
        left, total = torch.ones((), dtype=torch.float64), torch.zeros_like(painted[0])
        for n in order:
            alpha = (opacities[n] * falloff[n]).clamp(max=0.999)
            if alpha < 1 / 255:
                continue
            after = left * (1 - alpha)
            if after <= 1e-4 and rule == "ends":
                break
            if after <= 1e-4 and rule == "skipped":
                continue
            total, left = total + alpha * left * painted[n], after
            if left <= 1e-4:
                break
        rows.append(total)
    return torch.stack(rows).reshape(HEIGHT, WIDTH, -1)


def stacks() -> list[Tensor]:
    """40 Gaussians behind one another, each over all of the picture: faint or all but opaque."""
    g = torch.Generator().manual_seed(48)
    means = torch.rand(40, 3, generator=g) * 1.2 - 0.6
    means[:, ::2] *= 0.3
    scales = 3 + 3 * torch.rand(40, 3, generator=g)
    kinds, opacities = torch.rand(2, 40, generator=g)
    opacities = torch.where(kinds < 0.8, 0.6 * opacities, 1 - 0.001 * opacities)
    quats, colors = torch.randn(40, 4, generator=g), torch.randn(40, 5, generator=g)
    return [means, quats, scales, opacities, colors]


def with_gradients(parameters, function) -> tuple[Tensor, list[Tensor]]:
    """What `function` makes of leaves, (H, W, 7), and their gradients by a fixed sum of it."""
    leaves = [p.clone().requires_grad_() for p in parameters]
    images = function(leaves)
    weights = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    (images * weights.to(images)).sum().backward()
    return images.detach(), [leaf.grad for leaf in leaves]


def joined(colors, alphas, depths) -> Tensor:
    """One view's pictures as `by_hand` gives them; expected depths turned back to sums."""
    return torch.cat([colors, alphas, depths * alphas], dim=-1)[0]


def error(one: Tensor, other: Tensor) -> float:
    """The largest difference over the largest entry."""
    return float((one.cpu().double() - other).abs().max() / other.abs().max())


@pytest.fixture(scope="module")
def expected() -> tuple[Tensor, list[Tensor]]:
    return with_gradients([p.double() for p in stacks()], by_hand)


@pytest.mark.parametrize("rule", ["drawn", "skipped"])
def test_the_scene_tells_the_rules_apart(expected, rule):
    other, gradients = with_gradients([p.double() for p in stacks()], lambda p: by_hand(p, rule))
    apart = (other - expected[0]).abs().amax((0, 1))
    assert (apart > APART).all()  # colours, alpha and depth
    for name, one, two in zip(NAMES, gradients, expected[1], strict=True):
        assert error(one, two) > APART, name


def test_the_twin_ends_pixels_by_the_rule(expected):
    def by_twin(leaves):
        return joined(*twin.render(*leaves, *(v.double() for v in VIEW), WIDTH, HEIGHT)[:3])

    images, gradients = with_gradients([p.double() for p in stacks()], by_twin)
    torch.testing.assert_close(images, expected[0], atol=1e-12, rtol=0)
    for name, one, two in zip(NAMES, gradients, expected[1], strict=True):
        assert error(one, two) < 1e-10, name


@on_every_device
def test_rasterisers_end_pixels_by_the_rule(device, expected):
    def ours(leaves):
        out = render_gaussians(*leaves, *(v.to(device) for v in VIEW), WIDTH, HEIGHT)
        return joined(out.colors, out.alphas, out.depths)

    images, gradients = with_gradients([p.to(device) for p in stacks()], ours)
    assert error(images, expected[0]) < SLACK * TOLERANCE[device]
    for name, one, two in zip(NAMES, gradients, expected[1], strict=True):
        assert error(one, two) < SLACK * TOLERANCE[device], name
