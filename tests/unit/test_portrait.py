"""The small picture of a finished prop: what it shows, and that a prop does without it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from backend.result import Result
from backend.service.portrait import PREVIEW, Config, portrait
from backend.service.run import with_portrait
from shared.conventions import to_gltf
from shared.mesh_file import MeshFile, write_mesh

GREEN, RED = (0, 200, 0), (200, 0, 0)
SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def two_colours(size: int = 64) -> np.ndarray:
    """Green above red."""
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[: size // 2], pixels[size // 2 :] = GREEN, RED
    return pixels


def wall() -> tuple[np.ndarray, np.ndarray]:
    """A square that faces the front (-Y): vertices and two triangles."""
    corners = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    return corners, np.array([[0, 1, 2], [0, 2, 3]])


@pytest.fixture
def glb(tmp_path: Path) -> Path:
    corners, faces = wall()
    image = Image.fromarray(two_colours())
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=image, metallicFactor=0.0, roughnessFactor=1.0
    )
    visual = trimesh.visual.TextureVisuals(uv=SQUARE, material=material)
    mesh = trimesh.Trimesh(to_gltf(corners), faces, visual=visual, process=False)
    mesh.export(tmp_path / "prop.glb")
    return tmp_path / "prop.glb"


@pytest.fixture
def mesh_file(tmp_path: Path) -> list[Path]:
    corners, faces = wall()
    write_mesh(
        tmp_path / "refined.npz",
        MeshFile(corners.astype("f4"), faces.astype("u4"), SQUARE[faces].astype("f4")),
    )
    files = [tmp_path / "refined.npz", tmp_path / "albedo.png"]
    Image.fromarray(two_colours()).save(files[1])
    return files


def pixels_of(picture: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(picture)) as image:
        assert image.format == "PNG" and image.mode == "RGBA"
        return np.asarray(image).astype(int)


def check_wall(pixels: np.ndarray) -> None:
    """Upright, in its colours, with nothing behind it."""
    assert pixels.shape == (256, 256, 4)
    assert (pixels[0, 0] == 0).all() and (pixels[-1, -1] == 0).all()
    above, below = pixels[90, 128], pixels[165, 128]
    assert above[3] == below[3] == 255
    assert above[1] > 100 > above[0] and below[0] > 100 > below[1]
    edge = (pixels[..., 3] > 20) & (pixels[..., 3] < 235)
    assert edge.any() and pixels[edge][:, :3].max(-1).min() > 90  # the rim is no darker


def test_a_glb_is_shown_upright_in_its_colours(glb: Path) -> None:
    check_wall(pixels_of(portrait([glb])))


def test_a_mesh_file_is_shown_with_the_textures_beside_it(mesh_file: list[Path]) -> None:
    check_wall(pixels_of(portrait(mesh_file)))
    bare = pixels_of(portrait(mesh_file[:1]))[128, 128]
    assert np.ptp(bare[:3]) < 40 and bare[3] == 255  # without textures: grey


def test_the_same_files_give_the_same_bytes(glb: Path) -> None:
    threads = torch.get_num_threads()
    first = portrait([glb])
    try:
        torch.set_num_threads(1)
        assert portrait([glb]) == first
    finally:
        torch.set_num_threads(threads)


def test_large_textures_are_read_small(glb: Path) -> None:
    """Two texels a side are left, so the border of the colours becomes a gradient."""
    column = pixels_of(portrait([glb], Config(texture_size=2)))[60:196, 128]
    mixed = (column[:, 0] > 50) & (column[:, 1] > 50)
    sharp = pixels_of(portrait([glb]))[60:196, 128]
    assert mixed.sum() > 3 * ((sharp[:, 0] > 50) & (sharp[:, 1] > 50)).sum() + 10


def test_a_box_keeps_its_edges(tmp_path: Path) -> None:
    """Vertices that faces share do not round them: each side is of one brightness."""
    box = trimesh.creation.box()
    file = MeshFile(box.vertices.astype("f4"), box.faces.astype("u4"))
    write_mesh(tmp_path / "box.npz", file)
    pixels = pixels_of(portrait([tmp_path / "box.npz"]))
    front = pixels[140:190, 60:100, :3]
    assert np.ptp(front.reshape(-1, 3), axis=0).max() < 25


def test_a_prop_without_a_picture_is_still_a_prop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "prop.glb"
    broken.write_bytes(b"glTF but no more")
    result = Result("a chair", 0, "cpu", "", (), 2, (broken,), ())
    assert with_portrait(result, tmp_path) is result
    assert "no picture" in caplog.text and not (tmp_path / PREVIEW).exists()


def test_it_is_the_last_of_the_files(glb: Path) -> None:
    result = Result("a wall", 0, "cpu", "", (), 2, (glb,), ())
    found = with_portrait(result, glb.parent)
    assert [path.name for path in found.files] == ["prop.glb", PREVIEW]
    check_wall(pixels_of(found.files[1].read_bytes()))
