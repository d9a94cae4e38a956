"""Random actions while a prop streams, each seed in a Blender of its own: thousand_actions.py.

Blender's own undo crashes with such actions now and then, without the add-on too, and not again
with the same seed: actions_alone.py. So a crash is told as a warning, and the seed tried once more:
two crashes fail. Anything else that goes wrong fails at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from conftest import ROOT
from random_actions import Restless

SEEDS = [int(word) for word in os.environ.get("PROPSMITH_RANDOM_ACTIONS", "1 2 3 4").split()]
OPTIONS = ("-o", "addopts=", "-o", "pythonpath=", "--confcutdir=tests/blender", "-q")


def run(seed: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *OPTIONS, "tests/blender/thousand_actions.py"]
    environment = {**os.environ, "PROPSMITH_SEED": str(seed)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_thousand_actions(seed: int) -> None:
    done = run(seed)
    if done.returncode < 0:
        warnings.warn(f"seed {seed} crashed Blender: {done.stderr[:4000]}", stacklevel=1)
        done = run(seed)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-6000:]} {done.stderr[-3000:]}"


def test_what_goes_by_itself_is_seen(addon: ModuleType, tmp_path: Path) -> None:
    restless = Restless(1, tmp_path)
    bpy.ops.mesh.primitive_cube_add()
    while restless.act() != "move":
        bpy.ops.mesh.primitive_cube_add() if bpy.context.mode == "OBJECT" else None
    assert restless.lost() == []
    name = bpy.data.objects[0].name
    bpy.data.objects.remove(bpy.data.objects[0])
    assert restless.lost() == [name]
