"""Style presets: each of ours applies, the user's can be kept, and nothing else is run."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import bpy
import pytest


@pytest.fixture
def styles(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.styles")


def ours(styles: ModuleType) -> dict[str, Path]:
    return {p.stem: p for p in (styles.HOME / "presets" / styles.SUBDIR).glob("*.py")}


def test_each_of_ours_applies_and_makes_a_job(addon: ModuleType, styles: ModuleType) -> None:
    settings_of = importlib.import_module(f"{addon.__name__}.settings").settings_of
    panel = bpy.context.scene.propsmith
    assert {"Realistic", "Hand-Painted", "Toon", "Clay", "Low_Poly"} <= ours(styles).keys()
    seen = set()
    for path in ours(styles).values():
        panel.prompt, panel.style = "a chair", "left over"
        assert bpy.ops.propsmith.apply_style(filepath=str(path)) == {"FINISHED"}
        settings = settings_of(bpy.context.scene)
        assert settings.prompt == (f"a chair, {panel.style}" if panel.style else "a chair")
        assert panel.prompt == "a chair" and panel.style != "left over"
        seen.add(settings.prompt)
    assert len(seen) == len(ours(styles))


def test_low_poly_is_light_whatever_the_prior_reads(styles: ModuleType) -> None:
    bpy.ops.propsmith.apply_style(filepath=str(ours(styles)["Low_Poly"]))
    panel = bpy.context.scene.propsmith
    assert (panel.faces, panel.texture_size) == (1500, "512")


def test_blender_finds_ours_in_its_preset_folders(styles: ModuleType) -> None:
    own = str(styles.HOME / "presets" / styles.SUBDIR)
    assert styles.folders().count(own) == 1
    if hasattr(bpy.utils, "register_preset_path"):
        assert own in bpy.utils.preset_paths(styles.SUBDIR)


def test_a_style_of_the_users_own_is_kept_and_removed(styles: ModuleType) -> None:
    panel = bpy.context.scene.propsmith
    panel.style, panel.negative = 'in "paper", folded', "wet"
    assert bpy.ops.propsmith.style_add(name="Origami Box") == {"FINISHED"}
    files = [p for folder in styles.folders() for p in Path(folder).glob("Origami*.py")]
    assert len(files) == 1 and not files[0].is_relative_to(styles.HOME)
    panel.style = panel.negative = ""
    bpy.ops.propsmith.apply_style(filepath=str(files[0]))
    assert (panel.style, panel.negative) == ('in "paper", folded', "wet")
    bpy.ops.propsmith.style_add(name="Origami Box", remove_name=True)
    assert not files[0].exists()


def test_no_other_script_is_run(styles: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "evil.py"
    script.write_text("import bpy\nbpy.context.scene.name = 'taken'\n")
    with pytest.raises(RuntimeError, match="no style preset"):
        bpy.ops.propsmith.apply_style(filepath=str(script))
    assert bpy.context.scene.name != "taken"
