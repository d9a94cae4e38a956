"""What can't be refined, through the command line: one sentence, exit code 2, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from backend import cli
from backend.errors import InputError
from backend.refine import wavefront
from backend.refine.gltf_data import container
from tests.unit.test_cli_inputs import listing

MANY = 2_000_000
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def exported(points: np.ndarray, faces: np.ndarray, kind: str) -> bytes:
    mesh = trimesh.Trimesh(points, faces.astype(np.int64), process=False, validate=False)
    return mesh.export(file_type=kind)


def obj_of(points: np.ndarray, faces: str) -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in points.tolist()]
    return ("\n".join(lines) + f"\n{faces}").encode()


def npz_of(points: np.ndarray, faces: np.ndarray, path: Path) -> None:
    np.savez(path, vertices=points, faces=faces.astype(np.uint32))


def two_million_faces(path: Path) -> None:
    faces = np.tile(np.arange(3), (MANY, 1))
    if path.suffix == ".npz":
        npz_of(CORNERS, faces, path)
    elif path.suffix == ".obj":
        path.write_bytes(obj_of(CORNERS, "f 1 2 3\n" * MANY))
    else:
        path.write_bytes(exported(CORNERS, faces, path.suffix[1:]))


def no_faces(path: Path) -> None:
    none = np.zeros((0, 3), np.int64)
    if path.suffix == ".npz":
        npz_of(CORNERS, none, path)
    elif path.suffix == ".obj":
        path.write_bytes(obj_of(CORNERS, ""))
    elif path.suffix == ".glb":
        path.write_bytes(container({"asset": {"version": "2.0"}, "scenes": [{}], "scene": 0}, b""))
    else:
        path.write_bytes(exported(CORNERS, none, "ply"))


def not_numbers(path: Path) -> None:
    """One coordinate of a mesh that is right otherwise."""
    points, faces = CORNERS.copy(), np.arange(3)[None]
    points[1, 1] = np.nan
    if path.suffix == ".npz":
        npz_of(points, faces, path)
    elif path.suffix == ".obj":
        path.write_bytes(obj_of(points, "f 1 2 3\n"))
    else:
        whole = exported(CORNERS + 7, faces, path.suffix[1:])
        place = whole.index(np.float32(8).tobytes())
        spoiled = np.float32(np.nan).tobytes()
        path.write_bytes(whole[:place] + spoiled + whole[place + 4 :])


def no_mesh(path: Path) -> None:
    path.write_bytes(b"Dear diary, \x00 this is no mesh at all.\n" * 40)


WHAT: dict[str, tuple[Callable[[Path], None], str]] = {
    "2 million faces": (two_million_faces, "decimate"),
    "no faces": (no_faces, "no faces"),
    "NaN": (not_numbers, "finite"),
    "no mesh": (no_mesh, ""),
}


@pytest.mark.parametrize("kind", ["glb", "obj", "ply", "npz"])
@pytest.mark.parametrize("what", WHAT)
def test_one_sentence_and_nothing_is_overwritten(
    what: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, word = WHAT[what]
    mesh, out = tmp_path / f"mesh.{kind}", tmp_path / f"out.{kind}"
    make(mesh)
    out.write_bytes(b"an older prop")
    before = listing(tmp_path)
    words = ["refine", str(mesh), "a red chair", "-o", str(out), "--keep-topology"]
    assert cli.main([*words, "--checkpoint-dir", str(tmp_path / "check")]) == 2
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == "" and len(lines) == 1
    assert lines[0].startswith("propsmith: ") and lines[0].endswith(".")
    assert str(mesh) in lines[0] and word in lines[0]
    assert {name: data for name, data in listing(tmp_path).items() if "check" not in name} == before


@pytest.mark.parametrize("corners, lines", [("1 2 3", MANY), ("1 2 3 1", MANY // 2 + 1)])
def test_an_obj_s_faces_are_counted_before_it_is_parsed(
    corners: str, lines: int, tmp_path: Path, monkeypatch
) -> None:
    """Parsing so many takes long; quads count twice."""
    mesh = tmp_path / "mesh.obj"
    mesh.write_bytes(obj_of(CORNERS, f"f {corners}\n" * lines))

    def parsed(text: str) -> None:
        raise AssertionError("parsed before it was counted")

    monkeypatch.setattr(wavefront, "_parsed", parsed)
    with pytest.raises(InputError, match="decimate it first"):
        wavefront.read_obj(mesh)
