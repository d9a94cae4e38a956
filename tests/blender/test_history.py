"""History: pages as the server gives them, pictures of props, what can be done with a row."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest


def part(addon: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.{name}")


@pytest.fixture
def world(addon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The add-on with a server of 30 jobs whose answers come at once."""
    messages = part(addon, "wire").messages
    jobs = {
        n: messages.JobInfo(
            f"{n:032x}", "done", messages.Settings(f"prop {n}", seed=n, faces=500 + n), n
        )
        for n in range(1, 31)
    }

    def answer(message: Any, then: Any = lambda _: None) -> None:
        if isinstance(message, messages.ListJobs):
            before = message.before or 31
            found = [jobs[n] for n in sorted(jobs, reverse=True) if n < before]
            then(messages.Jobs(tuple(found[: message.limit]), len(found) > message.limit))
        elif isinstance(message, messages.Delete):
            del jobs[int(message.job, 16)]
            then(messages.Done())

    session = part(addon, "session")
    monkeypatch.setattr(session, "send", answer)
    monkeypatch.setattr(session.now, "link", "up")
    history = part(addon, "history")
    monkeypatch.setattr(history, "known", {})
    return SimpleNamespace(history=history, jobs=jobs, messages=messages, addon=addon)


def rows() -> list[str]:
    return [row.name for row in bpy.context.window_manager.propsmith_history]


def test_pages_come_newest_first_until_there_are_no_more(world: SimpleNamespace) -> None:
    assert bpy.ops.propsmith.history_refresh() == {"FINISHED"}
    assert rows() == [f"prop {n}" for n in range(30, 18, -1)]
    assert bpy.ops.propsmith.history_more() == {"FINISHED"}
    assert bpy.ops.propsmith.history_more() == {"FINISHED"}
    assert rows() == [f"prop {n}" for n in range(30, 0, -1)]
    assert not bpy.ops.propsmith.history_more.poll()
    bpy.ops.propsmith.history_refresh()
    assert len(rows()) == world.history.PAGE


def test_the_panel_keeps_the_first_page_up_to_date(world: SimpleNamespace) -> None:
    """Asked for when it is drawn: once for a connection, and again when a job has ended."""
    history, session = world.history, part(world.addon, "session")
    bridge, jobs = part(world.addon, "bridge"), part(world.addon, "jobs")
    asked: list[Any] = []
    send = session.send
    session.send = lambda message, then: (asked.append(message), send(message, then))
    before = session.now.welcome
    try:
        for name in ("1", "1", "2"):
            session.now.welcome = world.messages.Welcome("0" * 32, name * 32, "test")
            history.keep_up()
            bridge._work(float("inf"))
        assert len(asked) == 2 and len(rows()) == history.PAGE
        jobs.learn(world.messages.JobInfo("e" * 32, "done", world.messages.Settings("new")))
        for _ in range(2):
            history.keep_up()
            bridge._work(float("inf"))
        assert len(asked) == 3
    finally:
        session.now.welcome = before
        jobs.forget("e" * 32)


def test_settings_are_used_again(world: SimpleNamespace) -> None:
    bpy.ops.propsmith.history_refresh()
    assert bpy.ops.propsmith.history_settings(job=f"{25:032x}") == {"FINISHED"}
    panel = bpy.context.scene.propsmith
    assert (panel.prompt, panel.seed, panel.faces) == ("prop 25", 25, 525)
    assert panel.seed_locked


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("remesh", "remesh"), ("keep-topology", "auto"), ("auto", "auto"), ("texture-only", "remesh")],
)
def test_so_are_those_of_a_refinement(world: SimpleNamespace, mode: str, shown: str) -> None:
    refine = world.messages.Refine("a" * 64, mode, 0.125)
    settings = world.messages.Settings("prop 25", refine=refine)
    world.jobs[25] = world.messages.JobInfo(f"{25:032x}", "done", settings, 25)
    bpy.ops.propsmith.history_refresh()
    wishes = bpy.context.scene.propsmith_refine
    wishes.mode = "auto" if shown == mode else "remesh"
    assert bpy.ops.propsmith.history_settings(job=f"{25:032x}") == {"FINISHED"}
    assert (wishes.mode, wishes.strength) == (shown, 0.125)


def test_a_deleted_job_leaves_the_list(world: SimpleNamespace) -> None:
    bpy.ops.propsmith.history_refresh()
    assert bpy.ops.propsmith.history_delete(job=f"{29:032x}") == {"FINISHED"}
    assert "prop 29" not in rows() and "prop 28" in rows()
    assert 29 not in world.jobs


def test_what_can_not_be_done_is_said(world: SimpleNamespace, monkeypatch) -> None:
    with pytest.raises(RuntimeError, match="not in the history"):
        bpy.ops.propsmith.history_settings(job="f" * 32)
    bpy.ops.propsmith.history_refresh()
    with pytest.raises(RuntimeError, match="no prop at the server"):
        bpy.ops.propsmith.history_load(job=f"{30:032x}")
    monkeypatch.setattr(part(world.addon, "session").now, "link", "lost")
    with pytest.raises(RuntimeError, match="no connection"):
        bpy.ops.propsmith.history_refresh()


def test_a_picture_of_the_job_becomes_its_icon(world: SimpleNamespace, tmp_path, monkeypatch):
    file = tmp_path / "red.png"
    image = bpy.data.images.new("red", 8, 4)
    image.pixels.foreach_set(np.tile(np.array([1, 0, 0, 1], np.float32), 32))
    image.filepath_raw, image.file_format = str(file), "PNG"
    image.save()
    messages, pictures = world.messages, part(world.addon, "history_pictures")

    def download(job: str, name: str):
        assert name == "preview.png"
        yield
        return file.read_bytes()

    monkeypatch.setattr(part(world.addon, "jobs"), "download", download)
    files = (messages.FileInfo("prop.glb", 10), messages.FileInfo("preview.png", 90))
    info = messages.JobInfo("ab" * 16, "done", messages.Settings("x"), files=files)
    images = len(bpy.data.images)
    for _ in pictures._load(info):
        pass
    preview = pictures._previews["ab" * 16]
    assert tuple(preview.image_size) == (8, 4)
    for shown in (preview.image_pixels_float, preview.icon_pixels_float):
        assert list(shown)[:4] == pytest.approx([1, 0, 0, 1], abs=0.01)
    assert len(bpy.data.images) == images


def test_a_prop_is_drawn_with_its_colour_and_light(addon: ModuleType, tmp_path: Path) -> None:
    thumbnail = part(addon, "thumbnail")
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
    mesh = bpy.context.active_object.data
    positions = np.array([v.co for v in mesh.vertices], np.float32)
    faces = np.array([p.vertices for p in mesh.polygons])
    red = np.zeros((4, 4, 4), np.float32)
    red[..., 0] = red[..., 3] = 1
    picture = thumbnail.picture(positions, faces, np.zeros((len(faces) * 3, 2)), red)
    side = thumbnail.SIDE
    assert picture.shape == (side, side, 4) and picture.max() <= 1
    seen = picture[..., 3] > 0
    assert seen.mean() == pytest.approx(np.pi / 4 * ((side - 9) / side) ** 2, abs=0.03)
    assert picture[seen][:, 1:3].max() == 0
    # The light comes from above, and row 0 is the bottom.
    top, bottom = picture[side * 3 // 4, side // 2, 0], picture[side // 5, side // 2, 0]
    assert top > bottom > 0


def test_a_prop_without_a_surface_is_an_empty_picture(addon: ModuleType) -> None:
    thumbnail = part(addon, "thumbnail")
    nothing = thumbnail.picture(np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros((3, 2)), None)
    assert not nothing.any()
