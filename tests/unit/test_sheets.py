"""Pictures for people: the right things in the right places and colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from backend.cameras import turntable
from backend.evaluate import sheets
from backend.evaluate.pictures import Surface, environment_light, render_mesh

SIZE = 32


def ball(centre=(0.0, 0.0, 0.0), radius=0.5, **looks):
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=radius).apply_translation(centre)
    vertices = torch.tensor(mesh.vertices, dtype=torch.float32)
    return Surface(vertices, torch.tensor(mesh.faces), **looks)


def flat(color, surface):
    return torch.tensor(color).expand(len(surface.vertices), 3)


def wall(**looks):
    """A quad that faces the front, its texture upright on it."""
    corners = [[-0.8, 0, 0.8], [0.8, 0, 0.8], [0.8, 0, -0.8], [-0.8, 0, -0.8]]
    return Surface(
        torch.tensor(corners),
        torch.tensor([[0, 2, 1], [0, 3, 2]]),
        uvs=torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]]),
        **looks,
    )


def front():
    return turntable(1, elevation_deg=0.0)


def test_plus_x_is_on_the_right_and_plus_z_up():
    right = render_mesh(ball((0.6, 0.0, 0.0), 0.2), front(), SIZE)["mask"][0]
    assert right[16, 25].min() == 1 and right[:, :16].max() == 0
    up = render_mesh(ball((0.0, 0.0, 0.6), 0.2), front(), SIZE)["mask"][0]
    assert up[7, 16].min() == 1 and up[16:].max() == 0


def test_a_ball_seen_from_the_front():
    surface = ball()
    images = render_mesh(
        Surface(surface.vertices, surface.faces, flat([1.0, 0, 0], surface)), front(), SIZE
    )
    centre, corner = (0, SIZE // 2, SIZE // 2), (0, 0, 0)
    assert images["albedo"][centre].tolist() == pytest.approx([1, 0, 0], abs=1e-5)
    assert images["normals"][centre].tolist() == pytest.approx([0.5, 0.5, 1], abs=0.05)
    assert images["shaded"][centre][0] > 0.9 and images["shaded"][centre][1] < 0.1
    assert images["albedo"][corner].tolist() == [0.5, 0.5, 0.5]
    # A sphere's outline: sin of its half angle is radius / distance.
    edge = np.tan(np.arcsin(0.5 / 3)) / np.tan(np.deg2rad(20)) * SIZE / 2
    assert float(images["mask"][..., 0].sum()) == pytest.approx(np.pi * edge**2, rel=0.02)


def test_normals_point_right_and_up_where_they_should():
    normals = render_mesh(ball(), front(), SIZE)["normals"][0]
    assert normals[16, 21, 0] > 0.75 and normals[16, 10, 0] < 0.25
    assert normals[10, 16, 1] > 0.75 and normals[21, 16, 1] < 0.25


def test_textures_stand_upright():
    texture = torch.zeros(8, 8, 3)
    texture[:4, :, 0] = 1  # red above
    texture[:, :4, 1] = 1  # green on the left
    albedo = render_mesh(wall(albedo=texture), front(), SIZE)["albedo"][0]
    assert albedo[8, 8].tolist() == pytest.approx([1, 1, 0], abs=1e-4)
    assert albedo[24, 8].tolist() == pytest.approx([0, 1, 0], abs=1e-4)
    assert albedo[8, 24].tolist() == pytest.approx([1, 0, 0], abs=1e-4)


def test_normal_maps_lean_towards_their_tangent():
    leaning = torch.tensor([0.9, 0.5, 0.8]).expand(4, 4, 3)
    surface = wall(tangents=torch.tensor([[1.0, 0, 0, 1]]).expand(4, 4), normal_map=leaning)
    normal = render_mesh(surface, front(), SIZE)["normals"][0, 16, 16]
    assert normal.tolist() == pytest.approx([0.9, 0.5, 0.8], abs=1e-3)


def test_environment_shading_tells_metal_from_plastic():
    surface = ball()
    shaded = [
        render_mesh(
            Surface(
                surface.vertices,
                surface.faces,
                flat([0.8, 0.5, 0.1], surface),
                flat([1.0, 0.2, metallic], surface),
            ),
            front(),
            SIZE,
            environment_light("studio"),
        )["shaded"]
        for metallic in (0.0, 1.0)
    ]
    assert all(s.min() >= 0 and s.max() <= 1 for s in shaded)
    assert (shaded[0] - shaded[1]).abs().mean() > 0.02


def test_sheet_puts_views_side_by_side_and_rows_below(tmp_path):
    rows = {"red": torch.zeros(3, 40, 30, 3), "green": torch.zeros(3, 20, 30, 3)}
    rows["red"][..., 0] = 1
    rows["green"][1, ..., 1] = 1
    path = tmp_path / "sheet.png"
    sheets.save_sheet(path, rows, title="a prop")
    pixels = np.asarray(Image.open(path))[sheets.TITLE_HEIGHT :]
    assert pixels.shape == (60, 90, 3)
    assert pixels[35, 85].tolist() == [255, 0, 0]
    assert pixels[55, 50].tolist() == [0, 255, 0] and pixels[55, 80].tolist() == [0, 0, 0]


def test_rows_of_a_mesh_and_of_gaussians():
    rows = sheets.mesh_rows(ball(), size=16)
    assert tuple(rows) == sheets.MESH_ROWS
    assert all(images.shape == (8, 16, 16, 3) for images in rows.values())
    means = torch.tensor([[0.0, 0, 0], [0, -0.5, 0]])
    identity = torch.tensor([[1.0, 0, 0, 0]]).expand(2, 4)
    colors = torch.tensor([[1.0, 0, 0], [0, 0, 1]])
    rows = sheets.gaussian_rows(
        means, identity, torch.full((2, 3), 0.15), torch.full((2,), 0.9), colors, 16
    )
    assert rows["color"][0, 8, 8, 2] > rows["color"][0, 8, 8, 0]  # blue hides red in front
    assert rows["color"][4, 8, 8, 0] > rows["color"][4, 8, 8, 2]  # and red hides blue behind
    assert rows["depth"][0, 8, 8, 0] > rows["depth"][4, 8, 8, 0] > rows["depth"][0, 0, 0, 0] == 0


def test_loss_curves_are_drawn(tmp_path):
    path = tmp_path / "curves.png"
    sheets.save_loss_curves(path, {"sds": [3.0, 2.0, 1.0], "smooth": [1.0, 0.5]}, "a run")
    assert np.asarray(Image.open(path).convert("L")).std() > 5
