"""Refining OBJ, PLY and the add-on's mesh files: order, faces, UVs and names stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from backend.errors import InputError
from backend.job import Job
from backend.refine.read import read_subject
from backend.refine.request import RefineRequest
from shared.mesh_file import MeshFile, read_mesh, write_mesh
from tests.unit.test_refine_glb import job, run

__all__ = ["job"]

OBJ = """mtllib crate.mtl
o Crate
v -1 0 -1 # a comment
v 1 0 -1
v 1 0 1
v -1 0 1
v -1 2 -1
v 1 2 -1
v 1 2 1
v -1 2 1
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl planks
f 1/1 2/2 3/3 4/4
f 5/1 8/2 7/3 6/4
f 1/1 5/2 6/3 2/4
usemtl rim
f 2/1 6/2 7/3 3/4
f 3/1 7/2 8/3 4/4
f 4/1 8/2 5/3 1/4
"""


def crate(folder: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "planks.png")
    (folder / "crate.mtl").write_text(
        "newmtl planks\nKd 1 1 1\nmap_Kd planks.png\nnewmtl rim\nKd 0.5 0.1 0.1\n"
    )
    (folder / "crate.obj").write_text(OBJ)
    return folder / "crate.obj"


def lines(path: Path, *words: str) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.split(" ")[0] in words]


def test_an_obj_keeps_every_line_but_its_vertices(job: Job, tmp_path: Path) -> None:
    source, out = crate(tmp_path), tmp_path / "out.obj"
    run(job, RefineRequest(source), out)
    assert lines(out, "f", "vt", "usemtl", "o") == lines(source, "f", "vt", "usemtl", "o")
    assert len(lines(out, "v")) == 8 and lines(out, "v") != lines(source, "v")
    again = read_subject(out)
    assert [sheet.name for sheet in again.sheets] == ["planks", "rim"]
    assert all(sheet.albedo is not None for sheet in again.sheets)


def test_an_obj_textured_only_keeps_its_vertices_letter_by_letter(job: Job, tmp_path: Path) -> None:
    source, out = crate(tmp_path), tmp_path / "out.obj"
    run(job, RefineRequest(source, "texture-only"), out)
    assert lines(out, "v", "f") == lines(source, "v", "f")


def test_an_obj_without_uvs_gets_some_and_can_become_a_glb(job: Job, tmp_path: Path) -> None:
    bare = tmp_path / "bare.obj"
    bare.write_text("\n".join(lines(crate(tmp_path), "v")) + "\nf 1 2 3 4\nf 5 8 7 6\nf 1 5 6 2\n")
    run(job, RefineRequest(bare), tmp_path / "out.obj")
    assert read_subject(tmp_path / "out.obj").has_uvs
    run(job, RefineRequest(crate(tmp_path)), tmp_path / "out.glb")
    made = read_subject(tmp_path / "out.glb")
    assert sum(len(part.faces) for part in made.parts) == 12
    height = np.ptp(np.concatenate([part.positions for part in made.parts])[:, 1])
    assert height == pytest.approx(2, abs=0.7)  # +Y was up and is


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_a_ply_keeps_order_and_faces_and_gets_colours(
    encoding: str, job: Job, tmp_path: Path
) -> None:
    ball = trimesh.creation.icosphere(2)
    (tmp_path / "ball.ply").write_bytes(ball.export(file_type="ply", encoding=encoding))
    run(job, RefineRequest(tmp_path / "ball.ply", "texture-only"), tmp_path / "out.ply")
    old, new = (read_subject(tmp_path / n).parts[0] for n in ("ball.ply", "out.ply"))
    assert old.positions.tobytes() == new.positions.tobytes()
    assert np.array_equal(old.faces, new.faces) and new.colors is not None
    run(job, RefineRequest(tmp_path / "ball.ply"), tmp_path / "out.ply")
    moved = read_subject(tmp_path / "out.ply").parts[0].positions
    assert 0 < np.abs(moved - old.positions).max() <= 0.3


def test_the_addons_file_comes_back_with_textures_beside_it(job: Job, tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(2)
    mask = (ball.vertices[:, 2] > 0.2).astype(np.float32)
    uvs = ball.vertices[:, :2][ball.faces] * 0.5 + 0.5
    sent = MeshFile(ball.vertices, ball.faces, uvs, mask, np.full((64, 64, 3), 90, np.uint8))
    write_mesh(tmp_path / "mesh.npz", sent)
    run(job, RefineRequest(tmp_path / "mesh.npz", mask="mask"), tmp_path / "refined.npz")
    back = read_mesh(tmp_path / "refined.npz")
    assert np.array_equal(back.faces, sent.faces)
    assert back.corner_uvs.tobytes() == sent.corner_uvs.tobytes()
    assert back.vertices[mask == 0].tobytes() == sent.vertices[mask == 0].tobytes()
    assert not np.array_equal(back.vertices, sent.vertices)
    for name in ("albedo", "orm"):
        assert Image.open(tmp_path / f"{name}.png").size == (64, 64)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.obj", "words"),
        ("index.obj", "v 0 0 0\nf 1 2 3"),
        ("nan.obj", "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3"),
        ("words.ply", "words"),
        ("cut.ply", "ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n1"),
    ],
)
def test_what_is_no_mesh_is_said_in_one_sentence(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_subject(tmp_path / name)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
