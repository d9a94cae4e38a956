"""Refining GLBs: what must stay is equal to the bit, what must change does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from backend import cli
from backend.errors import InputError
from backend.job import Job, RunFiles, new_context
from backend.materials.field import FieldConfig
from backend.refine import make, shape
from backend.refine.gltf_data import Document
from backend.refine.gltf_read import read_glb
from backend.refine.request import RefineRequest
from backend.refine.run import refine
from tests.gltf_validator import validate
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded

QUICK = make.Config(
    shape=shape.Config(
        steps=3, views=2, image_size=32, field=FieldConfig(resolutions=(8, 16), samples=3000)
    )
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    prior = write_embedded(tmp_path_factory.mktemp("prior"))
    return Job("a red wooden chair", seed=3, prior=str(prior), config=TINY)


def run(job: Job, request: RefineRequest, output: Path) -> list[str]:
    notes: list[str] = []
    context = new_context(job, torch.device("cpu"))
    files = RunFiles(output, output.parent / "checkpoint")
    refine(job, request, files, context, notes.append, QUICK)
    return notes


def textured(shape: trimesh.Trimesh, name: str, size: int = 32, tiles: float = 1) -> None:
    """Gives it planar UVs and a texture of noise."""
    box = shape.bounds
    uvs = (shape.vertices[:, :2] - box[0, :2]) / np.maximum(box[1, :2] - box[0, :2], 1e-9)
    pixels = np.random.default_rng(len(name)).integers(0, 255, (size, size, 3)).astype(np.uint8)
    material = trimesh.visual.material.PBRMaterial(
        name=name, baseColorTexture=Image.fromarray(pixels), metallicFactor=0.0
    )
    shape.visual = trimesh.visual.TextureVisuals(uv=uvs * tiles, material=material)


def props(folder: Path) -> dict[str, Path]:
    """Five textured props: one mesh, several nodes, instances, a mirrored node, tiled UVs."""
    ball, cup = trimesh.creation.icosphere(2), trimesh.creation.cylinder(0.4, 1.2, sections=24)
    crate, ring = trimesh.creation.box((1, 2, 0.5)), trimesh.creation.torus(1, 0.3)
    for solid, name in ((ball, "ball"), (cup, "cup"), (crate, "crate"), (ring, "ring")):
        textured(solid, name)
    tiled = trimesh.creation.icosphere(2)
    textured(tiled, "tiled", tiles=2.5)
    move = trimesh.transformations.translation_matrix
    table, mirror = trimesh.Scene(), np.diag([-1.0, 1, 1, 1])
    table.add_geometry(crate, node_name="top", geom_name="crate", transform=move((0, 2, 0)))
    for leg in range(4):
        place = move((leg % 2, 0, leg // 2)) @ np.diag([0.5, 1, 0.5, 1])
        if leg == 0:
            table.add_geometry(cup, node_name="leg 0", geom_name="cup", transform=place)
        else:
            table.graph.update(frame_to=f"leg {leg}", matrix=place, geometry="cup")
    pair = trimesh.Scene()
    pair.add_geometry(ring, node_name="right", geom_name="ring", transform=move((9, 0, 0)))
    pair.add_geometry(ball, node_name="left", geom_name="ball", transform=mirror)
    scenes = {
        "ball": trimesh.Scene(ball),
        "crate": trimesh.Scene(crate),
        "table": table,
        "pair": pair,
        "tiled": trimesh.Scene(tiled),
    }
    for name, scene in scenes.items():
        (folder / f"{name}.glb").write_bytes(scene.export(file_type="glb"))
    return {name: folder / f"{name}.glb" for name in scenes}


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return props(tmp_path_factory.mktemp("props"))


def kept(path: Path) -> str:
    """A hash of faces, UVs, counts, names and the tree of nodes."""
    document = Document(path.read_bytes(), path)
    digest = hashlib.sha256()
    for mesh in document.list("meshes"):
        for primitive in mesh["primitives"]:
            digest.update(document.array(primitive["indices"]).tobytes())
            digest.update(document.array(primitive["attributes"]["TEXCOORD_0"]).tobytes())
            count = len(document.array(primitive["attributes"]["POSITION"]))
            digest.update(f"{mesh.get('name')} {count}".encode())
    names = [material.get("name") for material in document.list("materials")]
    tree = [document.list("nodes"), document.list("scenes"), names]
    digest.update(json.dumps(tree, sort_keys=True).encode())
    return digest.hexdigest()


def positions(path: Path) -> list[np.ndarray]:
    return [part.positions for part in read_glb(path).parts]


@pytest.mark.parametrize("name", ["ball", "crate", "table", "pair", "tiled"])
def test_faces_uvs_names_and_nodes_of_five_props_stay(
    name: str, five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    out = tmp_path / "out.glb"
    run(job, RefineRequest(five[name], "keep-topology", 0.2), out)
    assert kept(out) == kept(five[name])
    before, after = read_glb(five[name]), read_glb(out)
    moved = [
        np.abs(b.positions - a.positions).max()
        for b, a in zip(before.parts, after.parts, strict=True)
    ]
    assert max(moved) > 0
    for old, new in zip(before.sheets, after.sheets, strict=True):
        assert new.albedo is not None and not np.array_equal(old.albedo, new.albedo)


@pytest.mark.parametrize("name", ["table", "pair", "tiled"])
def test_the_khronos_validator_finds_nothing_new(
    name: str, five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    run(job, RefineRequest(five[name]), tmp_path / "out.glb")
    there = validate(five[name])
    assert [issue for issue in validate(tmp_path / "out.glb") if issue not in there] == []


def test_no_vertex_moves_farther_than_the_strength(
    five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    run(job, RefineRequest(five["ball"], strength=0.001), tmp_path / "out.glb")
    before, after = positions(five["ball"])[0], positions(tmp_path / "out.glb")[0]
    distance = np.linalg.norm(after.astype(float) - before, axis=1)
    assert 0 < distance.max() <= 0.001 * 1.0001  # the ball's radius is 1


def test_texture_only_moves_nothing_by_a_bit(
    five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    run(job, RefineRequest(five["pair"], "texture-only"), tmp_path / "out.glb")
    for old, new in zip(positions(five["pair"]), positions(tmp_path / "out.glb"), strict=True):
        assert old.tobytes() == new.tobytes()


def test_outside_of_a_mask_image_no_vertex_and_no_texel_changes_by_a_bit(
    five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    pixels = np.zeros((32, 32), np.uint8)
    pixels[:, 16:] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    request = RefineRequest(five["ball"], strength=0.3, mask=str(tmp_path / "mask.png"))
    run(job, request, tmp_path / "out.glb")
    before, after = read_glb(five["ball"]), read_glb(tmp_path / "out.glb")
    old, new = before.parts[0], after.parts[0]
    outside = np.zeros(len(old.positions), bool)
    left = old.corner_uvs[..., 0] < 0.5
    outside[old.faces[left]] = True
    assert old.positions[outside].tobytes() == new.positions[outside].tobytes()
    assert not np.array_equal(old.positions[~outside], new.positions[~outside])
    assert np.array_equal(before.sheets[0].albedo[:, :16], after.sheets[0].albedo[:, :16])
    assert not np.array_equal(before.sheets[0].albedo[:, 16:], after.sheets[0].albedo[:, 16:])


def test_between_the_charts_a_mask_image_holds_too(
    five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    """Around the ball's disc of UVs no face lies: new colours spread there, but not into black."""
    board = (np.arange(32)[:, None] // 4 + np.arange(32) // 4) % 2 == 0
    Image.fromarray(board.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    request = RefineRequest(five["ball"], mask=str(tmp_path / "mask.png"))
    run(job, request, tmp_path / "out.glb")
    old, new = (read_glb(path).sheets[0].albedo for path in (five["ball"], tmp_path / "out.glb"))
    assert np.array_equal(old[~board], new[~board])
    assert not np.array_equal(old[board], new[board])


def test_outside_of_a_masked_material_nothing_changes(
    five: dict[str, Path], job: Job, tmp_path: Path
) -> None:
    run(job, RefineRequest(five["table"], mask="crate"), tmp_path / "out.glb")
    before, after = read_glb(five["table"]), read_glb(tmp_path / "out.glb")
    for old, new in zip(before.parts, after.parts, strict=True):
        name = before.sheets[int(old.sheets[0])].name
        assert np.array_equal(old.positions, new.positions) == (name != "crate")
    for old, new in zip(before.sheets, after.sheets, strict=True):
        assert np.array_equal(old.albedo, new.albedo) == (old.name != "crate")


def test_parts_without_uvs_get_some_unless_they_were_to_be_kept(job: Job, tmp_path: Path) -> None:
    bare = trimesh.creation.icosphere(1)
    (tmp_path / "bare.glb").write_bytes(bare.export(file_type="glb"))
    with pytest.raises(InputError, match="no UVs to keep"):
        run(job, RefineRequest(tmp_path / "bare.glb", "keep-topology"), tmp_path / "out.glb")
    run(job, RefineRequest(tmp_path / "bare.glb"), tmp_path / "out.glb")
    old, new = (read_glb(tmp_path / name).parts[0] for name in ("bare.glb", "out.glb"))
    assert new.corner_uvs is not None and len(new.faces) == len(old.faces)
    assert len(new.positions) > len(old.positions)
    assert trimesh.load(tmp_path / "out.glb").to_geometry().visual.uv.min() >= 0


def cut(tmp_path: Path, five: dict[str, Path]) -> dict[str, tuple[Path, str]]:
    """Files that can't be refined, and a word of what is said of each."""
    whole = five["ball"].read_bytes()
    spoiled = bytearray(whole)
    at = whole.index(positions(five["ball"])[0].tobytes())
    spoiled[at : at + 4] = np.array(np.nan, np.float32).tobytes()
    texts = {"text.glb": b"words", "half.glb": whole[: len(whole) // 2], "nan.glb": bytes(spoiled)}
    empty = {"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}
    from backend.refine.gltf_data import container

    texts["empty.glb"] = container(empty, b"")
    for name, payload in texts.items():
        (tmp_path / name).write_bytes(payload)
    (tmp_path / "folder.glb").mkdir()
    (tmp_path / "mesh.stl").write_bytes(b"solid")
    words = {
        "text.glb": "not a GLB",
        "half.glb": "cut short",
        "nan.glb": "not finite",
        "empty.glb": "no faces",
        "folder.glb": "folder",
        "absent.glb": "no file",
        "mesh.stl": "format",
    }
    return {name: (tmp_path / name, word) for name, word in words.items()}


def test_what_cannot_be_refined_is_said_in_one_sentence_with_exit_code_2(
    five: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.glb"
    out.write_bytes(b"an older prop")
    for path, word in cut(tmp_path, five).values():
        words = ["refine", str(path), "a red chair", "-o", str(out)]
        assert cli.main([*words, "--checkpoint-dir", str(tmp_path / "check")]) == 2
        said = capsys.readouterr().err.strip()
        assert word in said and said.endswith(".") and "\n" not in said, said
    same = ["refine", str(five["ball"]), "a red chair", "-o", str(five["ball"])]
    assert cli.main(same) == 2 and "the mesh itself" in capsys.readouterr().err
    assert out.read_bytes() == b"an older prop"
