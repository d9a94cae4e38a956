"""The Khronos validator finds nothing to say about our GLB."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sample_glb import sample_asset

from backend.export.glb import write_glb
from tests.gltf_validator import validate


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, left for the Blender session too where nox says where."""
    folder = os.environ.get("PROPSMITH_ARTEFACTS")
    path = (Path(folder) if folder else tmp_path_factory.mktemp("glb")) / "sample.glb"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_glb(sample_asset(), path)
    return path


def test_the_sample_is_a_glb(sample: Path) -> None:
    assert sample.read_bytes()[:4] == b"glTF"


def test_no_errors_and_no_warnings(sample: Path) -> None:
    assert validate(sample) == []
