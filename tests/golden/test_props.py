"""The embedded prior's props, made by the command line as a user would, and measured.

Shape and material are checked on the GLB itself: what is red, what is metal, where the front is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.gltf_validator import validate

pytestmark = pytest.mark.slow


@cache
def _made(prompt: str, folder: Path) -> tuple[dict, trimesh.Trimesh]:
    path = folder / f"{prompt.replace(' ', '_')}.glb"
    command = [sys.executable, "-m", "backend.cli", "generate", prompt, "-o", str(path), "--json"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    with child.stdout as output:
        said = output.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    mesh = trimesh.load_scene(path).to_geometry()
    return json.loads(said.splitlines()[-1]) | {"peak_kb": used.ru_maxrss}, mesh


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("props")


def _on_surface(mesh: trimesh.Trimesh, image: Image.Image) -> np.ndarray:
    """The texture's values (n, 3) in [0, 1] at points spread evenly over the surface."""
    points, faces = trimesh.sample.sample_surface(mesh, 20_000, seed=0)
    weights = trimesh.triangles.points_to_barycentric(mesh.triangles[faces], points)
    uv = (mesh.visual.uv[mesh.faces[faces]] * weights[..., None]).sum(1)
    pixels = np.asarray(image.convert("RGB"), dtype=float) / 255
    height, width = pixels.shape[:2]
    x = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    y = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)  # trimesh turns v around
    return pixels[y, x]


PROMPTS = ("a red wooden chair", "a golden goblet")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_one_closed_surface_of_a_usable_size(prompt: str, folder: Path) -> None:
    result, mesh = _made(prompt, folder)
    joined = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    joined.merge_vertices(merge_tex=True, merge_norm=True)
    assert joined.is_watertight and joined.is_winding_consistent and joined.volume > 0
    assert joined.body_count == 1
    assert 2_000 <= len(mesh.faces) == result["faces"] <= 50_000
    assert mesh.bounds[0][1] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_validator_finds_nothing(prompt: str, folder: Path) -> None:
    _made(prompt, folder)
    assert validate(folder / f"{prompt.replace(' ', '_')}.glb") == []


def test_the_run_stays_below_four_gigabytes(folder: Path) -> None:
    result, _ = _made(PROMPTS[0], folder)
    assert 0.2e9 < result["peak_kb"] * 1024 < 4e9


def test_the_chair_is_red_and_its_back_is_behind(folder: Path) -> None:
    _, mesh = _made("a red wooden chair", folder)
    red, green, blue = _on_surface(mesh, mesh.visual.material.baseColorTexture).mean(0)
    assert red > 0.45 and green < 0.5 * red and blue < 0.5 * red
    points, _ = trimesh.sample.sample_surface(mesh, 20_000, seed=0)
    upper = points[:, 1] > 0.65 * mesh.bounds[1][1]
    depth = mesh.extents[2]
    assert points[upper, 2].mean() < points[~upper, 2].mean() - 0.15 * depth  # +Z is the front
    middle = (points[:, 1] > 0.1 * mesh.bounds[1][1]) & (points[:, 1] < 0.25 * mesh.bounds[1][1])
    corners = {tuple(np.sign(p[[0, 2]]).astype(int)) for p in points[middle]}
    assert len(corners) == 4  # legs in all four


def test_the_goblet_is_gold(folder: Path) -> None:
    _, mesh = _made("a golden goblet", folder)
    red, green, blue = _on_surface(mesh, mesh.visual.material.baseColorTexture).mean(0)
    assert red > green > blue and red > 0.6 and blue < 0.6 * red
    orm = _on_surface(mesh, mesh.visual.material.metallicRoughnessTexture)
    assert (orm[:, 2] > 0.7).mean() > 0.5
    assert orm[:, 1].mean() < 0.6


def test_the_goblet_is_as_deep_as_wide_and_has_a_stem(folder: Path) -> None:
    _, mesh = _made("a golden goblet", folder)
    assert mesh.extents[0] == pytest.approx(mesh.extents[2], rel=0.15)
    points, _ = trimesh.sample.sample_surface(mesh, 20_000, seed=0)
    height = points[:, 1] / mesh.bounds[1][1]
    radius = np.hypot(points[:, 0], points[:, 2])
    bowl, stem = radius[height > 0.8].max(), radius[(height > 0.3) & (height < 0.5)]
    assert np.quantile(stem, 0.5) < 0.6 * bowl


def test_the_wooden_chair_is_no_metal(folder: Path) -> None:
    _, mesh = _made("a red wooden chair", folder)
    orm = _on_surface(mesh, mesh.visual.material.metallicRoughnessTexture)
    assert (orm[:, 2] < 0.3).mean() > 0.8
    assert orm[:, 1].mean() > 0.4
