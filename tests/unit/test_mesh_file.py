"""The mesh file: whole round trips, the same bytes for the same mesh, one sentence for the rest."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared import mesh_file
from shared.mesh_file import MeshFile, MeshFileError, read_mesh, write_mesh


def tetrahedron() -> MeshFile:
    rng = np.random.default_rng(0)
    return MeshFile(
        vertices=rng.normal(size=(4, 3)).astype(np.float32),
        faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.uint32),
        corner_uvs=rng.random((4, 3, 2)).astype(np.float32),
        mask=np.array([0, 1, 0.5, 1], np.float32),
        albedo=rng.integers(0, 255, (8, 16, 3)).astype(np.uint8),
        material=np.array([0, 0, 1, 1], np.uint16),
    )


def packed(mesh: MeshFile) -> bytes:
    file = io.BytesIO()
    write_mesh(file, mesh)
    return file.getvalue()


def with_array(name: str, array: np.ndarray) -> io.BytesIO:
    """A file as numpy itself writes it, with one array replaced or added."""
    mesh = tetrahedron()
    arrays = {n: getattr(mesh, n) for n in mesh_file.ARRAYS}
    file = io.BytesIO()
    np.savez(file, **{**arrays, name: array})
    return file


def test_every_array_comes_back_to_the_bit(tmp_path: Path) -> None:
    mesh = tetrahedron()
    write_mesh(tmp_path / "mesh.npz", mesh)
    back = read_mesh(tmp_path / "mesh.npz")
    for name in mesh_file.ARRAYS:
        there, wanted = getattr(back, name), getattr(mesh, name)
        assert there.dtype == wanted.dtype and there.tobytes() == wanted.tobytes()


def test_only_what_is_required_suffices_and_numpy_can_read_it() -> None:
    mesh = MeshFile(tetrahedron().vertices, tetrahedron().faces)
    assert read_mesh(io.BytesIO(packed(mesh))).mask is None
    with np.load(io.BytesIO(packed(mesh)), allow_pickle=False) as there:
        assert set(there.files) == {"vertices", "faces"}
        assert np.array_equal(there["faces"], mesh.faces)


def test_the_same_mesh_gives_the_same_bytes() -> None:
    assert packed(tetrahedron()) == packed(tetrahedron())


def test_what_numpy_wrote_is_read_and_unknown_arrays_are_ignored() -> None:
    back = read_mesh(with_array("something_new", np.zeros(3)))
    assert np.array_equal(back.vertices, tetrahedron().vertices)


def test_arrays_of_other_number_types_are_taken_over() -> None:
    mesh = tetrahedron()
    wide = replace(mesh, vertices=mesh.vertices.astype(np.float64), faces=mesh.faces.astype(int))
    assert packed(wide) == packed(mesh)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("vertices", np.full((4, 3), np.nan, np.float32), "not finite"),
        ("vertices", np.zeros((4, 2), np.float32), "shape"),
        ("vertices", np.zeros((4, 3), np.float64), "type"),
        ("vertices", np.zeros((2_000_000, 3), np.float32), "decimate"),
        ("faces", np.zeros((0, 3), np.uint32), "no faces"),
        ("faces", np.full((4, 3), 4, np.uint32), "names vertex 4"),
        ("faces", np.zeros((2_000_000, 3), np.uint32), "decimate"),
        ("corner_uvs", np.full((4, 3, 2), np.inf, np.float32), "UVs"),
        ("corner_uvs", np.zeros((3, 3, 2), np.float32), "shape"),
        ("mask", np.array([0, 0, 0, 1.5], np.float32), "mask"),
        ("mask", np.array([0, 0, 0, np.nan], np.float32), "mask"),
        ("albedo", np.zeros((8, 0, 3), np.uint8), "shape"),
        ("albedo", np.zeros((1, 8193, 3), np.uint8), "shape"),
        ("material", np.zeros(5, np.uint16), "shape"),
    ],
)
def test_a_mesh_that_cannot_be_refined_says_why(name: str, array: np.ndarray, words: str) -> None:
    with pytest.raises(MeshFileError, match=words) as caught:
        read_mesh(with_array(name, array))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_objects_are_never_unpickled() -> None:
    file = io.BytesIO()
    np.savez(file, vertices=np.array([{}], object), faces=np.zeros((1, 3), np.uint32))
    with pytest.raises(MeshFileError):
        read_mesh(file)


def test_what_is_no_mesh_file_is_told_from_one(tmp_path: Path) -> None:
    (tmp_path / "words.npz").write_text("words")
    whole = packed(tetrahedron())
    for content in (b"", b"words", whole[: len(whole) // 2], whole[:200] + whole[260:]):
        with pytest.raises(MeshFileError):
            read_mesh(io.BytesIO(content))
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("readme.txt", "words")
    with pytest.raises(MeshFileError, match="no array 'vertices'"):
        read_mesh(tmp_path / "other.npz")
    with pytest.raises(OSError):
        read_mesh(tmp_path / "absent.npz")


def test_a_flipped_bit_is_noticed() -> None:
    whole = bytearray(packed(tetrahedron()))
    place = bytes(whole).index(tetrahedron().albedo.tobytes()) + 5
    whole[place] ^= 1
    with pytest.raises(MeshFileError, match="damaged"):
        read_mesh(io.BytesIO(bytes(whole)))


def test_a_lying_header_unpacks_nothing_large() -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (1_000_000, 3)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vertices.npy", head.getvalue() + bytes(5))
    with pytest.raises(MeshFileError, match="cut short"):
        read_mesh(file)
