"""Provenance that survives saving, exporting and strangers; assets with tags and catalogues."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import bpy
import pytest


def part(addon: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.{name}")


def made(addon: ModuleType, prompt: str = "a red wooden chair") -> bpy.types.Object:
    """A cube that says it came from a job."""
    messages = part(addon, "wire").messages
    settings = messages.Settings(prompt, seed=2**40, azimuth=(-30.0, 30.0), favour=(0.0, 15.0))
    info = messages.JobInfo("ab" * 16, "done", settings, weights="1234", device="cpu")
    bpy.ops.mesh.primitive_cube_add()
    thing = bpy.context.active_object
    provenance = part(addon, "provenance")
    provenance.write(thing, provenance.origin_of(info, "propsmith 0.1"))
    return thing


def test_it_is_saved_with_the_file_on_object_and_mesh(addon: ModuleType, tmp_path: Path) -> None:
    name = made(addon).name
    file = str(tmp_path / "prop.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    provenance = part(addon, "provenance")
    thing = bpy.data.objects[name]
    origin = provenance.read(thing)
    assert origin["prompt"] == "a red wooden chair"
    assert (origin["seed"], origin["licence"]) == (str(2**40), "CC BY 4.0")
    assert (origin["server"], origin["weights"]) == ("propsmith 0.1", "1234")
    fresh = bpy.data.objects.new("fresh", thing.data)
    assert provenance.read(fresh) == origin
    settings = provenance.settings_of(origin)
    assert (settings.seed, settings.azimuth) == (2**40, (-30.0, 30.0))


def test_it_goes_into_an_exported_gltf(addon: ModuleType, tmp_path: Path) -> None:
    made(addon)
    file = tmp_path / "prop.gltf"
    bpy.ops.export_scene.gltf(filepath=str(file), export_format="GLTF_SEPARATE", export_extras=True)
    assert '"prompt":"a red wooden chair"' in file.read_text().replace('": "', '":"')


def test_reproduce_submits_the_same_job_and_fills_the_panel(addon: ModuleType, monkeypatch) -> None:
    thing = made(addon)
    provenance, session = part(addon, "provenance"), part(addon, "session")
    sent = []
    monkeypatch.setattr(session, "connect", lambda: True)
    monkeypatch.setattr(session, "send", lambda message, then=None: sent.append(message))
    messages = part(addon, "wire").messages
    settings = messages.Settings("a blue vase", seed=2**40, faces=5000, favour=(33.0, 20.0))
    info = messages.JobInfo("cd" * 16, "done", settings)
    provenance.write(thing, provenance.origin_of(info))
    assert bpy.ops.propsmith.reproduce() == {"FINISHED"}
    assert [m.settings for m in sent if isinstance(m, messages.Submit)] == [settings]
    panel = bpy.context.scene.propsmith
    assert (panel.prompt, panel.faces, panel.seed_locked) == ("a blue vase", 5000, True)
    assert tuple(panel.favour_angles) == pytest.approx((33, 20))
    # A new object shows the new job; the old one is as it was.
    assert bpy.context.active_object != thing
    assert provenance.settings_of(provenance.read(thing)) == settings


@pytest.mark.parametrize(
    "settings", ["", "nonsense", "[]", "[" * 5000, '{"prompt": 7}', '{"prompt": "x", "seed": -1}']
)
def test_settings_of_strangers_are_refused_with_a_sentence(
    addon: ModuleType, settings: str
) -> None:
    thing = made(addon)
    thing["propsmith_origin"] = {"settings": settings}
    before = bpy.context.scene.propsmith.prompt
    with pytest.raises(RuntimeError, match="settings"):
        bpy.ops.propsmith.reproduce()
    assert bpy.context.scene.propsmith.prompt == before


def test_what_propsmith_did_not_make_has_no_origin(addon: ModuleType) -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert part(addon, "provenance").read(bpy.context.active_object) is None
    assert not bpy.ops.propsmith.reproduce.poll()


def test_an_asset_has_tags_licence_and_catalogue(addon: ModuleType, tmp_path: Path) -> None:
    thing = made(addon, "a red wooden chair made of wood")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "props.blend"))
    assert bpy.ops.propsmith.mark_asset(author="Ada") == {"FINISHED"}
    data = thing.asset_data
    assert [tag.name for tag in data.tags] == ["propsmith", "red", "wooden", "chair", "wood"]
    assert (data.license, data.author) == ("CC BY 4.0", "Ada")
    assert data.description == "a red wooden chair made of wood"
    text = (tmp_path / "blender_assets.cats.txt").read_text()
    assert f"{data.catalog_id}:Propsmith/Props:Propsmith-Props" in text.splitlines()
    bpy.ops.propsmith.mark_asset()
    assert (tmp_path / "blender_assets.cats.txt").read_text() == text


def test_catalogues_that_are_there_are_kept_and_used(addon: ModuleType, tmp_path: Path) -> None:
    assets = part(addon, "assets")
    mine = "VERSION 1\n\n6b1c3f5e-0000-4000-8000-000000000001:Furniture:Furniture"
    (tmp_path / assets.CATALOGUE_FILE).write_text(mine)
    found = assets.add_catalogue(tmp_path, "Furniture")
    assert found == "6b1c3f5e-0000-4000-8000-000000000001"
    assets.add_catalogue(tmp_path, "Propsmith/Props")
    lines = (tmp_path / assets.CATALOGUE_FILE).read_text().splitlines()
    assert lines[:3] == mine.splitlines() and len(lines) == 4


def test_what_the_user_has_set_stays(addon: ModuleType) -> None:
    thing = made(addon)
    thing.asset_mark()
    thing.asset_data.license, thing.asset_data.author = "CC-BY-4.0", "Me"
    bpy.ops.propsmith.mark_asset(author="Ada", licence="MIT", tags="seat, seat, oak")
    data = thing.asset_data
    assert (data.license, data.author) == ("CC-BY-4.0", "Me")
    assert [tag.name for tag in data.tags] == ["propsmith", "seat", "oak"]


def test_saved_into_a_library_it_can_be_used_by_another_file(
    addon: ModuleType, tmp_path: Path
) -> None:
    libraries = bpy.context.preferences.filepaths.asset_libraries
    for library in list(libraries):
        libraries.remove(library)
    thing = made(addon)
    with pytest.raises(RuntimeError, match="asset library"):
        bpy.ops.propsmith.save_to_library()
    libraries.new(name="Mine", directory=str(tmp_path))
    parent = bpy.data.objects.new("parent", None)
    thing.parent, thing.name = parent, "Oak / Chair"
    for _ in range(2):  # no file is overwritten
        assert bpy.ops.propsmith.save_to_library(author="Ada") == {"FINISHED"}
    assert thing.asset_data is None and thing.parent == parent
    files = sorted(path.name for path in tmp_path.glob("*.blend"))
    assert files == ["Oak___Chair-2.blend", "Oak___Chair.blend"]
    assert "Propsmith/Props" in (tmp_path / "blender_assets.cats.txt").read_text()
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / files[1]), assets_only=True) as (there, here):
        assert there.objects == ["Oak / Chair"]
        here.objects = there.objects
    [found] = here.objects
    assert found.asset_data.author == "Ada" and "chair" in found.asset_data.tags
    assert found.preview.image_size[:] == (128, 128)
    assert "parent" not in bpy.data.objects
