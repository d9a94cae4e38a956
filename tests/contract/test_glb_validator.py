"""The Khronos validator finds nothing to say about our GLB.

Needs node, and the folder with node_modules/gltf-validator in GLTF_VALIDATOR_DIR (nox sets it).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sample_glb import sample_asset

from backend.export.glb import write_glb

SCRIPT = """
const fs = require('fs'), validator = require('gltf-validator');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""


@pytest.fixture
def node_modules() -> Path:
    folder = os.environ.get("GLTF_VALIDATOR_DIR")
    if not folder:
        pytest.skip("GLTF_VALIDATOR_DIR is not set; `nox -s validator tests` sets it")
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    path = Path(folder)
    return path if path.name == "node_modules" else path / "node_modules"


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


def test_no_errors_and_no_warnings(node_modules: Path, sample: Path) -> None:
    done = subprocess.run(
        ["node", "-e", SCRIPT, str(sample)],
        env={**os.environ, "NODE_PATH": str(node_modules)},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["issues"]["messages"] == []
    assert report["info"]["totalTriangleCount"] > 100
    assert report["info"]["hasTextures"]
