"""Every Gaussian rasteriser against the float64 twin: values, gradients and the awkward scenes."""

from __future__ import annotations

import pytest
import torch
from gaussian_scenes import compare, on_every_device, scene

from backend.cameras import orbit, turntable
from backend.errors import InputError
from backend.render.gaussians import render_gaussians


@on_every_device
@pytest.mark.parametrize(("width", "height"), [(45, 37), (16, 16), (1, 3)])
def test_values_and_gradients_equal_the_twins(device, width, height):
    compare(device, scene(60), turntable(3), width, height)


@on_every_device
def test_one_and_eight_channels(device):
    compare(device, scene(20, channels=1), turntable(1), 20, 20)
    compare(device, scene(20, channels=8), turntable(1), 20, 20)


@on_every_device
def test_long_thin_gaussians(device):
    parameters = scene(40)
    parameters[2][:, 0] = 0.8
    parameters[2][:, 1:] = 0.001
    compare(device, parameters, turntable(2), 33, 33)


@on_every_device
def test_gaussians_beyond_the_edge_and_behind_the_camera(device):
    parameters = scene(60)
    parameters[0] *= 4  # some behind, some outside the field of view, where J is held
    out = compare(device, parameters, turntable(2), 24, 24)
    assert (out.radii == 0).any()
    assert (out.radii > 0).any()


@on_every_device
def test_opaque_stack_stops_and_clamps(device):
    parameters = scene(80, size=(0.3, 0.6))
    parameters[3][:] = 0.9
    parameters[3][:8] = 1.0  # above the largest alpha: no gradient through the clamp
    out = compare(device, parameters, turntable(1), 16, 16)
    # More than 1e-4 is left behind everything drawn; float32 may round 1 minus that up.
    assert 0.999 < out.alphas.max() < 1 - 0.999e-4


@on_every_device
def test_larger_than_the_screen(device):
    parameters = scene(5, size=(5.0, 9.0))
    out = compare(device, parameters, turntable(1), 20, 20)
    assert out.radii.max() > 20


@on_every_device
@pytest.mark.parametrize("case", ["none", "behind", "transparent"])
def test_nothing_to_see_gives_backgrounds_and_zero_gradients(device, case):
    parameters = scene(0 if case == "none" else 6)
    if case == "behind":
        parameters[0] = parameters[0] * 0.1 + torch.tensor([0.0, -9.0, 0.0])
    if case == "transparent":
        parameters[3] = parameters[3] * 0
    leaves = [p.to(device).requires_grad_() for p in parameters]
    cameras = orbit(*(torch.tensor([v]) for v in (0.0, 0.0, 3.0, 40.0))).to(device)
    background = torch.tensor([[0.1, 0.2, 0.3]], device=device)
    out = render_gaussians(*leaves, cameras.viewmats, cameras.intrinsics(9, 5), 9, 5, background)
    assert (out.colors == background).all()
    assert (out.alphas == 0).all()
    assert (out.depths == 0).all()
    (out.colors.sum() + out.depths.sum()).backward()
    assert all(leaf.grad is None or (leaf.grad == 0).all() for leaf in leaves)


@on_every_device
def test_gradients_stay_finite_in_degenerate_scenes(device):
    parameters = scene(30)
    parameters[1][:5] = 0  # no rotation at all
    parameters[2][5:10] = 0  # points
    parameters[0][10:20] = parameters[0][10]  # the same depth
    leaves = [p.to(device).requires_grad_() for p in parameters]
    cameras = turntable(2).to(device)
    out = render_gaussians(*leaves, cameras.viewmats, cameras.intrinsics(20, 20), 20, 20)
    (out.colors.square().sum() + out.depths.sum()).backward()
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


@on_every_device
def test_up_is_up_and_right_is_right(device):
    """From azimuth 0 the camera stands on -Y: +Z at the top, +X on the right; +X is near at 90."""
    means = torch.tensor([[0.0, 0, 0.6], [0.6, 0, 0]], device=device)
    quats = torch.tensor([[1.0, 0, 0, 0]], device=device).expand(2, 4)
    flat = (torch.full((2, 3), 0.05, device=device), torch.full((2,), 0.99, device=device))
    colors = torch.eye(3, device=device)[:2]
    cameras = orbit(*(torch.tensor(v) for v in ([0.0, 90], [0.0, 0], [3.0, 3], [40.0, 40])))
    cameras = cameras.to(device)
    K = cameras.intrinsics(64, 64)
    out = render_gaussians(means, quats, *flat, colors, cameras.viewmats, K, 64, 64)
    peaks = [[divmod(int(out.colors[v, ..., c].argmax()), 64) for c in (0, 1)] for v in (0, 1)]
    assert peaks[0][0][0] < 20 and abs(peaks[0][0][1] - 32) <= 1
    assert peaks[0][1][1] > 44 and abs(peaks[0][1][0] - 32) <= 1
    assert abs(peaks[1][1][1] - 32) <= 1
    assert out.depths[1, 32, 32, 0].item() == pytest.approx(2.4, abs=0.01)


@on_every_device
def test_same_scene_same_bits(device):
    if device == "cuda":
        pytest.skip("gsplat adds gradients with atomics: equal only up to rounding")

    def run():
        leaves = [p.requires_grad_() for p in scene(200)]
        cameras = turntable(4)
        out = render_gaussians(*leaves, cameras.viewmats, cameras.intrinsics(40, 40), 40, 40)
        out.colors.square().sum().backward()
        return [out.colors.detach(), *(leaf.grad for leaf in leaves)]

    for a, b in zip(run(), run(), strict=True):
        assert torch.equal(a, b)


def test_wrong_sizes_are_refused_at_the_door():
    cameras = turntable(1)
    with pytest.raises(InputError, match="9 channels"):
        render_gaussians(*scene(2, channels=9), cameras.viewmats, cameras.intrinsics(4, 4), 4, 4)
