"""The GLB read back by trimesh and byte by byte."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from backend.errors import GenerationError, InputError
from backend.export import EXPORTERS
from backend.export.asset import Asset, Config
from backend.export.glb import glb_bytes, write_glb
from backend.materials.bake import Textures
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh, UVMesh

PROMPT = 'a "red" chair, größer'


@pytest.fixture
def asset() -> Asset:
    """A box of 0.4 x 0.8 x 0.2 around (0.1, 0.2, 0.3), with noise for textures."""
    box = trimesh.creation.box((0.4, 0.8, 0.2))
    box.apply_translation((0.1, 0.2, 0.3))
    bare = TriMesh(torch.tensor(box.vertices, dtype=torch.float32), torch.tensor(box.faces))
    uvs = torch.rand(len(bare.vertices), 2, generator=torch.Generator().manual_seed(0))
    mesh = UVMesh(bare.vertices, bare.faces, vertex_normals(bare), uvs)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(3)]
    return Asset(mesh, Textures(*images), PROMPT, {"prompt": PROMPT, "seed": 3})


def document(payload: bytes) -> dict:
    magic, version, length = struct.unpack_from("<4sII", payload)
    assert (magic, version, length) == (b"glTF", 2, len(payload))
    size, kind = struct.unpack_from("<I4s", payload, 12)
    assert kind == b"JSON"
    return json.loads(payload[20 : 20 + size])


def reread(asset: Asset, folder: Path) -> trimesh.Trimesh:
    write_glb(asset, folder / "prop.glb")
    scene = trimesh.load(folder / "prop.glb", process=False)
    (mesh,) = scene.geometry.values()
    return mesh


@pytest.mark.parametrize(
    ("config", "sides"),
    [
        (Config(), (0.5, 0.25, 1.0)),
        (Config(size_m=2.0), (1.0, 0.5, 2.0)),
        (Config(size_m=1.0, measure="height"), (2.0, 1.0, 4.0)),
    ],
)
def test_size_axes_and_ground(asset: Asset, tmp_path: Path, config: Config, sides: tuple) -> None:
    """Ours is 0.4 x 0.8 x 0.2 with +Z up; glTF's is +Y up: x, z, y."""
    mesh = reread(replace(asset, config=config), tmp_path)
    low, high = mesh.bounds
    assert (high - low).tolist() == pytest.approx(sides, rel=1e-5)
    assert low[1] == pytest.approx(0, abs=1e-6)
    assert (low + high)[[0, 2]].tolist() == pytest.approx([0, 0], abs=1e-6)


def test_front_looks_along_plus_z_and_nothing_is_mirrored(asset: Asset, tmp_path: Path) -> None:
    vertices = asset.mesh.vertices.clone()
    vertices[vertices[:, 1].argmin(), 1] -= 0.3  # one corner sticks out at the front
    marked = replace(asset, mesh=replace(asset.mesh, vertices=vertices))
    mesh = reread(marked, tmp_path)
    assert int(mesh.vertices[:, 2].argmax()) == int(vertices[:, 1].argmin())
    assert mesh.volume > 0
    assert np.allclose(mesh.vertex_normals[:, 2], -asset.mesh.normals[:, 1].numpy(), atol=1e-5)


def test_material_is_explicit_and_textures_survive(asset: Asset, tmp_path: Path) -> None:
    mesh = reread(asset, tmp_path)
    material = document(glb_bytes(asset))["materials"][0]
    pbr = material["pbrMetallicRoughness"]
    assert pbr["metallicFactor"] == 1.0
    assert pbr["roughnessFactor"] == 1.0
    assert material["occlusionTexture"]["index"] == pbr["metallicRoughnessTexture"]["index"]
    read = mesh.visual.material
    pairs = [
        (read.baseColorTexture, asset.textures.albedo),
        (read.metallicRoughnessTexture, asset.textures.orm),
        (read.normalTexture, asset.textures.normal),
    ]
    for image, expected in pairs:
        assert (np.asarray(image.convert("RGB")) == expected).all()
    # trimesh turns v around on loading.
    assert np.allclose(mesh.visual.uv[:, 1], 1 - asset.mesh.uvs[:, 1].numpy(), atol=1e-6)


def test_names_and_provenance(asset: Asset) -> None:
    read = document(glb_bytes(asset))
    assert read["nodes"][0]["name"] == read["meshes"][0]["name"] == PROMPT
    assert read["asset"]["extras"] == {"prompt": PROMPT, "seed": 3}
    assert "TANGENT" in read["meshes"][0]["primitives"][0]["attributes"]


def test_same_asset_same_bytes(asset: Asset) -> None:
    assert glb_bytes(asset) == glb_bytes(asset)


def test_a_failed_write_leaves_the_old_file(
    asset: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prop.glb"
    path.write_bytes(b"precious")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_glb(asset, path)
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["prop.glb"]


def test_bad_shapes_and_sizes_are_refused(asset: Asset, tmp_path: Path) -> None:
    broken = replace(asset.mesh, vertices=asset.mesh.vertices * float("nan"))
    with pytest.raises(GenerationError, match="not finite"):
        write_glb(replace(asset, mesh=broken), tmp_path / "prop.glb")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="more than 0"):
        Config(size_m=0.0)
    with pytest.raises(InputError, match="longest, height"):
        Config(measure="width")


def test_the_table_of_exporters_knows_it() -> None:
    assert EXPORTERS["glb"] is write_glb
