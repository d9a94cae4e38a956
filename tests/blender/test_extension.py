"""The built extension by Blender's own measure: its validator, its index, an installation."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import bpy
import pytest
from conftest import ROOT, USER, find_extension

ARCHIVE = find_extension()
needs_zip = pytest.mark.skipif(ARCHIVE is None, reason="PROPSMITH_EXTENSION names no built zip")


def blender_ext(*arguments: str) -> str:
    """`blender --command extension ...`, which runs without Blender too."""
    tool = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core/bl_pkg/cli/blender_ext.py"
    command = [sys.executable, str(tool), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LANG": "C"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_sources_are_valid(tmp_path: Path) -> None:
    blender_ext("validate", str(ROOT / "blender_addon"))


@needs_zip
def test_every_zip_is_valid() -> None:
    archives = sorted(ARCHIVE.parent.glob("*.zip"))
    assert archives
    for archive in archives:
        blender_ext("validate", str(archive))


@needs_zip
def test_the_index_is_as_blender_makes_it(tmp_path: Path) -> None:
    for archive in ARCHIVE.parent.glob("*.zip"):
        shutil.copy(archive, tmp_path)
    blender_ext("server-generate", "--repo-dir", str(tmp_path))
    theirs = json.loads((tmp_path / "index.json").read_text())
    ours = json.loads((ARCHIVE.parent / "index.json").read_text())
    theirs["data"].sort(key=lambda entry: entry["archive_url"])
    ours["data"].sort(key=lambda entry: entry["archive_url"])
    assert ours == theirs


@needs_zip
def test_it_runs_on_what_the_zip_brought(addon: ModuleType) -> None:
    """Not on this repository's sources, nor on a pyzmq of the environment."""
    assert addon.__name__ == "bl_ext.user_default.propsmith"
    inside = [m for name, m in sys.modules.items() if name.startswith(f"{addon.__name__}.")]
    assert inside
    for module in [addon, *inside]:
        assert Path(module.__file__).is_relative_to(USER), module
    assert Path(sys.modules["zmq"].__file__).is_relative_to(USER)
    assert not {"shared", "blender_addon"} & set(sys.modules)


def test_its_operators_are_there(addon: ModuleType) -> None:
    for name in ("generate", "refine", "cancel"):
        assert getattr(bpy.ops.propsmith, name).get_rna_type().description


def test_search_finds_every_operator_and_each_says_what_it_does(addon: ModuleType) -> None:
    """F3 looks through menus; only what needs a file's path from its own menu stays out."""
    listed = set(importlib.import_module(f"{addon.__name__}.panels").IN_MENU)
    names = [n for n in dir(bpy.types) if n.startswith("PROPSMITH_OT_")]
    assert len(names) > 25
    for name in names:
        kind, short = getattr(bpy.types, name), name.removeprefix("PROPSMITH_OT_")
        assert len(getattr(bpy.ops.propsmith, short).get_rna_type().description) > 10, name
        if "INTERNAL" not in getattr(kind, "bl_options", ()):
            assert short in listed, f"{name} is in no menu"
    assert listed <= {name.removeprefix("PROPSMITH_OT_") for name in names}


def test_every_setting_says_its_effect_and_its_unit(addon: ModuleType) -> None:
    units = ("degree", "pixel", "radius", "distances", "triangles", "seconds", "share", "0:")
    scene = bpy.context.scene
    for group in (scene.propsmith, scene.propsmith_refine):
        for setting in group.bl_rna.properties:
            if setting.identifier in ("rna_type", "name") or setting.is_hidden:
                continue
            assert len(setting.description) > 10, setting.identifier
            if setting.type == "FLOAT" and setting.unit == "NONE":
                assert any(unit in setting.description for unit in units), setting.identifier


def test_the_history_s_chosen_row_is_what_search_acts_on(addon: ModuleType) -> None:
    history = importlib.import_module(f"{addon.__name__}.history")
    messages = importlib.import_module(f"{addon.__name__}.wire").messages
    with pytest.raises(RuntimeError, match="not in the history"):
        bpy.ops.propsmith.history_settings()
    for number in (1, 2):
        settings = messages.Settings(f"prop {number}")
        info = messages.JobInfo(f"{number:032x}", "done", settings, number)
        history.known[info.job] = info
    history.show()
    bpy.context.window_manager.propsmith_history_active = 1
    assert bpy.ops.propsmith.history_settings() == {"FINISHED"}
    assert bpy.context.scene.propsmith.prompt == "prop 1"
    history.known.clear()
    history.show()
