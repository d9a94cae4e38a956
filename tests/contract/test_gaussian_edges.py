"""Gaussian rasterisers where they are easily wrong: limits, edges, needles, 100,000 at once."""

from __future__ import annotations

import pytest
import torch
from gaussian_scenes import TOLERANCE, compare, on_every_device, scene
from torch.nn import functional as F

from backend.cameras import Cameras, orbit, turntable
from backend.render.gaussians import render_gaussians


def unlike_cameras(count: int, seed: int = 0) -> Cameras:
    """Every camera with its own place and field of view, one of them among the Gaussians."""
    g = torch.Generator().manual_seed(seed)
    azimuth, elevation, distance, fov = torch.rand(4, count, generator=g)
    distance = distance * 3 + 1.5
    distance[0] = 0.3
    return orbit(azimuth * 360, elevation * 160 - 80, distance, fov * 80 + 10)


@on_every_device
@pytest.mark.parametrize("channels", range(1, 9))
def test_any_number_of_channels_from_cameras_of_all_kinds(device, channels):
    parameters = scene(50, seed=channels, channels=channels)
    compare(device, parameters, unlike_cameras(3, seed=channels), 37, 53)


@on_every_device
def test_one_pixel(device):
    compare(device, scene(40, size=(0.01, 0.9)), unlike_cameras(4), 1, 1)


@on_every_device
def test_every_view_may_have_its_own_colours(device):
    parameters = scene(50)
    parameters[4] = torch.rand(3, 50, 5, generator=torch.Generator().manual_seed(1))
    compare(device, parameters, turntable(3), 37, 21)


@on_every_device
def test_needles_across_a_large_picture(device, monkeypatch):
    """Of the exponent's terms, 10^5 each, only units are left along a needle."""
    # gsplat inverts the projected covariance by a c - b^2 in float32, of which a needle leaves few
    # digits: the same arithmetic on a CPU is off by 1.3e-3 to 5.2e-3.
    monkeypatch.setitem(TOLERANCE, "cuda", 1e-2)
    parameters = scene(30)
    parameters[2][:, 0] = 3.0
    parameters[2][:, 1:] = 1e-4
    rows = torch.arange(0, 200, 7)
    pixels = torch.stack([rows, (rows * 37) % 256], dim=-1)
    compare(device, parameters, turntable(2), 256, 200, pixels)


@on_every_device
@pytest.mark.parametrize("tiny", [0.0, 1e-12, 1e-6])
def test_scales_down_to_nothing(device, tiny):
    """Points, discs without thickness and lines without width: the dilation carries them."""
    parameters = scene(60)
    parameters[2][:20] = tiny
    parameters[2][20:30, 0] = tiny
    parameters[2][30:40, 1:] = tiny
    compare(device, parameters, turntable(2), 33, 33)


@on_every_device
def test_opacities_at_both_limits(device):
    parameters = scene(60)
    parameters[3][:20] = 1.0
    parameters[3][20:40] = 0.0
    out = compare(device, parameters, turntable(2), 37, 21)
    assert (out.radii[:, 20:40] == 0).all()


@on_every_device
def test_some_across_the_near_plane_and_all_behind_it(device):
    """In sight from 0.01 on; a Gaussian is taken or left whole, by its centre."""
    camera = orbit(*(torch.tensor([v]) for v in (0.0, 0.0, 1.0, 60.0)))
    parameters = scene(40, size=(0.01, 0.05))
    parameters[0] *= 0.5
    parameters[0][:20] *= 0.01
    parameters[0][:20, 1] = -1.0 + torch.linspace(-0.02, 0.04, 20)  # the camera stands at y = -1
    parameters[2][:20] *= 0.01
    out = compare(device, parameters, camera, 24, 24)
    assert 0 < int((out.radii[0, :20] > 0).sum()) < 20

    parameters[0][:, 1] = -1.0 + torch.linspace(-5, 0.00999, 40)
    leaves = [p.to(device).requires_grad_() for p in parameters]
    out = render_gaussians(
        *leaves, camera.viewmats.to(device), camera.intrinsics(9, 7).to(device), 9, 7
    )
    assert not out.colors.any() and not out.alphas.any() and not out.radii.any()
    (out.colors.sum() + out.depths.sum()).backward()
    assert all(leaf.grad is None or not leaf.grad.any() for leaf in leaves)


@on_every_device
def test_a_hundred_thousand(device):
    parameters = scene(100_000, size=(0.005, 0.03))
    parameters[3] *= 0.3
    g = torch.Generator().manual_seed(5)
    pixels = torch.stack(
        [torch.randint(15, 38, (12,), generator=g), torch.randint(10, 27, (12,), generator=g)], -1
    )
    out = compare(device, parameters, turntable(2), 37, 53, pixels)
    assert (out.radii > 0).float().mean() > 0.9


@on_every_device
def test_densification_gradient_is_per_pixel_of_movement(device):
    """means2d.grad, summed, is the loss's change as the principal point moves all of them."""
    parameters = [p.to(device) for p in scene(50)]
    cameras = turntable(1).to(device)
    weights = torch.rand(1, 40, 40, 3, generator=torch.Generator().manual_seed(2)).to(device)
    weights = F.avg_pool2d(weights.permute(0, 3, 1, 2), 9, 1, 4).permute(0, 2, 3, 1)

    def loss(shift):
        K = cameras.intrinsics(40, 40)
        K[:, :2, 2] += shift
        out = render_gaussians(*parameters, cameras.viewmats, K, 40, 40)
        return (out.colors.double() * weights).sum(), out.means2d

    parameters[0].requires_grad_()
    value, means2d = loss(torch.zeros(2, device=device))
    means2d.retain_grad()
    value.backward()
    for axis in range(2):
        step = torch.eye(2, device=device)[axis] * 0.05
        with torch.no_grad():
            change = (loss(step)[0] - loss(-step)[0]) / 0.1
        total = means2d.grad[0, :, axis].sum()
        # 5 %: the alpha threshold cuts Gaussians off, which finite differences see and nobody's
        # gradient does.
        assert float(total) == pytest.approx(float(change), rel=0.05)


@on_every_device
def test_depth_follows_the_camera_axis(device):
    means = torch.zeros(1, 3, device=device, requires_grad=True)
    quats = torch.tensor([[1.0, 0, 0, 0]], device=device)
    flat = (torch.full((1, 3), 0.4, device=device), torch.full((1,), 0.9, device=device))
    cameras = turntable(3).to(device)
    colors = torch.ones(1, 1, device=device)
    K = cameras.intrinsics(9, 9)
    out = render_gaussians(means, quats, *flat, colors, cameras.viewmats, K, 9, 9)
    torch.testing.assert_close(out.depths, torch.full_like(out.depths, 3.0), atol=3e-5, rtol=0)
    out.depths[1, 4, 4, 0].backward()
    torch.testing.assert_close(means.grad[0], cameras.viewmats[1, 2, :3], atol=1e-5, rtol=0)
