"""What no camera sees takes the colours around it, and nothing else changes."""

from __future__ import annotations

import numpy as np
import torch
import trimesh

from backend.cameras import CameraRange
from backend.materials.bake import Config, atlas_texels, bake
from backend.materials.field import FieldConfig, MaterialField
from backend.materials.tangents import vertex_tangents
from backend.materials.unseen import continued, well_seen
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh
from backend.mesh.unwrap import unwrap


def cylinder() -> TriMesh:
    mesh = trimesh.creation.cylinder(0.5, 1.0, sections=48).subdivide().subdivide()
    return TriMesh(torch.tensor(mesh.vertices, dtype=torch.float32), torch.tensor(mesh.faces))


def around(*elevations: float) -> CameraRange:
    return CameraRange(elevation_deg=(elevations[0], elevations[1]))


def test_the_underside_is_unseen_from_above_and_seen_from_below() -> None:
    mesh = cylinder()
    below = vertex_normals(mesh)[:, 2] < -0.95
    side = vertex_normals(mesh)[:, 2].abs() < 0.2
    assert below.any() and side.any()
    generator = torch.Generator().manual_seed(1)
    seen = well_seen(mesh, around(-5.0, 50.0).sample(48, generator), 256)
    assert not seen[below].any()
    assert seen[side].float().mean() > 0.95
    assert well_seen(mesh, around(-80.0, -50.0).sample(48, generator), 256)[below].all()


def test_the_continuation_solves_laplace_and_keeps_what_is_known() -> None:
    rows = torch.arange(9.0)
    x, y = (t.reshape(-1) for t in torch.meshgrid(rows, rows, indexing="ij"))
    corner = (torch.arange(8)[:, None] * 9 + torch.arange(8)).reshape(-1)
    faces = torch.cat(
        [
            torch.stack([corner, corner + 9, corner + 10], 1),
            torch.stack([corner, corner + 10, corner + 1], 1),
        ]
    )
    mesh = TriMesh(torch.stack([x, y, 0 * x], 1), faces)
    linear = torch.stack([x / 8, 1 - y / 8], 1)  # harmonic: comes back as it was
    known = (x == 0) | (x == 8) | (y == 0) | (y == 8)
    spoilt = torch.where(known[:, None], linear, torch.rand(81, 2))
    assert torch.allclose(continued(spoilt, mesh, known), linear, atol=1e-3)
    assert torch.equal(continued(spoilt, mesh, known)[known], spoilt[known])


def test_where_nothing_or_all_is_known_the_values_stay() -> None:
    mesh, values = cylinder(), torch.rand(len(cylinder().vertices), 2)
    for known in (torch.zeros(len(values)).bool(), torch.ones(len(values)).bool()):
        assert torch.equal(continued(values, mesh, known), values)


def test_a_piece_that_is_wholly_unseen_keeps_its_mean() -> None:
    one = trimesh.creation.icosphere(2)
    both = trimesh.util.concatenate([one, one.copy().apply_translation((3, 0, 0))])
    mesh = TriMesh(torch.tensor(both.vertices, dtype=torch.float32), torch.tensor(both.faces))
    known = mesh.vertices[:, 0] < 1.5
    values = torch.rand(len(known), 1)
    after = continued(values, mesh, known)
    assert abs(after[~known].mean() - values[~known].mean()) < 1e-3
    assert after[~known].std() < 0.05 * values[~known].std()


def test_baking_paints_the_underside_like_the_side() -> None:
    mesh = cylinder()

    def color_at(points: torch.Tensor) -> torch.Tensor:
        """Brown, with loud spots below that end before the rim."""
        inside = points[:, :2].norm(dim=1, keepdim=True) < 0.42
        spots = (torch.sin(40 * points[:, :1]) > 0) & (points[:, 2:] < -0.4) & inside
        return torch.where(spots, 0.95, torch.tensor([0.5, 0.3, 0.1]))

    field = MaterialField(mesh, color_at, FieldConfig(resolutions=(16, 64), samples=100_000))
    config = Config(texture_size=128, occlusion_directions=8, occlusion_resolution=32)
    atlas = unwrap(mesh)
    _, left = bake(atlas, field, config, mesh)
    _, mended = bake(atlas, field, config, mesh, around(0.0, 50.0))
    atlas.tangents = vertex_tangents(atlas)
    texels = atlas_texels(atlas, 128)
    index = texels.index[(texels.normals[:, 2] < -0.95) & (texels.points[:, :2].norm(dim=1) < 0.35)]
    inside = index.numpy()
    before, after = (t.albedo.reshape(-1, 3)[inside].astype(float) for t in (left, mended))
    assert before.std(axis=0).max() > 40
    assert after.std(axis=0).max() < 8
    top = texels.index[(texels.normals[:, 2] > 0.95) & (texels.points[:, :2].norm(dim=1) < 0.35)]
    assert np.array_equal(
        left.albedo.reshape(-1, 3)[top.numpy()], mended.albedo.reshape(-1, 3)[top.numpy()]
    )
