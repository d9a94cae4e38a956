"""The BRDF against closed forms: tables, furnaces, limits and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.materials import brdf
from backend.materials.light import EnvironmentLight

NO_TURN = torch.zeros(())


def white_furnace() -> EnvironmentLight:
    return EnvironmentLight.from_radiance(np.ones((16, 32, 3), np.float32))


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)


def brute_force_fg(n_dot_v: float, roughness: float, steps: int = 600) -> tuple[float, float]:
    """Midpoint rule over the light's hemisphere, straight from the definition."""
    alpha = roughness**2
    view = np.array([np.sqrt(1 - n_dot_v**2), 0, n_dot_v])
    theta = (np.arange(steps) + 0.5) / steps * np.pi / 2
    phi = (np.arange(2 * steps) + 0.5) / (2 * steps) * 2 * np.pi
    t, p = np.meshgrid(theta, phi, indexing="ij")
    light = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1)
    half = light + view
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    n_dot_l, n_dot_h, v_dot_h = light[..., 2], half[..., 2], half @ view
    d = alpha**2 / (np.pi * (n_dot_h**2 * (alpha**2 - 1) + 1) ** 2)
    lambda_l = n_dot_v * np.sqrt(n_dot_l**2 * (1 - alpha**2) + alpha**2)
    lambda_v = n_dot_l * np.sqrt(n_dot_v**2 * (1 - alpha**2) + alpha**2)
    integrand = d * 0.5 / (lambda_l + lambda_v) * n_dot_l * np.sin(t)
    area = (np.pi / 2 / steps) * (np.pi / steps)
    fresnel = (1 - v_dot_h) ** 5
    return float((integrand * (1 - fresnel)).sum() * area), float(
        (integrand * fresnel).sum() * area
    )


@pytest.mark.parametrize(
    ("n_dot_v", "roughness"), [(0.9, 0.5), (0.5, 0.3), (0.3, 0.8), (1.0, 1.0), (0.1, 0.6)]
)
def test_table_equals_brute_force_integration(n_dot_v: float, roughness: float) -> None:
    expected = brute_force_fg(min(n_dot_v, 0.9999), roughness)
    found = brdf.specular_scale_bias(torch.tensor([n_dot_v]), torch.tensor([roughness]))[0]
    # 1024 samples per entry leave up to 0.8 percent, most of it at grazing angles.
    assert found.tolist() == pytest.approx(expected, abs=0.01)


def test_metal_furnace_keeps_the_energy_when_smooth() -> None:
    count = 50
    normals = torch.tensor([0.0, 0, 1]).repeat(count, 1)
    angle = torch.linspace(0, 1.4, count)
    views = torch.stack([angle.sin(), torch.zeros(count), angle.cos()], dim=-1)
    white, ones = torch.ones(count, 3), torch.ones(count)
    for roughness in (0.08, 0.2, 0.3):
        out = brdf.shade(white, ones * roughness, ones, normals, views, white_furnace(), NO_TURN)
        assert out.min() > 0.9
        assert out.max() < 1.005


def test_rough_metal_loses_energy_but_never_gains_it() -> None:
    table = brdf.fg_table()
    assert (table >= 0).all()
    assert table.sum(axis=-1).max() <= 1.005
    assert table[-1, -1].sum() < table[10, -1].sum()


def test_dielectric_furnace_is_diffuse_plus_four_percent_at_normal_incidence() -> None:
    normal = torch.tensor([[0.0, 0, 1]])
    out = brdf.shade(
        torch.full((1, 3), 0.5), torch.tensor([0.1]), torch.zeros(1), normal, normal,
        white_furnace(), NO_TURN,
    )  # fmt: skip
    assert out[0].tolist() == pytest.approx([0.54] * 3, abs=0.005)


def test_a_metal_has_no_diffuse_part() -> None:
    normals = unit(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)))
    black = brdf.shade(
        torch.zeros(20, 3), torch.full((20,), 0.3), torch.ones(20), normals, normals,
        white_furnace(), NO_TURN,
    )  # fmt: skip
    # What is left of a black metal is the Schlick rise towards grazing angles.
    assert black.max() < 0.01


def test_reflection() -> None:
    view = unit(torch.tensor([[1.0, 0, 1]]))
    mirrored = brdf.reflect(view, torch.tensor([[0.0, 0, 1]]))
    assert torch.allclose(mirrored, unit(torch.tensor([[-1.0, 0, 1]])), atol=1e-6)


def test_gradients_match_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    rng = np.random.default_rng(2)
    light = EnvironmentLight.from_radiance(rng.uniform(0.2, 2, (16, 32, 3)).astype(np.float32))
    normals = unit(torch.randn(6, 3, generator=generator, dtype=torch.float64))
    views = unit(normals + 0.5 * unit(torch.randn(6, 3, generator=generator, dtype=torch.float64)))

    def render(albedo, roughness, metallic):
        return brdf.shade(albedo, roughness, metallic, normals, views, light, NO_TURN.double())

    inputs = [
        torch.rand(6, 3, generator=generator, dtype=torch.float64) * 0.8 + 0.1,
        torch.rand(6, generator=generator, dtype=torch.float64) * 0.8 + 0.1,
        torch.rand(6, generator=generator, dtype=torch.float64) * 0.8 + 0.1,
    ]
    for value in inputs:
        value.requires_grad_(True)
    assert torch.autograd.gradcheck(render, inputs, atol=1e-4)
