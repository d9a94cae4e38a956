"""Five textured props that people have made, refined through the command line: what must stay does.

They come from Debian's package sweethome3d-furniture (backend/training/sweethome.py), which `nox -s
props` installs; PROPSMITH_SWEETHOME names another folder that has it. Refined with the embedded
prior, in few steps: asked is what stays, not how good the rest gets.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import trimesh
from PIL import Image

from backend.errors import InputError
from backend.refine.read import read_subject
from backend.refine.subject import Subject
from backend.training.sweethome import Archive, Entry, read_catalogue
from tests.unit.test_refine_glb import kept

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CATALOGUE = Path(os.environ.get("PROPSMITH_SWEETHOME", "/usr/share/sweethome3d"))
SHORT = (
    "from tests.service.short_worker import shorten; shorten(); "
    "from backend.cli import main; raise SystemExit(main())"
)
# catalogue/model: the format it is refined in, the prompt. One material or two, with a picture
# each; by CC0 and CC BY 3.0, whose authors the catalogue names.
PROPS = {
    "BlendSwap-CC-0/barrel": ("obj", "a blue metal barrel"),
    "BlendSwap-CC-0/JapaneseLantern": ("obj", "a red lantern"),
    "BlendSwap-CC-BY/kitchenChair": ("glb", "a green wooden chair"),
    "Scopia/old_jar": ("glb", "a golden vase"),
    "Scopia/reflex_camera": ("obj", "a red camera"),
}
BLACK = 0.5  # of the mask's width, from the left


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    try:
        found = {entry.key: entry for entry in read_catalogue(CATALOGUE)}
    except InputError as error:
        pytest.skip(f"the models are not here: {error}")
    assert all(found[key].allowed for key in PROPS)
    return found


def unpacked(entry: Entry, folder: Path, kind: str) -> Path:
    """The model with its materials and pictures; as a GLB, written by trimesh."""
    archive, inside = Archive(entry.archive), PurePosixPath(entry.path)
    obj = folder / inside.name
    obj.write_bytes(archive.read(entry.path) or b"")
    for line in obj.read_text("utf-8", "replace").splitlines():
        if line.startswith("mtllib"):
            library = line.split(None, 1)[1].strip()
            material = archive.text(str(inside.parent / library))
            (folder / library).write_text(material)
            for name in {
                w[-1] for w in map(str.split, material.splitlines()) if w[:1] == ["map_Kd"]
            }:
                picture = archive.read(str(inside.parent / name))
                assert picture, f"the package lacks {name} of {entry.key}"
                (folder / name).write_bytes(picture)
    if kind == "obj":
        return obj
    scene = trimesh.load_scene(obj, process=False)
    obj.with_suffix(".glb").write_bytes(scene.export(file_type="glb"))
    return obj.with_suffix(".glb")


def refined(mesh: Path, prompt: str, *options: object) -> Path:
    out = mesh.with_name(f"refined{mesh.suffix}")
    words = ["refine", mesh, prompt, "-o", out, "--keep-topology", "--seed", 3, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment |= {"PROPSMITH_TEST_SHARE": "0.01", "PROPSMITH_TEST_FEWEST": "6"}
    done = subprocess.run(
        [sys.executable, "-c", SHORT, *map(str, words)],
        env=environment, cwd=mesh.parent, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def hash_of(path: Path) -> str:
    """Of faces, UVs, names and materials, as the file has them and as they are read."""
    subject, digest = read_subject(path), hashlib.sha256()
    for part in subject.parts:
        assert part.corner_uvs is not None
        digest.update(f"{len(part.positions)} {len(part.faces)} ".encode())
        digest.update(part.faces.tobytes() + part.corner_uvs.tobytes() + part.sheets.tobytes())
    digest.update("/".join(sheet.name for sheet in subject.sheets).encode())
    if path.suffix == ".glb":
        return digest.hexdigest() + kept(path)
    words = [line.split() for line in path.read_text("utf-8", "replace").splitlines()]
    for kind, *rest in filter(None, words):
        if kind == "f":  # a vertex that has moved gets a normal of its own
            rest = ["/".join(corner.split("/")[:2]) for corner in rest]
        if kind in ("f", "vt", "usemtl", "g", "o"):
            digest.update(f"{kind} {' '.join(rest)}\n".encode())
    return digest.hexdigest()


def outside(subject: Subject, number: int) -> np.ndarray:
    """(n,) bool: vertices of a part with a corner in the mask's black half."""
    part = subject.parts[number]
    assert part.corner_uvs is not None
    black = part.corner_uvs[..., 0] % 1.0 < BLACK - 0.01
    found = np.zeros(len(part.positions), bool)
    found[part.faces[black]] = True
    return found


@pytest.mark.parametrize("key", PROPS)
def test_faces_and_uvs_of_a_real_prop_stay(
    key: str, entries: dict[str, Entry], tmp_path: Path
) -> None:
    kind, prompt = PROPS[key]
    mesh = unpacked(entries[key], tmp_path, kind)
    before, old = hash_of(mesh), read_subject(mesh)
    textured = [sheet.albedo is not None for sheet in old.sheets]
    assert any(textured)
    out = refined(mesh, prompt)
    assert hash_of(out) == before
    new = read_subject(out)
    moved = [
        np.abs(b.positions - a.positions).max() for a, b in zip(old.parts, new.parts, strict=True)
    ]
    assert max(moved) > 0
    for number, is_textured in enumerate(textured):
        if is_textured:
            assert not np.array_equal(old.sheets[number].albedo, new.sheets[number].albedo)


@pytest.mark.parametrize("key", PROPS)
def test_outside_of_a_mask_nothing_of_a_real_prop_changes(
    key: str, entries: dict[str, Entry], tmp_path: Path
) -> None:
    """The mask is black over the left half of the UVs. An OBJ holds its numbers as text: lines."""
    kind, prompt = PROPS[key]
    mesh = unpacked(entries[key], tmp_path, kind)
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, round(64 * BLACK) :] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    old, before = read_subject(mesh), hash_of(mesh)
    out = refined(mesh, prompt, "--mask", tmp_path / "mask.png")
    new = read_subject(out)
    assert hash_of(out) == before
    held = moved = 0
    for number, (a, b) in enumerate(zip(old.parts, new.parts, strict=True)):
        stays = outside(old, number)
        assert a.positions[stays].tobytes() == b.positions[stays].tobytes()
        held += int(stays.sum())
        moved += int((a.positions[~stays] != b.positions[~stays]).any(axis=1).sum())
    assert held and moved
    changed = False
    for was, now in zip(old.sheets, new.sheets, strict=True):
        if was.albedo is None:
            continue
        half = int(was.albedo.shape[1] * BLACK) - 1
        assert now.albedo is not None and now.albedo.shape == was.albedo.shape
        assert np.array_equal(was.albedo[:, :half], now.albedo[:, :half])
        changed |= not np.array_equal(was.albedo, now.albedo)
    assert changed
