"""A prop from the real worker and pipeline, on tiny presets, ends in the scene as its file is."""

from __future__ import annotations

import importlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from conftest import ENVIRONMENT, ROOT, Backend, pump_until

WRITE = "import sys; from pathlib import Path; from tests.tiny_models import write_embedded; "


def test_a_real_prop(
    addon: ModuleType, start_backend: Callable[..., Backend], tmp_path: Path
) -> None:
    command = [ENVIRONMENT, "-c", WRITE + "write_embedded(Path(sys.argv[1]))", str(tmp_path / "p")]
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "VIRTUAL_ENV")}
    (tmp_path / "p").mkdir()
    subprocess.run(command, cwd=ROOT, env={**clean, "PYTHONPATH": str(ROOT)}, check=True)
    backend = start_backend("tiny_worker.py", priors={"embedded": str(tmp_path / "p")})
    parts = ("session", "preferences", "jobs")
    session, preferences, jobs = (
        importlib.import_module(f"{addon.__name__}.{name}") for name in parts
    )
    chosen = preferences.preferences()
    chosen.mode, chosen.connection_file = "FILE", str(backend.file)
    panel = bpy.context.scene.propsmith
    panel.prompt, panel.height, panel.seed, panel.seed_locked = "a red chair", 0.5, 5, True
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert bpy.ops.propsmith.generate() == {"FINISHED"}
    thing = bpy.context.view_layer.objects.active
    pump_until(addon, lambda: thing.propsmith.role == "DONE", "the prop")
    info = jobs.infos[thing.propsmith.job]
    assert info.state == "done" and info.settings.seed == 5
    assert len(thing.data.polygons) == info.faces and not thing.data.validate()
    heights = [vertex.co.z for vertex in thing.data.vertices]
    assert min(heights) == pytest.approx(0, abs=1e-5)
    assert max(heights) == pytest.approx(0.5, abs=1e-5)
    assert thing.location[:] == (1, 2, 3)
    assert len(thing.data.uv_layers) == 1
    tree = thing.material_slots[0].material.node_tree
    images = {n.label: n.image for n in tree.nodes if n.type == "TEX_IMAGE"}
    assert {n: tuple(i.size) for n, i in images.items()} == dict.fromkeys(
        ("albedo", "orm", "normal"), (64, 64)
    )
    assert images["albedo"].colorspace_settings.name == "sRGB"
    assert images["normal"].colorspace_settings.name == "Non-Color"
    assert all(image.packed_file for image in images.values())
    session.disconnect()
