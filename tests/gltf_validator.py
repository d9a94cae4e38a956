"""The Khronos glTF validator, from node; GLTF_VALIDATOR_DIR says where it is (nox sets it)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
const fs = require('fs'), validator = require('gltf-validator');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report)));
"""


def validate(path: Path) -> list[dict[str, Any]]:
    """What the validator has to say about a GLB; skips the test where there is no validator."""
    folder = os.environ.get("GLTF_VALIDATOR_DIR")
    if not folder or not shutil.which("node"):
        pytest.skip("no glTF validator here; `nox -s validator tests` installs and uses it")
    modules = Path(folder)
    modules = modules if modules.name == "node_modules" else modules / "node_modules"
    environment = {**os.environ, "NODE_PATH": str(modules)}
    command = ["node", "-e", SCRIPT, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["issues"]["messages"]
