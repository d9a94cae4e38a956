"""The visible hull, and the solid that keeps to it."""

from __future__ import annotations

import numpy as np
import torch

from backend.gaussians.hull import least_opacity
from backend.gaussians.model import GaussianCloud
from backend.mesh.from_field import Config, sdf_from_density

R = 49
AXIS = np.linspace(-1, 1, R)
X, Y, Z = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")


def _cloud(means: torch.Tensor, scale: float) -> GaussianCloud:
    count = len(means)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1)
    full = torch.ones(count, 3)
    return GaussianCloud(means, quats, full * scale, full[:, 0] * 0.95, full * 0.5)


def _ring(count: int = 240, radius: float = 0.6) -> torch.Tensor:
    angle = torch.arange(count) * 2 * torch.pi / count
    return torch.stack([radius * angle.cos(), radius * angle.sin(), 0 * angle], -1)


def test_hull_of_a_ring_has_its_hole() -> None:
    hull = least_opacity(_cloud(_ring(), 0.06), R).numpy()
    middle = R // 2
    on_ring = hull[np.abs(AXIS - 0.6).argmin(), middle, middle]
    assert on_ring > 0.8
    assert hull[middle, middle, middle] < 0.05  # seen through from above
    outside = np.sqrt(X**2 + Y**2) > 0.85
    assert hull[outside].max() < 0.05
    inside = np.hypot(np.sqrt(X**2 + Y**2) - 0.6, Z) < 0.05
    assert hull[inside].min() > 0.5


def test_hull_is_upright() -> None:
    """One Gaussian off the axes: only its own place is in the hull."""
    at = torch.tensor([[0.3, -0.4, 0.5]])
    hull = least_opacity(_cloud(at, 0.08), R).numpy()
    best = np.array(np.unravel_index(hull.argmax(), hull.shape))
    np.testing.assert_allclose(AXIS[best], at[0].numpy(), atol=0.05)


def _pitted_ball() -> np.ndarray:
    """Density of a ball with a hole 0.08 across down from its top to the middle."""
    ball = 0.7 - np.sqrt(X**2 + Y**2 + Z**2)
    pit = np.minimum(0.04 - np.sqrt(X**2 + Y**2), Z)
    return np.exp(np.clip(np.minimum(ball, -pit) * 40, -8, 3)).astype(np.float32)


def test_pits_are_closed() -> None:
    density, middle = _pitted_ball(), R // 2
    column = slice(middle + 4, int(np.abs(AXIS - 0.5).argmin()))
    closed = sdf_from_density(density, Config(threshold=1.0)).numpy()
    assert (closed[middle, middle, column] < 0).all()
    left = sdf_from_density(density, Config(threshold=1.0, pits=0.0)).numpy()
    assert (left[middle, middle, column] > 0).any()


def test_what_is_seen_through_stays_open() -> None:
    hull = torch.from_numpy((np.sqrt(X**2 + Y**2) > 0.06).astype(np.float32))
    kept = sdf_from_density(_pitted_ball(), Config(threshold=1.0), hull).numpy()
    middle = R // 2
    assert (kept[middle, middle] > 0).all()
    assert kept[np.abs(AXIS - 0.4).argmin(), middle, middle] < 0
