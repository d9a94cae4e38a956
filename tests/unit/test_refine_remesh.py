"""--remesh: distances of any mesh, and a new surface at the old size and place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from backend.errors import InputError
from backend.job import Job
from backend.mesh.types import TriMesh
from backend.refine.read import read_subject
from backend.refine.request import RefineRequest
from backend.refine.solid import sdf_of
from shared.mesh_file import MeshFile, read_mesh, write_mesh
from tests.unit.test_refine_glb import job, run

__all__ = ["job"]


def as_mesh(shape: trimesh.Trimesh) -> TriMesh:
    return TriMesh(
        torch.tensor(shape.vertices, dtype=torch.float32), torch.tensor(shape.faces).long()
    )


def test_distances_of_a_ball_are_those_to_its_sphere() -> None:
    sdf = sdf_of(as_mesh(trimesh.creation.icosphere(4, radius=0.6)), 48).numpy()
    axis = np.linspace(-1, 1, 48)
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")))
    # Half a voxel: the nearest sample stands for the surface, the icosphere for the sphere.
    assert np.abs(sdf - (radius - 0.6)).max() < 1 / 47
    assert ((sdf < 0) == (radius < 0.6))[np.abs(radius - 0.6) > 0.02].all()


def test_an_open_sheet_and_a_ball_with_a_hole_do_not_vanish() -> None:
    sheet = trimesh.creation.box((1.2, 1.2, 1.2))
    sheet.update_faces(np.arange(12) < 2)
    assert (sdf_of(as_mesh(sheet), 48) < 0).sum() > 500
    ball = trimesh.creation.icosphere(4, radius=0.6)
    ball.update_faces(np.arange(len(ball.faces)) > 2)
    whole = 4 / 3 * np.pi * 0.6**3 / (2 / 47) ** 3
    assert float((sdf_of(as_mesh(ball), 48) < 0).sum()) == pytest.approx(whole, rel=0.1)


def test_a_new_surface_stands_where_the_old_one_stood(job: Job, tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(3, radius=4.0)
    ball.apply_translation((10, 20, 30))
    (tmp_path / "ball.glb").write_bytes(ball.export(file_type="glb"))
    run(job, RefineRequest(tmp_path / "ball.glb", "remesh"), tmp_path / "out.glb")
    made = trimesh.load_scene(tmp_path / "out.glb").to_geometry()
    assert np.allclose(made.bounds, ball.bounds, atol=1.0)
    assert read_subject(tmp_path / "out.glb").sheets[0].albedo is not None


def test_the_addon_gets_a_mesh_file_and_three_textures(job: Job, tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(3)
    write_mesh(tmp_path / "mesh.npz", MeshFile(ball.vertices, ball.faces))
    run(job, RefineRequest(tmp_path / "mesh.npz", "remesh"), tmp_path / "refined.npz")
    back = read_mesh(tmp_path / "refined.npz")
    assert back.corner_uvs is not None and len(back.faces) > 100
    assert all((tmp_path / f"{name}.png").exists() for name in ("albedo", "orm", "normal"))


def test_a_mask_and_a_new_surface_contradict_each_other() -> None:
    with pytest.raises(InputError, match="mask"):
        RefineRequest(Path("a.glb"), "remesh", mask="COLOR_0")


def test_two_million_faces_are_refused(tmp_path: Path) -> None:
    faces = np.zeros((2_000_000, 3), np.uint32)
    points = np.zeros((3, 3), np.float32)
    arrays = {"vertices": points, "faces": faces}
    np.savez(tmp_path / "large.npz", **arrays)
    with pytest.raises(InputError, match="decimate"):
        read_subject(tmp_path / "large.npz")
    large = trimesh.Trimesh(points, faces.astype(np.int64), process=False, validate=False)
    (tmp_path / "large.glb").write_bytes(large.export(file_type="glb"))
    with pytest.raises(InputError, match="decimate"):
        read_subject(tmp_path / "large.glb")
