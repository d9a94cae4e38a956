"""The buttons of Refine Selected, driven through the add-on's own pump with a server of our own."""

from __future__ import annotations

import hashlib
import importlib
import io
import struct
import zlib
from collections.abc import Generator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from refine_objects import OBJECTS, fingerprint, modules, moved, positions

JOBS = ("bridge", "jobs", "session", "refine_jobs", "refine")


class Server:
    """What the add-on sees of a client that is connected: answers come with the next `pump`."""

    def __init__(self, refine: SimpleNamespace):
        self.m, self.refine = refine.messages, refine
        self.events: list[Any] = []
        self.answers: list[Any] = []
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.sent: list[Any] = []
        self.problem, self.serial, self.refuses = "", 0, ""
        features = ("upload", "refine")
        self.welcome = self.m.Welcome("0" * 32, "1" * 32, "test", features=features)

    def pump(self, timeout: float = 0.0, most: int = 32) -> list[Any]:
        answers, self.answers = self.answers, []
        for then, answer in answers:
            then(answer)
        events, self.events = self.events, []
        return events

    def send(self, message: Any, then: Any = lambda _: None) -> None:
        self.sent.append(message)
        if isinstance(message, self.m.Submit):
            answer: Any = self.m.Job(self.info(message.settings, message.job, "queued"))
        elif isinstance(message, self.m.GetFile):
            data = np.frombuffer(self.files[message.name], np.uint8)
            part = data[message.offset : message.offset + 1000]  # in many pieces
            answer = self.m.FileChunk(len(data), message.offset, part)
        else:
            return
        self.answers.append((then, answer))

    def subscribe(self, *jobs: str, everything: bool = False, interval: float = 1.0) -> None:
        self.watched = jobs

    def uploading(self, data: bytes) -> Generator[float, None, str]:
        yield 0.5
        if self.refuses:
            raise self.refine.errors.RemoteError("storage", self.refuses)
        digest = hashlib.sha256(data).hexdigest()
        self.uploads[digest] = data
        return digest

    def unanswered(self) -> list[Any]:
        return []

    def close(self) -> None:
        pass

    # ---- what the server does by itself ----

    @property
    def submitted(self) -> Any:
        return next(m for m in reversed(self.sent) if isinstance(m, self.m.Submit))

    def info(self, settings: Any, job: str, state: str, **more: Any) -> Any:
        return self.m.JobInfo(job, state, settings, **more)

    def news(self, state: str, **more: Any) -> None:
        self.serial += 1
        info = self.info(self.submitted.settings, self.submitted.job, state, **more)
        self.events.append(self.m.News(self.serial, info))

    def mesh(self, canonical: np.ndarray, faces: np.ndarray) -> None:
        self.serial += 1
        quantised = self.refine.preview.quantise(canonical)
        topology = self.refine.preview.topology_of(faces)
        self.events.append(
            self.m.Mesh(
                self.serial,
                self.submitted.job,
                "mesh",
                1,
                topology,
                len(canonical),
                positions=quantised,
                faces=faces,
            )
        )

    def finish(self, result: Any) -> None:
        file = io.BytesIO()
        self.refine.mesh_file.write_mesh(file, result)
        self.files = {"refined.npz": file.getvalue(), "prop.glb": b"?"}
        for name, color in (("albedo", (255, 0, 0)), ("orm", (255, 128, 0)), ("normal", None)):
            self.files[f"{name}.png"] = png(color or (128, 128, 255))
        files = tuple(self.m.FileInfo(name, len(data)) for name, data in self.files.items())
        self.news("done", files=files)


def png(color: tuple[int, int, int], side: int = 4) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + end

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(color) * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def refine(addon: ModuleType) -> Iterator[SimpleNamespace]:
    found = modules(addon)
    for name in JOBS:
        setattr(found, name, importlib.import_module(f"{addon.__name__}.{name}"))
    wire = importlib.import_module(f"{addon.__name__}.wire")
    found.messages, found.errors, found.preview = wire.messages, wire.errors, wire.preview
    found.jobs.infos.clear()
    found.refine_jobs.forget_all()
    found.live.forget_all()
    yield found
    found.session.disconnect()
    for _ in range(3):
        found.bridge.pump()


@pytest.fixture
def server(refine: SimpleNamespace) -> Server:
    server = Server(refine)
    state = refine.session.now
    state.client, state.link, state.welcome = server, "up", server.welcome
    state.sentence = ""
    return server


def ready(name: str, prompt: str = "a rusty lamp") -> bpy.types.Object:
    thing = OBJECTS[name]()
    bpy.ops.object.select_all(action="DESELECT")
    thing.select_set(True)
    bpy.context.view_layer.objects.active = thing
    bpy.context.scene.propsmith.prompt = prompt
    return thing


def pump(refine: SimpleNamespace, times: int = 40) -> None:
    for _ in range(times):
        refine.bridge.pump()


def sent_mesh(server: Server) -> Any:
    (data,) = server.uploads.values()
    return server.refine.mesh_file.read_mesh(io.BytesIO(data))


@pytest.mark.parametrize("text", ["rescale=0,5", "x"])
def test_what_is_no_setting_is_one_sentence(
    refine: SimpleNamespace, server: Server, text: str
) -> None:
    thing = ready("mirrored")
    before, meshes = fingerprint(thing), len(bpy.data.meshes)
    bpy.context.scene.propsmith.distillation_settings = text
    with pytest.raises(RuntimeError, match="under Its Settings"):
        bpy.ops.propsmith.refine()
    pump(refine)
    assert fingerprint(thing) == before and len(bpy.data.meshes) == meshes
    assert thing.propsmith_refine.state == "NONE"
    assert not refine.jobs.infos and not server.uploads


def test_from_the_button_to_b(refine: SimpleNamespace, server: Server) -> None:
    thing = ready("several_materials")
    before, a_mesh = fingerprint(thing), thing.data
    bpy.context.scene.propsmith_refine.group = "top"
    bpy.context.scene.propsmith_refine.strength = 0.25
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    wish = server.submitted.settings
    assert wish.prompt == "a rusty lamp"
    assert (wish.refine.mode, wish.refine.strength, wish.refine.masked) == ("auto", 0.25, True)
    assert wish.refine.mesh in server.uploads
    assert server.watched == (server.submitted.job,)
    file = sent_mesh(server)
    reading = refine.live.reading_of(server.submitted.job, thing.propsmith_refine)
    assert np.array_equal(file.vertices, reading.file.vertices) and file.mask is not None

    wave = moved(refine, reading, 0.05).vertices
    place = refine.read.canonical_of(reading)
    server.news("running")
    server.mesh((wave - place.center) * place.scale, file.faces)
    pump(refine)
    shown = reading.frame.to_file(positions(thing.data))
    assert thing.data != a_mesh
    assert np.abs(shown - wave).max() < 4e-5 / place.scale

    result = moved(refine, reading)
    server.finish(result)
    pump(refine)
    assert thing.propsmith_refine.state == "DONE"
    parts = set(before) - {"slots"}  # with a mask the new material gets one of its own
    assert {p: fingerprint(thing)[p] for p in parts} == {p: before[p] for p in parts}
    assert np.abs(positions(thing.data) - result.vertices).max() < 1e-6
    material = thing.material_slots[-1].material
    images = [n.image for n in material.node_tree.nodes if n.type == "TEX_IMAGE"]
    assert [i.colorspace_settings.name for i in images] == ["sRGB", "Non-Color", "Non-Color"]
    assert all(image.packed_file and image.size[0] == 4 for image in images)
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    for name in ("Base Color", "Roughness", "Metallic", "Normal"):
        assert shader.inputs[name].is_linked

    assert bpy.ops.propsmith.refine_ab() == {"FINISHED"}
    assert thing.data == a_mesh
    assert not bpy.ops.propsmith.refine.poll()
    assert bpy.ops.propsmith.refine_apply() == {"FINISHED"}
    assert thing.data != a_mesh
    assert bpy.ops.propsmith.refine.poll()


def test_of_previews_that_come_at_once_the_newest_is_shown(
    refine: SimpleNamespace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write in a tick, none within the reading of messages; the frame is worked out once."""
    thing = ready("mirrored")
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    reading = refine.live.reading_of(server.submitted.job, thing.propsmith_refine)
    place, shown, frames = refine.read.canonical_of(reading), [], []
    write, frame = refine.live.preview, refine.live.canonical_of
    monkeypatch.setattr(refine.live, "preview", lambda *g: (shown.append(g[1]), write(*g))[1])
    monkeypatch.setattr(refine.live, "canonical_of", lambda r: (frames.append(r), frame(r))[1])
    for _ in range(2):
        waves = [moved(refine, reading, amount).vertices for amount in (0.01, 0.02, 0.05)]
        for wave in waves:
            server.mesh((wave - place.center) * place.scale, reading.file.faces)
        before = len(shown)
        refine.bridge.pump()
        assert len(shown) == before
        pump(refine)
    assert len(shown) == 2 and len(frames) == 1
    now = reading.frame.to_file(positions(thing.data))
    assert np.abs(now - waves[-1]).max() < 4e-5 / place.scale


def test_texture_only(refine: SimpleNamespace, server: Server) -> None:
    thing = ready("with_keys_and_armature")
    before = positions(thing.data)
    assert bpy.ops.propsmith.texture_only() == {"FINISHED"}
    pump(refine)
    assert server.submitted.settings.refine.mode == "texture-only"
    reading = refine.live.reading_of(server.submitted.job, thing.propsmith_refine)
    server.finish(reading.file)
    pump(refine)
    assert thing.propsmith_refine.state == "DONE"
    assert positions(thing.data).tobytes() == before.tobytes()


def test_discard_while_it_runs_cancels(refine: SimpleNamespace, server: Server) -> None:
    thing = ready("shared_mesh")
    a_mesh, meshes = thing.data, len(bpy.data.meshes)
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    job = server.submitted.job
    assert bpy.ops.propsmith.refine_discard() == {"FINISHED"}
    assert server.sent[-1] == refine.messages.Cancel(job)
    server.news("cancelled")
    pump(refine)
    assert thing.data == a_mesh and len(bpy.data.meshes) == meshes
    assert refine.record.record_of(thing) is None


@pytest.mark.parametrize("end", ["failed", "gone", "no files", "refused"])
def test_every_end_gives_a_back(refine: SimpleNamespace, server: Server, end: str) -> None:
    thing = ready("mirrored")
    a_mesh, meshes = thing.data, len(bpy.data.meshes)
    server.refuses = "The disk is full: make room." if end == "refused" else ""
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    if end == "failed":
        server.news("failed", error="Out of memory: choose a smaller texture.")
    elif end == "gone":
        server.events.append(refine.messages.Gone(1, server.submitted.job))
    elif end == "no files":
        server.news("done")
    pump(refine)
    assert thing.data == a_mesh and len(bpy.data.meshes) == meshes
    assert refine.record.record_of(thing) is None
    words = {"failed": "Out of memory", "refused": "disk is full", "no files": "no mesh file"}
    assert words.get(end, "does not have") in refine.session.now.sentence


def test_a_result_waits_for_the_end_of_edit_mode(refine: SimpleNamespace, server: Server) -> None:
    thing = ready("quads_and_ngons")
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    reading = refine.live.reading_of(server.submitted.job, thing.propsmith_refine)
    bpy.ops.object.mode_set(mode="EDIT")
    server.finish(moved(refine, reading))
    pump(refine)
    assert thing.mode == "EDIT" and thing.propsmith_refine.state == "RUNNING"
    bpy.ops.object.mode_set(mode="OBJECT")
    refine.refine_jobs.WAIT_SECONDS, kept = 0.0, refine.refine_jobs.WAIT_SECONDS
    try:
        wait_for(refine, lambda: thing.propsmith_refine.state == "DONE")
    finally:
        refine.refine_jobs.WAIT_SECONDS = kept


def wait_for(refine: SimpleNamespace, condition: Any) -> None:
    import time

    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        refine.bridge.pump()


def test_the_saved_file_goes_on(refine: SimpleNamespace, server: Server, tmp_path: Any) -> None:
    thing = ready("mirrored")
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    job = server.submitted.job
    reading = refine.live.reading_of(job, thing.propsmith_refine)
    path = str(tmp_path / "scene.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    assert job not in refine.jobs.followers
    server.finish(moved(refine, reading))
    pump(refine)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert job in refine.jobs.followers  # found by its record
    pump(refine)
    assert bpy.data.objects["Glove"].propsmith_refine.state == "DONE"


def test_the_scene_s_camera_is_looked_through(refine: SimpleNamespace, server: Server) -> None:
    """As Generate does; and the view is relative to the object that is refined."""
    thing = ready("quads_and_ngons")
    bpy.context.scene.propsmith.camera_source = "CAMERA"
    bpy.context.scene.camera = None
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.propsmith.refine()
    assert refine.record.record_of(thing) is None
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (20, 0, 0), (np.pi / 2, 0, np.pi / 2)
    bpy.context.scene.camera = camera
    assert bpy.ops.propsmith.refine() == {"FINISHED"}
    pump(refine)
    settings = server.submitted.settings
    assert settings.favour is not None and settings.elevation is not None
    views = importlib.import_module(f"{refine.jobs.__package__}.camera_views")
    assert settings.favour == views.settings_from(bpy.context, "CAMERA")["favour"]


def test_what_stands_in_the_way_is_said(refine: SimpleNamespace, server: Server) -> None:
    ready("shared_mesh")
    refine.session.now.welcome = refine.messages.Welcome("0" * 32, "1" * 32, "old")
    with pytest.raises(RuntimeError, match="can't refine meshes"):
        bpy.ops.propsmith.refine()
    refine.session.now.link, refine.session.now.sentence = "off", ""
    with pytest.raises(RuntimeError, match="no server"):
        bpy.ops.propsmith.refine()
    bpy.context.scene.propsmith.prompt = " "
    assert not bpy.ops.propsmith.refine.poll()
    assert not bpy.ops.propsmith.refine_ab.poll()


def test_a_new_mesh_says_what_goes(refine: SimpleNamespace) -> None:
    thing = ready("with_keys_and_armature")
    lost = refine.refine.losses(thing, "remesh")
    assert "3 vertex groups" in lost and "3 shape keys" in lost
    assert refine.refine.losses(thing, "auto") == ""
