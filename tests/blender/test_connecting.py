"""Connections that begin late, end early, or are made anew: no job and no file is lost by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from streaming import generate, moves, state, streaming


def picture(folder: Path) -> Path:
    """A PNG of several pieces on the wire."""
    image = bpy.data.images.new("noise", 1024, 1024)
    values = np.random.default_rng(0).random(4 << 20, np.float32)
    image.pixels.foreach_set(values)
    image.filepath_raw, image.file_format = str(folder / "noise.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return folder / "noise.png"


def test_generated_before_there_is_a_server_it_is_made_then(
    core: SimpleNamespace, tmp_path: Path
) -> None:
    chosen = core.preferences.preferences()
    chosen.connection_file = str(tmp_path / "nowhere.json")
    core.session.connect()
    thing = generate("steps=30 pause=0.05 vertices=300")
    for _ in range(5):
        core.bridge.pump()
    assert "start the server" in core.session.now.sentence
    chosen.connection_file = str(core.backend.file)
    core.session.connect()  # as Start Server and Connect do
    core.wait(lambda: thing.propsmith.role == "DONE", "the prop")
    assert len(thing.data.vertices) == 10


def test_the_new_job_is_the_chosen_one_of_the_queue(core: SimpleNamespace) -> None:
    seen = bpy.context.window_manager.propsmith
    first, second = (generate("steps=10000 pause=0.05").propsmith.job for _ in range(2))
    core.wait(lambda: len(seen.jobs) == 2, "the queue")
    core.wait(lambda: seen.jobs[seen.active].job == second, "the newest row")
    seen.active = next(n for n, row in enumerate(seen.jobs) if row.job == first)
    step = core.jobs.infos[first].step
    core.wait(lambda: core.jobs.infos[first].step > step + 5, "news")
    assert seen.jobs[seen.active].job == first


def test_a_picture_is_sent_though_the_user_connects_anew(
    core: SimpleNamespace, tmp_path: Path
) -> None:
    bpy.context.scene.propsmith.image = str(picture(tmp_path))
    thing = generate("steps=3 vertices=300")
    for _ in range(4):
        core.bridge.pump()
    assert core.jobs.infos[thing.propsmith.job].settings.image is None  # it is on its way
    core.session.disconnect()
    core.bridge.pump()
    core.session.connect()
    core.wait(lambda: thing.propsmith.role == "DONE", "the prop")
    assert core.jobs.infos[thing.propsmith.job].settings.image


def test_a_picture_is_sent_though_the_server_dies(core: SimpleNamespace, tmp_path: Path) -> None:
    bpy.context.scene.propsmith.image = str(picture(tmp_path))
    thing = generate("steps=3 vertices=300")
    for _ in range(4):
        core.bridge.pump()
    core.backend.kill()
    core.backend.start()
    core.wait(lambda: thing.propsmith.role == "DONE", "the prop")
    assert core.jobs.infos[thing.propsmith.job].settings.image


def test_a_download_goes_on_though_the_user_connects_anew(core: SimpleNamespace) -> None:
    thing = streaming(core, "steps=30 pause=0.05 vertices=300 bytes=1000000")
    core.wait(lambda: state(core, thing.propsmith.job) == "done", "the job's end")
    assert thing.propsmith.role == "LIVE"  # the file is on its way
    core.session.connect()
    core.wait(lambda: thing.propsmith.role == "DONE", "the prop")


def test_a_job_is_followed_after_the_user_connects_anew(core: SimpleNamespace) -> None:
    thing = streaming(core)
    core.session.disconnect()
    core.session.connect()
    core.wait(core.session.is_up, "the connection")
    moves(core, thing, "previews of the same job")


def test_a_picture_alone_makes_a_prop(core: SimpleNamespace, tmp_path: Path) -> None:
    panel = bpy.context.scene.propsmith
    panel.image, panel.image_elevation = str(picture(tmp_path)), 30
    thing = generate("")
    assert thing.name == "A picture"
    seen = bpy.context.window_manager.propsmith
    core.wait(lambda: [row.name for row in seen.jobs] == ["A picture"], "its row")
    core.wait(lambda: state(core, thing.propsmith.job) == "done", "the job's end")
    settings = core.jobs.infos[thing.propsmith.job].settings
    assert (settings.prompt, settings.image_elevation) == (" ", 30) and settings.image
    panel.image, panel.prompt = "", "something else"
    core.settings.show_settings(bpy.context.scene, settings)
    assert panel.prompt == "" and panel.image == str(tmp_path / "noise.png")


@pytest.mark.parametrize(("features", "words"), [((), "no pictures"), (("image",), "a prompt")])
def test_an_older_server_takes_no_picture_alone(
    core: SimpleNamespace, tmp_path: Path, features: tuple[str, ...], words: str
) -> None:
    core.session.now.welcome = replace(core.session.now.welcome, features=features)
    bpy.context.scene.propsmith.image = str(picture(tmp_path))
    with pytest.raises(RuntimeError, match=words):
        generate("")
    assert not bpy.data.objects and not core.jobs.infos


def test_settings_of_a_distillation_go_to_the_server_and_come_back(core: SimpleNamespace) -> None:
    """Where it takes them; an older one is told of nothing that it can't read."""
    panel = bpy.context.scene.propsmith
    panel.distillation, panel.distillation_settings = "sds", "rescale=0.5, weighting=x0"
    thing = generate("a chair")
    core.wait(lambda: state(core, thing.propsmith.job) == "done", "the job's end")
    settings = core.jobs.infos[thing.propsmith.job].settings
    assert settings.distillation_settings == ("rescale=0.5", "weighting=x0")
    panel.distillation_settings = ""
    core.settings.show_settings(bpy.context.scene, settings)
    assert panel.distillation_settings == "rescale=0.5, weighting=x0"
    core.session.now.welcome = replace(core.session.now.welcome, features=())
    with pytest.raises(RuntimeError, match="no settings of a distillation"):
        generate("a chair")


NO_SETTINGS = {"rescale=0,5": "'5' under Its Settings", "x": "'x' under Its Settings"}
NO_SETTINGS |= {"weighting=" + "x" * 200: "3 to 200 characters", "=1": "under Its Settings"}


@pytest.mark.parametrize("text", NO_SETTINGS)
def test_what_is_no_setting_is_one_sentence(core: SimpleNamespace, text: str) -> None:
    bpy.context.scene.propsmith.distillation_settings = text
    with pytest.raises(RuntimeError, match=NO_SETTINGS[text]):
        generate("a chair")
    assert not bpy.data.objects and not core.jobs.infos and not core.jobs.followers


def test_what_no_server_takes_waits_for_none(core: SimpleNamespace) -> None:
    """Else each later connection would begin with it."""
    core.session.disconnect()
    job, settings = core.jobs.new_id(), core.messages.Settings("a", distillation_settings=("x",))
    with pytest.raises(Exception, match="3 to 200 characters"):
        core.jobs.submit(job, settings)
    assert not core.jobs.infos and not core.session.now.unsent
    core.session.connect()
    core.wait(core.session.is_up, "a connection")


@pytest.mark.parametrize("older", [True, False])
def test_settings_wait_until_it_is_known_who_takes_them(core: SimpleNamespace, older: bool) -> None:
    """An older server would make the prop without them, and not say so."""
    core.session.disconnect()
    core.backend.kill()
    core.backend.options |= {"features": ["upload"]} if older else {}
    panel = bpy.context.scene.propsmith
    panel.distillation, panel.distillation_settings = "sds", "rescale=0.5"
    thing = generate("steps=3 vertices=300")
    job, submitted = thing.propsmith.job, []
    for _ in range(3):
        core.bridge.pump()
    assert state(core, job) == "queued"
    core.jobs.listeners.append(submitted.append)
    try:
        core.backend.start()
        if older:
            core.wait(lambda: not bpy.data.objects, "the empty object goes")
            assert "no settings of a distillation" in core.session.now.sentence
            assert not core.jobs.infos and not submitted
        else:
            core.wait(lambda: state(core, job) == "done", "the job's end")
            assert core.jobs.infos[job].settings.distillation_settings == ("rescale=0.5",)
    finally:
        core.jobs.listeners.remove(submitted.append)


def test_a_job_that_is_deleted_while_it_waits_is_not_made(core: SimpleNamespace) -> None:
    core.session.disconnect()
    bpy.context.scene.propsmith.distillation_settings = "rescale=0.5"
    job = generate("steps=3 vertices=300").propsmith.job
    core.session.disconnect()
    assert bpy.ops.propsmith.delete(job=job) == {"FINISHED"}
    bpy.context.scene.propsmith.distillation_settings = ""
    other = generate("steps=3 vertices=300").propsmith.job  # it connects
    core.wait(lambda: state(core, other) == "done", "the other one")
    assert set(core.jobs.infos) == {other} and not core.jobs.unheard


def test_a_refused_job_is_told_and_takes_its_empty_object_away(core: SimpleNamespace) -> None:
    bpy.context.scene.propsmith.prior = "nonsense"
    thing = generate("a chair")
    job = thing.propsmith.job
    core.wait(lambda: state(core, job) == "failed", "the refusal")
    assert "nonsense" in core.session.now.sentence
    core.wait(lambda: not bpy.data.objects, "that the object is gone")
    assert not bpy.data.meshes and not bpy.data.materials and job not in core.jobs.followers
    row = bpy.context.window_manager.propsmith.jobs
    core.wait(lambda: [r.state for r in row] == ["refused"], "its row")
    with pytest.raises(RuntimeError, match="refused"):
        bpy.ops.propsmith.resume(job=job)
    assert bpy.ops.propsmith.delete(job=job) == {"FINISHED"}
    core.wait(lambda: not len(row), "that it is gone")


@pytest.mark.parametrize("users", ["modifier", "child", "shape"])
def test_an_object_that_the_user_has_begun_to_use_stays(core: SimpleNamespace, users: str) -> None:
    bpy.context.scene.propsmith.prior = "nonsense"
    thing = generate("a chair")
    if users == "modifier":
        thing.modifiers.new("Mine", "SUBSURF")
    elif users == "child":
        child = bpy.data.objects.new("Mine", None)
        child.parent = thing
    else:
        thing.data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    core.wait(lambda: state(core, thing.propsmith.job) == "failed", "the refusal")
    for _ in range(5):
        core.bridge.pump()
    assert thing.name in bpy.data.objects and thing.propsmith.role == "DONE"


def test_nothing_is_written_while_blender_renders(
    core: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = streaming(core)
    monkeypatch.setattr(core.objects, "is_rendering", lambda: True)
    core.bridge.pump()
    before = thing.data.propsmith.written
    step = core.jobs.infos[thing.propsmith.job].step
    core.wait(lambda: core.jobs.infos[thing.propsmith.job].step > step + 20, "steps")
    assert thing.data.propsmith.written == before
    monkeypatch.undo()
    moves(core, thing, "previews after the render")


def test_cancelled_before_the_server_heard_of_it_nothing_is_made(core: SimpleNamespace) -> None:
    thing = generate("steps=10000 pause=0.02")
    job = thing.propsmith.job
    assert bpy.ops.propsmith.cancel(job=job) == {"FINISHED"}  # its submission is under way
    assert thing.propsmith.role == "DONE"
    core.wait(lambda: job not in core.jobs.unheard, "the answer")
    core.wait(lambda: core.jobs.infos[job].finished is not None, "what the server says")
    assert state(core, job) == "cancelled"


def test_cancelled_while_its_picture_is_sent_it_is_not_submitted(
    core: SimpleNamespace, tmp_path: Path
) -> None:
    bpy.context.scene.propsmith.image = str(picture(tmp_path))
    job = generate("steps=3").propsmith.job
    core.bridge.pump()
    assert bpy.ops.propsmith.cancel(job=job) == {"FINISHED"}
    core.wait(lambda: job not in core.jobs.unheard, "the end of the upload")
    answers: list[object] = []
    core.session.send(core.messages.GetJob(job), answers.append)
    core.wait(lambda: answers, "an answer")
    assert answers[0].code == "unknown_job" and state(core, job) == "cancelled"
