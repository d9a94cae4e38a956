"""Density grids -> signed distances, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from backend.errors import GenerationError
from backend.mesh.from_field import Config, automatic_threshold, sample_grid, sdf_from_density

R = 48


def samples():
    axis = torch.linspace(-1, 1, R)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)


def blob(centre, sigma=0.2, peak=3.0):
    distance = (samples() - torch.tensor(centre)).norm(dim=-1)
    return peak * torch.exp(-0.5 * (distance / sigma) ** 2)


def test_the_distance_to_a_gaussian_ball_is_exact_to_a_small_part_of_a_voxel():
    sigma = 0.4
    sdf = sdf_from_density(blob((0.1, 0.0, 0.0), sigma), Config(threshold=1.0))
    radius = sigma * math.sqrt(2 * math.log(3.0))
    true = (samples() - torch.tensor([0.1, 0.0, 0.0])).norm(dim=-1) - radius
    voxel = 2 / (R - 1)
    near = true.abs() < 2 * voxel
    error = (sdf - true).abs()[near]
    # The smoothing (0.7 voxels) moves a curved surface by about its variance over the radius.
    assert error.mean() < 0.1 * voxel and error.max() < 0.35 * voxel


def test_axes_are_x_y_z():
    sdf = sdf_from_density(blob((0.6, 0.0, -0.3)), Config(threshold=1.0))
    inside = samples()[sdf < 0]
    torch.testing.assert_close(
        inside.mean(dim=0), torch.tensor([0.6, 0.0, -0.3]), atol=0.02, rtol=0
    )
    point = torch.tensor([[0.6, 0.0, -0.3], [-0.6, 0.0, 0.3]])
    values = sample_grid(sdf, point)
    assert values[0] < 0 < values[1]


def test_sampling_is_trilinear():
    x, y, z = samples().unbind(-1)
    grid = 1 + 2 * x - 3 * y + 0.5 * z
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = 1 + points @ torch.tensor([2.0, -3.0, 0.5])
    torch.testing.assert_close(sample_grid(grid, points), expected, atol=1e-5, rtol=0)


def test_crumbs_go_and_the_second_large_piece_stays():
    density = blob((-0.5, 0, 0)) + blob((0.5, 0, 0)) + blob((0, 0, 0.85), 0.04)
    sdf = sdf_from_density(density, Config(threshold=1.0))
    values = sample_grid(sdf, torch.tensor([[-0.5, 0, 0], [0.5, 0, 0], [0, 0, 0.85]]))
    assert values[0] < 0 and values[1] < 0 and values[2] > 0


def test_a_hollow_shell_becomes_solid():
    shell = 2 * torch.exp(-0.5 * ((samples().norm(dim=-1) - 0.6) / 0.05) ** 2)
    sdf = sdf_from_density(shell, Config(threshold=1.0))
    assert sdf[R // 2, R // 2, R // 2] < -0.3
    assert (sdf[samples().norm(dim=-1) < 0.55] < 0).all()


def test_a_solid_that_leaves_the_cube_is_closed_there():
    sdf = sdf_from_density(blob((1.0, 0, 0), 0.4), Config(threshold=1.0))
    assert (sdf[-1] > 0).all() and (sdf < 0).any()


def test_the_automatic_threshold_ignores_how_dense_the_core_is():
    thin, dense = blob((0, 0, 0), peak=3.0).numpy(), blob((0, 0, 0), peak=3.0).numpy()
    dense[dense > 2.5] = 80.0
    assert 0.2 < automatic_threshold(thin) < 1.5
    assert automatic_threshold(dense) == pytest.approx(automatic_threshold(thin), rel=0.35)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_an_empty_or_broken_field_is_told_in_one_sentence(value):
    with pytest.raises(GenerationError, match="came out empty"):
        sdf_from_density(np.full((8, 8, 8), value))


def test_a_threshold_above_everything_is_told_too():
    with pytest.raises(GenerationError, match="sought at 50"):
        sdf_from_density(blob((0, 0, 0)), Config(threshold=50.0))
