"""Environment lights against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from backend import color
from backend.materials import light as lights

NO_TURN = torch.zeros(())


@pytest.fixture
def directions() -> torch.Tensor:
    raw = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    poles = torch.tensor([[0.0, 0, 1], [0.0, 0, -1]])
    return torch.cat([torch.nn.functional.normalize(raw, dim=-1), poles])


def test_constant_environment_is_constant_everywhere(directions: torch.Tensor) -> None:
    colour = np.array([0.5, 1.0, 2.0], np.float32)
    light = lights.EnvironmentLight.from_radiance(np.ones((32, 64, 3), np.float32) * colour)
    expected = torch.from_numpy(colour).expand(len(directions), 3)
    # The harmonics' integrals over 32 rows are good to a tenth of a percent.
    assert torch.allclose(light.irradiance(directions, NO_TURN), expected, rtol=3e-3)
    for roughness in (0.0, 0.3, 1.0):
        found = light.radiance(directions, torch.full((len(directions),), roughness), NO_TURN)
        assert torch.allclose(found, expected, rtol=1e-4)


def test_irradiance_of_a_linear_sky(directions: torch.Tensor) -> None:
    """L = 1 + z integrates against the cosine lobe to pi (1 + 2/3 n_z)."""
    grid, _ = lights.directions_grid(32, 64)
    sky = np.repeat(1 + grid[..., 2:], 3, axis=-1).astype(np.float32)
    light = lights.EnvironmentLight.from_radiance(sky)
    expected = 1 + 2 / 3 * directions[:, 2]
    assert torch.allclose(light.irradiance(directions, NO_TURN)[:, 0], expected, atol=5e-3)


def test_mirror_lookup_returns_the_picture(directions: torch.Tensor) -> None:
    grid, _ = lights.directions_grid(64, 128)
    light = lights.EnvironmentLight.from_radiance((grid * 0.5 + 0.5).astype(np.float32))
    found = light.radiance(directions, torch.zeros(len(directions)), NO_TURN)
    # A texel is 2.8 degrees, so 0.05 in direction; half of that at the poles, unfiltered.
    assert torch.allclose(found, directions * 0.5 + 0.5, atol=0.015)


def test_turning_the_light_by_90_degrees_moves_plus_x_to_plus_y() -> None:
    grid, _ = lights.directions_grid(64, 128)
    light = lights.EnvironmentLight.from_radiance(
        np.repeat(np.maximum(grid[..., :1], 0), 3, axis=-1).astype(np.float32)
    )
    axes = torch.tensor([[1.0, 0, 0], [0.0, 1, 0]])
    for lookup in (
        lambda r: light.irradiance(axes, r)[:, 0],
        lambda r: light.radiance(axes, torch.full((2,), 0.4), r)[:, 0],
    ):
        still, turned = lookup(NO_TURN), lookup(torch.tensor(math.pi / 2))
        assert still[0] > 2 * still[1]
        assert turned[1].item() == pytest.approx(still[0].item(), rel=1e-3)
    per_point = light.irradiance(axes, torch.tensor([0.0, math.pi / 2]))[:, 0]
    assert per_point[0].item() == pytest.approx(per_point[1].item(), rel=1e-3)


def test_roughness_blurs_and_keeps_the_mean(directions: torch.Tensor) -> None:
    light = lights.environment("three_point")
    grid, angles = lights.directions_grid(32, 64)
    everywhere = torch.from_numpy(grid.reshape(-1, 3).astype(np.float32))
    share = torch.from_numpy((angles / angles.sum()).reshape(-1, 1).astype(np.float32))
    peaks = []
    for roughness in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        found = light.radiance(everywhere, torch.full((len(everywhere),), roughness), NO_TURN)
        assert (found * share).sum().item() / 3 == pytest.approx(1, abs=0.03)
        peaks.append(found.max().item())
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < peaks[0] / 3


@pytest.mark.parametrize("name", sorted(lights.PRESETS))
def test_presets_are_positive_and_scaled(name: str, directions: torch.Tensor) -> None:
    light = lights.environment(name)
    assert (light.volume > 0).all()
    assert light.harmonics[0].mean().item() * 0.282095 == pytest.approx(1, abs=0.01)
    assert light.irradiance(directions, NO_TURN).min() >= 0


def test_gradients_are_finite_at_the_poles_and_match_differences(directions: torch.Tensor) -> None:
    light = lights.environment("studio")
    wanted = directions.clone().requires_grad_(True)
    roughness = torch.full((len(directions),), 0.5, requires_grad=True)
    light.radiance(wanted, roughness, NO_TURN).sum().backward()
    assert torch.isfinite(wanted.grad).all()
    assert torch.isfinite(roughness.grad).all()
    point = directions[:8].double()

    def lookup(normals):
        return light.irradiance(normals, NO_TURN.double())

    assert torch.autograd.gradcheck(lookup, [point.requires_grad_(True)], atol=1e-4)


def test_srgb_round_trip_and_shoulder() -> None:
    x = torch.linspace(0, 1, 101)
    middle = x[color.from_srgb(x) < 0.8]
    assert torch.allclose(color.to_srgb(color.from_srgb(middle)), middle, atol=1e-5)
    bright = color.to_srgb(torch.tensor([0.8, 1.0, 2.0, 3.0]))
    assert (bright.diff() > 0).all()
    assert bright.max() <= 1
    over = torch.tensor([1.5], requires_grad=True)
    color.to_srgb(over).backward()
    assert over.grad.item() > 0
