"""Thin parts survive the way from Gaussians to the solid, and pieces come together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from backend.cameras import CameraRange
from backend.gaussians.field import density_grid
from backend.gaussians.hull import visible_space
from backend.gaussians.model import GaussianCloud
from backend.guidance.distil import GuidanceConfig, distil
from backend.loop import RunContext
from backend.mesh import pieces
from backend.mesh import stage as mesh_stage
from backend.mesh.from_field import sample_grid, sdf_from_density
from backend.mesh.pieces import drop_crumbs, join
from backend.mesh.stage import GeometryOptimisation, GeometryStart
from backend.mesh.thin import around_thin, local_limit, spacing_of, thicken
from tests.mixture_prior import MixturePrior

R = 65
AXIS = np.linspace(-1, 1, R)
X, Y, Z = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")
SPACING = 2 / (R - 1)


def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    """Levels in voxels, positive inside."""
    return (radius - np.sqrt((X - x) ** 2 + (Y - y) ** 2 + (Z - z) ** 2)) / SPACING


def rod(x: float, y: float, low: float, high: float, radius: float) -> np.ndarray:
    beyond = np.maximum(np.maximum(low - Z, Z - high), 0)
    return (radius - np.sqrt((X - x) ** 2 + (Y - y) ** 2 + beyond**2)) / SPACING


def count(level: np.ndarray) -> int:
    return int(ndimage.label(level > 0, np.ones((3, 3, 3)))[1])


def cloud(means: torch.Tensor, scale: float, opacity: float) -> GaussianCloud:
    full = torch.ones(len(means), 3)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(len(means), 1)
    return GaussianCloud(means, quats, full * scale, full[:, 0] * opacity, full * 0.5)


def mug() -> GaussianCloud:
    """A wall of radius 0.35 with a bottom, dense; a handle of faint Gaussians that misses it."""
    angle = torch.arange(60) * 2 * torch.pi / 60
    circle = torch.stack([angle.cos(), angle.sin()], -1)
    wall = [
        torch.cat([0.35 * circle, torch.full((60, 1), z)], -1)
        for z in torch.linspace(-0.45, 0.45, 25).tolist()
    ]
    floor = [torch.cat([r * circle, torch.full((60, 1), -0.45)], -1) for r in (0.1, 0.2, 0.28)]
    bow = torch.linspace(-1.1, 1.1, 40)
    handle = torch.stack([0.38 + 0.25 * bow.cos(), 0 * bow, 0.25 * bow.sin()], -1)
    parts = cloud(torch.cat([*wall, *floor]), 0.035, 0.9), cloud(handle, 0.02, 0.5)
    pairs = zip(parts[0].tensors(), parts[1].tensors(), strict=True)
    return GaussianCloud(*(torch.cat(pair) for pair in pairs))


def test_a_faint_handle_stays_and_is_held_at_both_ends() -> None:
    made = mug()
    space = visible_space(made, R)
    sdf = sdf_from_density(density_grid(made, R), None, space.opacity, space.depth)
    bow = torch.linspace(-1.0, 1.0, 21)
    along = torch.stack([0.38 + 0.25 * bow.cos(), 0 * bow, 0.25 * bow.sin()], -1)
    assert (sample_grid(sdf, along) < 0).all()
    assert count(-sdf.numpy()) == 1
    assert float(sample_grid(sdf, torch.tensor([[0.5, 0.0, 0.0]]))) > 0, "the hole is still one"
    outside = ndimage.label(sdf.numpy()[:, R // 2] > 0)[1]
    assert outside == 2, "in the plane of the handle: what is around the mug, and what it encloses"


def test_a_thin_part_gets_the_radius_asked_for_and_a_thick_one_stays() -> None:
    thin, thick = rod(0.4, 0, -0.5, 0.5, 0.012), ball(-0.4, 0, 0, 0.3)
    level = thicken(np.maximum(thin, thick), 0.05)
    here = np.s_[: R // 2]
    np.testing.assert_array_equal(np.maximum(level, -1)[here], np.maximum(thick, -1)[here])
    area = (level[R // 2 :, :, R // 2] > 0).sum() * SPACING**2
    assert np.pi * 0.04**2 < area < np.pi * 0.065**2


def test_nothing_to_thicken_changes_nothing() -> None:
    for level in (np.full((9, 9, 9), -1.0), ball(0, 0, 0, 0.5)):
        np.testing.assert_array_equal(thicken(level, 0.05), level)


def test_the_limit_is_half_of_what_is_near() -> None:
    values = np.zeros((R, R, R))
    values[10, 10, 10], values[40, 40, 40] = 0.5, 1.0
    limit = local_limit(values, 0.2, 0.35)
    assert limit[11, 10, 9] == pytest.approx(0.25)
    assert limit[41, 40, 40] == 0.35 and limit[25, 25, 25] == 0.2


def test_short_crumbs_go_and_a_long_thin_piece_stays() -> None:
    body, leg, crumb = ball(0, 0, 0.3, 0.4), rod(0, 0, -0.6, -0.3, 0.03), ball(0.8, 0, 0, 0.05)
    level = drop_crumbs(np.maximum(np.maximum(body, leg), crumb), 0.05)
    assert count(level) == 2
    assert level[R // 2, R // 2, np.abs(AXIS + 0.45).argmin()] > 0
    assert level[np.abs(AXIS - 0.8).argmin(), R // 2, R // 2] < 0


def test_what_hovers_is_joined_by_the_shortest_rod() -> None:
    level = join(np.maximum(ball(0, 0, -0.5, 0.3), ball(0.2, 0, 0.5, 0.2)))
    assert count(level) == 1
    middle = level[:, :, np.abs(AXIS - 0.05).argmin()] > 0
    assert middle.sum() * SPACING**2 == pytest.approx(np.pi * pieces.ROD**2, rel=0.5)
    assert X[..., 0][middle].mean() == pytest.approx(0.11, abs=0.06)
    assert Y[..., 0][middle].mean() == pytest.approx(0.0, abs=1.1 * SPACING)  # ends are voxels


def test_a_rod_follows_the_faint_bend_of_an_arm() -> None:
    """Up beside the straight way, then across to the head; halfway up it is hardly seen."""
    lamp = np.maximum(ball(0, 0, -0.6, 0.2), ball(-0.1, 0, 0.5, 0.2))
    arm = rod(0.3, 0, -0.5, 0.5, 0.05) > 0
    sideways = (np.abs(np.abs(Z) - 0.5) < 0.06) & (np.abs(Y) < 0.06) & (X > 0) & (X < 0.3)
    seen = np.where(arm | sideways, 0.08, 0.0)
    seen[np.abs(Z) < 0.05] = np.minimum(seen[np.abs(Z) < 0.05], 0.01)
    joined = join(lamp, np.where(lamp > 0, 1.0, seen))
    assert count(joined) == 1
    middle = joined[:, :, np.abs(AXIS - 0.1).argmin()] > 0
    assert X[..., 0][middle].mean() == pytest.approx(0.3, abs=2 * SPACING)
    assert middle.sum() * SPACING**2 == pytest.approx(np.pi * pieces.ROD**2, rel=0.6)


def test_a_handle_that_is_seen_at_one_end_is_held_at_both() -> None:
    """The other end's trail would lead along the handle to the end that has one."""
    angle = np.arctan2(Z, X - 0.4)
    bow = np.hypot(np.hypot(X - 0.4, Z) - 0.3, Y)
    handle = np.where(np.abs(angle) < 1.3, 0.06 - bow, -1.0) / SPACING
    mug = np.maximum(rod(0, 0, -0.5, 0.5, 0.33), handle)
    assert count(mug) == 2
    trail = (np.abs(Z - 0.29) < 0.06) & (X > 0.3) & (X < 0.52) & (np.abs(Y) < 0.08)
    halo = np.where(ndimage.distance_transform_edt(handle <= 0) < 2.5, 0.2, 0.0)
    seen = np.where(mug > 0, 1.0, np.where(trail, 0.1, halo))
    joined = join(mug, seen)
    gap = np.abs(AXIS - 0.38).argmin()
    ends = ndimage.label(joined[gap] > 0, np.ones((3, 3)))[0]
    above, below = ends[:, AXIS > 0.1].any(), ends[:, AXIS < -0.1].any()
    assert count(joined) == 1 and above and below


def test_a_trail_that_goes_a_long_way_round_is_not_taken() -> None:
    pair = np.maximum(ball(0, 0, -0.4, 0.3), ball(0, 0, 0.3, 0.3))
    ring = np.abs(np.hypot(X - 0.45, Z) - 0.45) < 0.05
    seen = np.where(ring & (np.abs(Y) < 0.05) & (X > 0.1), 0.1, 0.0)
    joined = join(pair, np.where(pair > 0, 1.0, seen))
    np.testing.assert_array_equal(joined, join(pair))


def test_two_things_of_a_kind_that_stand_stay_apart() -> None:
    pair = np.maximum(ball(-0.3, 0, -0.5, 0.25), ball(0.3, 0, -0.5, 0.25))
    np.testing.assert_array_equal(join(pair), pair)


def test_a_standing_leg_is_joined_over_a_crack_only() -> None:
    seat, foot = ball(0, 0, 0.3, 0.3), rod(0.5, 0, -0.8, 0.0, 0.06)
    stem = rod(0, 0, -0.8, 0.1, 0.06)
    joined = join(np.maximum(np.maximum(seat, stem), rod(0, 0.35, -0.8, 0.22, 0.06)))
    assert count(joined) == 1
    apart = np.maximum(np.maximum(seat, stem), foot)
    assert count(join(apart)) == 2


def test_the_head_of_a_lamp_reaches_its_foot_over_an_arm_that_nobody_drew() -> None:
    assert count(join(np.maximum(ball(0, 0, -0.5, 0.2), ball(0, 0, 0.6, 0.15)))) == 1


def test_what_is_too_far_to_belong_stays_where_it_is() -> None:
    far = np.maximum(ball(0, 0, -0.7, 0.15), ball(0, 0, 0.75, 0.2))
    np.testing.assert_array_equal(join(far), far)


def test_around_thin_parts_and_not_around_edges() -> None:
    box = np.minimum.reduce([0.3 - np.abs(X + 0.4), 0.3 - np.abs(Y), 0.3 - np.abs(Z)])
    level = np.maximum(box / SPACING, rod(0.5, 0, -0.5, 0.5, 0.03))
    thin = around_thin(torch.from_numpy(-level * SPACING).float(), 0.06).numpy()
    assert thin[np.abs(AXIS - 0.5).argmin(), R // 2, R // 2]
    assert not thin[np.hypot(X - 0.5, Y) > 0.15].any()
    assert not around_thin(torch.from_numpy(-ball(0, 0, 0, 0.5) * SPACING).float(), 0.06).any()


def test_refinement_moves_a_ball_and_cannot_eat_the_rod_on_it() -> None:
    level = np.maximum(ball(0, 0, -0.3, 0.4), rod(0, 0, 0.0, 0.7, 0.035))
    start = GeometryStart(torch.from_numpy(-level * SPACING).float(), torch.zeros_like)
    context = RunContext(torch.device("cpu"), torch.Generator().manual_seed(0))
    guidance = distil(
        MixturePrior(torch.zeros(1, 3, 8, 8), {"text": [0], "null": [0]}), GuidanceConfig()
    )
    made = GeometryOptimisation(start, mesh_stage.Config(), guidance, CameraRange(), context)
    with torch.no_grad():
        made.coarse[0].fill_(2.0)  # cells that every surface is to go in
        vertices = made.surface().mesh.vertices
    assert float(vertices[:, 2].max()) > 0.65
    lowest = float(vertices[:, 2].min())
    assert lowest == pytest.approx(-0.7 + 2 * made.grid.cell, abs=0.5 * made.grid.cell)


def test_spacing_of_a_grid() -> None:
    assert spacing_of(X) == pytest.approx(SPACING)
