"""Refinements and the server: the mesh goes up, previews and results come down.

In: a mesh file and settings; then what the server says of the job, through jobs.py. Out: calls of
refine_live. Nothing here waits: what takes longer is a generator in the bridge's queue.

Jobs are found in the objects' records, so a refinement goes on after a reconnection, and when the
saved file is opened again. A result that its object can't take yet, in edit mode or while the user
drags something, is tried again until it can.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import bpy

from . import bridge, jobs, provenance, runtime, session, submission, undo, uploads
from . import refine_live as live
from . import refine_record as records
from .refine_material import new_material
from .refine_read import Reading
from .wire import errors, mesh_file, messages, preview

log = logging.getLogger(__name__)
RESULT = "refined.npz"
PICTURES = {"albedo.png": "albedo", "orm.png": "orm", "normal.png": "normal"}
WAIT_SECONDS = 0.3  # between two tries to give a result to its object
_file = 0  # counts files that were opened: work for another one ends


@dataclass
class Follower:
    """What jobs.py tells of one refinement."""

    job: str
    over: bool = False
    view: preview.MeshView | None = None  # the newest
    _working: bool = False

    def info(self, info: messages.JobInfo) -> None:
        if self.over or info.state not in messages.OVER:
            return
        self.over = True
        if info.state == "done":
            bridge.later(bring(self.job, [file.name for file in info.files]))
        else:
            bridge.later(give_up(self.job, info.error))

    def mesh(self, view: preview.MeshView, mesh: messages.Mesh) -> None:
        self.view = view
        if not self._working:
            self._working = True
            bridge.later(self._show())

    def _show(self) -> Generator[object, None, None]:
        """The newest, in a tick of its own."""
        try:
            yield session.WAITING
            thing = live.owner_of(self.job)
            if thing is None or self.over or self.view is None:
                return
            canonical = live.canonical_of_job(self.job, thing.propsmith_refine)
            yield session.WAITING
            if not self.over:
                live.preview(self.job, self.view.positions, canonical)
        finally:
            self._working = False

    def texture(self, texture: messages.Texture) -> None:
        """Comes with the files."""

    def gone(self) -> None:
        if not self.over:
            self.over = True
            bridge.later(give_up(self.job, "The server does not have the refinement any more."))


def settings_for(
    settings: messages.Settings, digest: str, mode: str, strength: float, masked: bool
) -> messages.Settings:
    """The panel's settings, for the mesh that was uploaded."""
    wish = messages.Refine(digest, mode, round(strength, 4), masked)
    faces = settings.faces if mode == "remesh" else None
    return replace(settings, refine=wish, faces=faces, height=None)


def file_bytes(reading: Reading) -> bytes:
    """The mesh file. Raises MeshFileError where it would be larger than a server takes."""
    file = io.BytesIO()
    mesh_file.write_mesh(file, reading.file)
    if file.tell() > messages.MOST_UPLOAD:
        raise mesh_file.MeshFileError(
            f"The mesh and its texture take {file.tell() >> 20} MiB, more than the "
            f"{messages.MOST_UPLOAD >> 20} MiB that can be sent: use a smaller texture."
        )
    return file.getvalue()


def submit(
    job: str, data: bytes, settings: messages.Settings, options: dict[str, Any]
) -> Generator[object, None, None]:
    """For `later`: the upload, then the job. options: mode, strength, masked of `settings_for`.

    Where the server takes none of it the user is told why, and A comes back.
    """
    try:
        digest = yield from uploads.send(data)
        problem = submission.why_not(settings)  # of another server, perhaps
    except errors.RemoteError as error:
        problem = str(error)
    if problem:
        jobs.forget(job)
        yield from give_up(job, problem)
        return
    if not jobs.submit(job, settings_for(settings, digest, **options)):
        yield from give_up(job, "")
        return
    jobs.follow(job, Follower(job))
    runtime.choose(job)


def find() -> None:
    """Follows the jobs of all objects whose refinement runs; jobs.py asks for it."""
    for thing in records.running():
        job = thing.propsmith_refine.job
        if job not in jobs.followers and not live.was_taken(job):
            jobs.follow(job, Follower(job))


def bring(job: str, names: list[str]) -> Generator[object, None, None]:
    """For `later`: the files of a finished job, then the result on its object."""
    files: dict[str, bytes] = {}
    try:
        for name in (RESULT, *PICTURES):
            if name in names:
                files[name] = yield from jobs.download(job, name)
        result = mesh_file.read_mesh(io.BytesIO(files.get(RESULT, b"")))
    except (errors.RemoteError, mesh_file.MeshFileError) as error:
        yield from give_up(job, str(error))
        return
    pictures = {kind: files[name] for name, kind in PICTURES.items() if name in files}

    def dress(layer: str) -> bpy.types.Material:
        thing = live.owner_of(job)
        return new_material(f"{thing.name} refined" if thing else "Refined", pictures, layer)

    def put() -> bool:
        thing, info = live.owner_of(job), jobs.infos.get(job)
        done = live.finish(job, result, dress if pictures else None)
        if done and thing is not None and info is not None:
            provenance.stamp_refined(thing.propsmith_refine.b_mesh, info)
        return done

    yield from _until(put)
    jobs.unfollow(job)
    undo.push("Refine")


def give_up(job: str, sentence: str) -> Generator[object, None, None]:
    """For `later`: A again, and the reason in the panel where there is one."""
    if sentence:
        session.tell(sentence)
    known = any(records.running(job))
    yield from _until(lambda: live.ended(job))
    jobs.unfollow(job)
    if known:
        undo.push("Refinement ended")


def _until(done: Callable[[], bool]) -> Generator[object, None, None]:
    """Tries again and again, while the user does nothing that it could break; ends with the file.

    What changes datablocks must get its undo step in the same tick, or an undo in between could
    take away what an object already points at.
    """
    began, due = _file, 0.0
    while began == _file:
        if time.monotonic() >= due and undo.is_calm():
            if done():
                return
            due = time.monotonic() + WAIT_SECONDS
        yield session.WAITING


def forget_all() -> None:
    """Before another file comes: its own records say what runs there."""
    global _file
    _file += 1
    live.forget_all()
    for job, follower in list(jobs.followers.items()):
        if isinstance(follower, Follower):
            jobs.unfollow(job)
