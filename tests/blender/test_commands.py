"""`blender --command propsmith`: job files read, props saved, every mistake one sentence."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest


def part(addon: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.{name}")


def written(folder: Path, text: str, name: str = "jobs.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_toml_and_json_say_the_same(addon: ModuleType, tmp_path: Path) -> None:
    toml = """
    [defaults]
    seed = 3
    [[job]]
    prompt = "a red chair"
    azimuth = [-30, 30]
    [[job]]
    prompt = "a red chair"
    seed = 4
    [[job]]
    name = "vase"
    prompt = "a vase"
    """
    data = {
        "defaults": {"seed": 3},
        "job": [
            {"prompt": "a red chair", "azimuth": [-30, 30]},
            {"prompt": "a red chair", "seed": 4},
            {"name": "vase", "prompt": "a vase"},
        ],
    }
    read = part(addon, "job_file").read_orders
    orders = read(written(tmp_path, toml))
    assert orders == read(written(tmp_path, json.dumps(data), "jobs.json"))
    assert [order.name for order in orders] == ["a-red-chair", "a-red-chair-2", "vase"]
    assert [order.settings.seed for order in orders] == [3, 4, 3]
    assert orders[0].settings.azimuth == (-30.0, 30.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no jobs"),
        ("[[job]", "no TOML"),
        ("job = []", "no jobs"),
        ("job = [3]", "no table"),
        ("[[job]]\nseed = 1", "no prompt"),
        ('[[job]]\nprompt = "x"\nsneed = 1', "sneed"),
        ('[[job]]\nprompt = "x"\nseed = -1', "seed"),
        ('[[job]]\nprompt = "x"\nseed = true', "seed"),
        ('[[job]]\nimage = "nowhere.png"', "nowhere.png"),
        ('[[job]]\nprompt = "x"\nrefine = "a.glb"', "refine"),
        ('[[job]]\nprompt = "x"\nrefine = { mode = "remesh" }', "refine.mesh"),
        ('[[job]]\nrefine = { mesh = "jobs.toml" }', "no prompt"),
        ('[[job]]\nprompt = "x"\nrefine = { mesh = "jobs.toml", mode = "paint" }', "mode"),
        ('[[job]]\nprompt = "x"\nname = "../x"', "name"),
        ('extra = 1\n[[job]]\nprompt = "x"', "extra"),
    ],
)
def test_a_bad_job_file_is_one_sentence_and_code_2(
    addon: ModuleType, tmp_path: Path, capfd, text: str, says: str
) -> None:
    path = written(tmp_path, text)
    assert part(addon, "commands").execute([str(path), "-o", str(tmp_path / "out")]) == 2
    told = capfd.readouterr().err.strip().splitlines()
    assert len(told) == 1 and says in told[0]
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_missing_options_are_told(
    addon: ModuleType, tmp_path: Path, capfd
) -> None:
    execute = part(addon, "commands").execute
    assert execute([str(tmp_path / "none.toml"), "-o", str(tmp_path)]) == 2
    assert "can't be read" in capfd.readouterr().err
    assert execute([str(tmp_path / "none.toml")]) == 2
    assert "-o" in capfd.readouterr().err
    assert execute(["--help"]) == 0


def test_nothing_is_overwritten_unasked(addon: ModuleType, tmp_path: Path, capfd) -> None:
    path = written(tmp_path, '[[job]]\nprompt = "x"\nname = "mine"')
    (tmp_path / "mine.blend").write_text("precious")
    assert part(addon, "commands").execute([str(path), "-o", str(tmp_path)]) == 2
    assert "--overwrite" in capfd.readouterr().err
    assert (tmp_path / "mine.blend").read_text() == "precious"


def test_without_a_server_it_says_so(addon: ModuleType, tmp_path, capfd, monkeypatch) -> None:
    commands = part(addon, "commands")
    monkeypatch.setattr(commands, "SERVER_SECONDS", 0.5)
    path = written(tmp_path, '[[job]]\nprompt = "x"')
    options = ["-o", str(tmp_path / "out"), "--connection-file", str(tmp_path / "no.json")]
    assert commands.execute([str(path), *options]) == 2
    assert "is it running?" in capfd.readouterr().err


def test_props_are_made_and_saved_with_all_that_belongs_to_them(
    addon: ModuleType, tmp_path: Path, start_backend, capfd
) -> None:
    backend = start_backend("tiny_worker.py")
    jobs = '[[job]]\nprompt = "a red wooden chair"\nseed = 5\nname = "chair"'
    path, out = written(tmp_path, jobs), tmp_path / "out"
    options = ["-o", str(out), "--connection-file", str(backend.file)]
    code = part(addon, "commands").execute(
        [str(path), *options, "--lods", "2", "--collision", "box"]
    )
    assert code == 0, capfd.readouterr()
    bpy.ops.wm.open_mainfile(filepath=str(out / "chair.blend"))
    chair = bpy.data.objects["chair"]
    assert {"chair_LOD1", "UBX_chair_00"} <= set(bpy.data.objects.keys())
    assert part(addon, "provenance").read(chair)["seed"] == "5"
    images = [image for image in bpy.data.images if image.size[0] > 1]
    assert len(images) == 3 and all(image.packed_file for image in images)


def test_pictures_and_meshes_go_ahead_of_their_jobs(
    addon: ModuleType, tmp_path: Path, start_backend, monkeypatch
) -> None:
    """What the server had at the end is what lay beside the job file."""
    backend = start_backend("fake_worker.py")
    (tmp_path / "old.glb").write_bytes(b"glTF: not looked at by this worker")
    (tmp_path / "lamp.png").write_bytes(b"\x89PNG\r\n\x1a\n: nor this")
    jobs = {
        "job": [
            {"image": "lamp.png"},
            {"prompt": "rusty", "refine": {"mesh": "old.glb", "strength": 0.1}},
        ]
    }
    path = written(tmp_path, json.dumps(jobs), "jobs.json")
    commands, came = part(addon, "commands"), {}

    def kept(server: Any, run: Any, options: Any) -> Path:
        settings = run.info.settings
        names = [file.name for file in run.info.files if file.name.startswith("upload")]
        came[run.order.name] = (settings, b"".join(server.fetch(run.job, names[0])))
        return tmp_path

    monkeypatch.setattr(commands, "_finish", kept)
    options = ["-o", str(tmp_path / "out"), "--connection-file", str(backend.file)]
    assert commands.execute([str(path), *options]) == 0
    lamp, picture = came["lamp"]
    assert lamp.prompt == " " and picture == (tmp_path / "lamp.png").read_bytes()
    rusty, mesh = came["rusty"]
    assert (rusty.refine.mode, rusty.refine.strength) == ("auto", 0.1)
    assert mesh == (tmp_path / "old.glb").read_bytes()


def test_meshes_are_refined_and_saved_whatever_kind_they_are_of(
    addon: ModuleType, tmp_path: Path, start_backend, capfd
) -> None:
    """By the real worker: what it writes is what is read."""
    backend = start_backend("tiny_worker.py", features=["upload", "refine"])
    bpy.ops.mesh.primitive_uv_sphere_add(segments=12, ring_count=8)
    count = len(bpy.context.active_object.data.vertices)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "old.glb"))
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "old.obj"))
    ask = {"prompt": "a red ball", "seed": 3}
    jobs = [{**ask, "name": k, "refine": {"mesh": f"old.{k}"}} for k in ("glb", "obj")]
    path, out = written(tmp_path, json.dumps(jobs), "jobs.json"), tmp_path / "out"
    options = ["-o", str(out), "--connection-file", str(backend.file)]
    code = part(addon, "commands").execute([str(path), *options, "--collision", "box"])
    assert code == 0, capfd.readouterr()
    for kind in ("glb", "obj"):
        bpy.ops.wm.open_mainfile(filepath=str(out / f"{kind}.blend"))
        thing = bpy.data.objects[kind]
        assert len(thing.data.vertices) >= count
        assert thing.dimensions.x == pytest.approx(2, abs=0.7)
        assert part(addon, "provenance").read(thing)["seed"] == "3"
        assert "UBX_" + kind + "_00" in bpy.data.objects
        images = [image for image in bpy.data.images if image.size[0] > 1]
        assert images and all(image.packed_file for image in images)


def test_a_job_that_fails_is_told_and_the_others_go_on(
    addon: ModuleType, tmp_path: Path, start_backend, capfd
) -> None:
    backend = start_backend("fake_worker.py")
    jobs = {"job": [{"prompt": "oom=1"}, {"prompt": "steps=2", "prior": "nonsense"}]}
    path = written(tmp_path, json.dumps(jobs), "jobs.json")
    options = ["-o", str(tmp_path / "out"), "--connection-file", str(backend.file)]
    assert part(addon, "commands").execute([str(path), *options]) == 1
    told = capfd.readouterr().out
    assert "nonsense" in told and "memory" in told
    assert not list((tmp_path / "out").iterdir())
