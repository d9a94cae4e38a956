"""The visible hull, and the solid that keeps to it."""

from __future__ import annotations

import numpy as np
import torch

from backend.gaussians.hull import visible_space
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
    hull = visible_space(_cloud(_ring(), 0.06), R).opacity.numpy()
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
    hull = visible_space(_cloud(at, 0.08), R).opacity.numpy()
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


def _tube(closed_above: bool) -> GaussianCloud:
    """A can without a bottom, of radius 0.4 and height 0.8, with or without a lid."""
    angle = torch.arange(48) * 2 * torch.pi / 48
    rings = [
        torch.stack([0.4 * angle.cos(), 0.4 * angle.sin(), torch.full_like(angle, z)], -1)
        for z in torch.linspace(-0.4, 0.4, 17).tolist()
    ]
    if closed_above:
        rings += [torch.cat([ring[:, :2] * s, ring[:, 2:]], 1) for s in (0.25, 0.5, 0.75)
                  for ring in rings[-1:]]  # fmt: skip
    return _cloud(torch.cat(rings), 0.04)


def test_what_no_camera_sees_is_solid() -> None:
    size = 65
    space = visible_space(_tube(closed_above=True), size)
    sdf = sdf_from_density(np.full((size,) * 3, 1e-6), Config(threshold=1.0), None, space.depth)
    heart = sdf[size // 2, size // 2]
    axis = torch.linspace(-1, 1, size)
    assert (heart[(axis > -0.3) & (axis < 0.3)] < 0).all()
    assert (heart[axis > 0.5] > 0).all()
    bottom = axis[heart < 0].min()
    assert -0.5 < bottom < -0.3, "closed where the wall ends"


def test_what_is_seen_from_above_stays_hollow() -> None:
    space = visible_space(_tube(closed_above=False), R)
    axis, middle = torch.linspace(-1, 1, R), R // 2
    inside = space.depth[middle, middle, (axis > 0.1) & (axis < 0.35)]
    assert (inside < 0).all()
