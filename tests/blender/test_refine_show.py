"""Show and Bring into Scene of refine jobs: the object stays theirs, files come in beside."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from refine_objects import OBJECTS, moved, positions
from test_refine_jobs import Server, pump, ready, refine, server

__all__ = ["refine", "server"]  # fixtures


def started(refine: SimpleNamespace, server: Server, name: str = "mirrored") -> bpy.types.Object:
    thing = ready(name)
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    return thing


def test_a_running_refinement_is_selected_and_goes_on(
    refine: SimpleNamespace, server: Server
) -> None:
    thing = started(refine, server)
    job, count = server.submitted.job, len(bpy.data.objects)
    follower = refine.jobs.followers[job]
    server.news("running")
    pump(refine)
    thing.select_set(False)
    assert bpy.ops.propsmith.show(job=job) == {"FINISHED"}
    assert refine.jobs.followers[job] is follower and len(bpy.data.objects) == count
    assert thing.select_get() and bpy.context.view_layer.objects.active == thing
    reading = refine.live.reading_of(job, thing.propsmith_refine)
    server.finish(moved(refine, reading))
    pump(refine)
    assert thing.propsmith_refine.state == "DONE"


def test_of_an_object_that_is_gone_the_result_comes_in_beside(
    refine: SimpleNamespace, server: Server
) -> None:
    thing = started(refine, server)
    job = server.submitted.job
    result = moved(refine, refine.live.reading_of(job, thing.propsmith_refine))
    bpy.data.objects.remove(thing)
    server.news("running")
    pump(refine)
    with pytest.raises(RuntimeError, match="not in this file"):
        bpy.ops.propsmith.show(job=job)
    server.finish(result)
    pump(refine)
    before = set(bpy.data.objects)
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert bpy.ops.propsmith.history_load(job=job) == {"FINISHED"}
    pump(refine)
    (new,) = set(bpy.data.objects) - before
    assert new.name == "Refined: a rusty lamp" and tuple(new.location) == (1, 2, 3)
    assert np.abs(positions(new.data) - result.vertices).max() < 1e-6
    images = [n.image for n in new.active_material.node_tree.nodes if n.type == "TEX_IMAGE"]
    assert len(images) == 3 and all(image.packed_file for image in images)


def test_an_applied_refinement_has_its_origin_and_can_be_made_again(
    refine: SimpleNamespace, server: Server
) -> None:
    thing = ready("mirrored")
    for owner in (thing, thing.data):
        owner["propsmith_origin"] = {"prompt": "what it was", "job": "0" * 32}
    started_from = thing.data
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    job, settings = server.submitted.job, server.submitted.settings
    server.finish(moved(refine, refine.live.reading_of(job, thing.propsmith_refine)))
    pump(refine)
    # Not before it is applied: it may be thrown away.
    assert thing["propsmith_origin"]["prompt"] == "what it was"
    assert bpy.ops.propsmith.refine_apply() == {"FINISHED"}
    provenance = importlib.import_module(f"{refine.jobs.__package__}.provenance")
    for owner in (thing, thing.data):
        origin = owner["propsmith_origin"].to_dict()
        assert (origin["prompt"], origin["job"]) == ("a rusty lamp", job)
        assert origin["licence"] and origin["prior"] == "embedded" and origin["server"]
        assert provenance.settings_of(origin) == settings
    assert started_from["propsmith_origin"]["prompt"] == "what it was"
    thing.select_set(False)
    assert bpy.ops.propsmith.show(job=job) == {"FINISHED"} and thing.select_get()

    count = len(bpy.data.objects)
    assert bpy.ops.propsmith.reproduce() == {"FINISHED"}
    pump(refine)
    assert server.submitted.settings == settings and server.submitted.job != job
    assert len(bpy.data.objects) == count
    files = tuple(refine.messages.FileInfo(n, len(d)) for n, d in server.files.items())
    server.news("done", files=files)
    pump(refine)
    assert len(bpy.data.objects) == count + 1 and not refine.jobs.followers
    assert bpy.context.active_object["propsmith_origin"]["job"] == server.submitted.job


def test_made_again_it_asks_an_older_server_for_nothing_new(
    refine: SimpleNamespace, server: Server
) -> None:
    """Connected or not yet."""
    show = importlib.import_module(f"{refine.jobs.__package__}.refine_show")
    wish = refine.messages.Refine("a" * 64, "auto")
    settings = refine.messages.Settings("a", refine=wish, distillation_settings=("rescale=0.5",))
    with pytest.raises(refine.errors.WireError, match="no settings of a distillation"):
        show.again(settings)
    state = refine.session.now
    state.link, state.welcome = "off", None
    job = show.again(settings)
    assert refine.jobs.infos[job].state == "queued"
    state.link, state.welcome = "up", server.welcome
    pump(refine)
    assert "no settings of a distillation" in state.sentence
    assert not refine.jobs.infos and not refine.jobs.followers
    assert not any(isinstance(message, refine.messages.Submit) for message in server.sent)


@pytest.mark.parametrize("kind", ["glb", "obj", "ply"])
def test_files_of_other_kinds_are_read_by_blender(
    refine: SimpleNamespace, server: Server, kind: str, tmp_path: Any
) -> None:
    thing = started(refine, server)
    other = OBJECTS["several_materials"]()
    bpy.ops.object.select_all(action="DESELECT")
    other.select_set(True)
    bpy.context.view_layer.objects.active = other
    path = str(tmp_path / f"refined.{kind}")
    if kind == "glb":
        bpy.ops.export_scene.gltf(filepath=path, use_selection=True)
    else:
        export = bpy.ops.wm.obj_export if kind == "obj" else bpy.ops.wm.ply_export
        export(filepath=path, export_selected_objects=True)
    low, high = positions(other.data).min(), positions(other.data).max()
    for gone in (thing, other):
        bpy.data.objects.remove(gone)
    server.files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    files = [refine.messages.FileInfo(n, len(d)) for n, d in server.files.items()]
    server.news("done", files=(*files, refine.messages.FileInfo("preview.png", 1)))
    pump(refine, 400)
    before = set(bpy.data.objects)
    assert bpy.ops.propsmith.show(job=server.submitted.job) == {"FINISHED"}
    pump(refine, 4000)
    (new,) = set(bpy.data.objects) - before
    at = positions(new.data)
    assert at.min() == pytest.approx(low, abs=1e-4) and at.max() == pytest.approx(high, abs=1e-4)


def test_files_that_are_gone_or_broken_are_one_sentence(
    refine: SimpleNamespace, server: Server
) -> None:
    thing = started(refine, server)
    job = server.submitted.job
    bpy.data.objects.remove(thing)
    server.news("done")
    pump(refine)
    with pytest.raises(RuntimeError, match="not on the server any more"):
        bpy.ops.propsmith.show(job=job)
    server.files = {"refined.glb": b"glTF?"}
    server.news("done", files=(refine.messages.FileInfo("refined.glb", 5),))
    pump(refine)
    count = len(bpy.data.objects)
    assert bpy.ops.propsmith.show(job=job) == {"FINISHED"}
    pump(refine)
    assert refine.session.now.sentence.startswith("Blender can't open 'refined.glb'")
    assert len(bpy.data.objects) == count
