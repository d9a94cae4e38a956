"""A prop of this scene that follows its job: previews as they come, and in the end the real thing.

In: what jobs.py hands to a follower. Out: the object that shows it, always found anew. Whatever the
user does with the object goes before: in edit mode it waits, a deleted one is left deleted (an undo
brings it back, up to date), a changed shape is theirs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from typing import Any

import bpy

from . import bridge, finished, importer, jobs, objects, session, solid, undo
from .settings import title_of
from .wire import messages, preview

log = logging.getLogger(__name__)
TEXTURES = ("albedo", "orm", "normal")
TEXTURE_SECONDS = 3.0  # that a finished job's textures may take where its file can't be had
Slices = Generator[Any, None, Any]
_placed: set[str] = set()  # uids whose job's end has been shown: an undo must not bring it again
on_finished: list[Callable[[bpy.types.Object, messages.JobInfo, dict[str, Any]], None]] = []


class Prop:
    """A follower of jobs.py. uid: of the object."""

    def __init__(self, job: str, uid: str):
        self.job, self.uid = job, uid
        self.view = preview.MeshView()
        self.textures: dict[str, messages.Texture] = {}
        self.behind = False  # the object shows something older than `view`
        self._working = self._ending = False

    # ---- what jobs.py calls ----

    def info(self, info: messages.JobInfo) -> None:
        if info.state == "done" and not self._ending:
            self._ending = True
            bridge.later(self._finish(info))
        elif _ended_early(info):
            self._keep_as_it_is()

    def mesh(self, view: preview.MeshView, mesh: messages.Mesh) -> None:
        self.view = view
        self.show()

    def texture(self, texture: messages.Texture) -> None:
        self.textures[texture.name] = texture

    def gone(self) -> None:
        self._keep_as_it_is()

    # ---- previews ----

    def show(self) -> None:
        """Soon the object shows `view`."""
        self.behind = True
        if not self._working and not self._ending:
            self._working = True
            bridge.later(self._follow())

    def _follow(self) -> Slices:
        try:
            while self.behind and not self._ending:
                self.behind = False
                yield from self._put()
        finally:
            self._working = False

    def _put(self) -> Slices:
        view = self.view
        positions, faces, topology = view.positions, view.faces, view.topology
        colors, uvs = view.colors, view.uvs
        thing = objects.find(self.uid)
        if thing is None or not topology:
            return
        positions = importer.placed(positions, thing.propsmith.height)
        yield
        new = None
        thing = objects.find(self.uid)
        if thing is not None and not importer.fits(thing.data, topology):
            new = yield from importer.geometry(positions, faces, topology, uvs, colors)
            yield session.WAITING  # writing takes a tick of its own
        while (thing := objects.find(self.uid)) is not None and objects.is_busy(thing):
            yield session.WAITING
        if thing is None or not self.is_free(thing, bool(new)):
            return
        if new is not None:
            importer.write(thing.data, new)
        elif importer.fits(thing.data, topology):
            wide = None if colors is None else importer.linear(colors)
            importer.move(thing.data, positions, wide)
        else:
            self.behind = True  # an undo came between
            return

    def is_free(self, thing: bpy.types.Object, anew: bool) -> bool:
        """Whether it may be written to; else it is the user's from now on."""
        if importer.is_ours(thing.data) and not (anew and importer.has_more(thing)):
            return True
        thing.propsmith.role = "YOURS"
        jobs.unfollow(self.job)
        session.tell(
            f"'{thing.name}' was changed by hand, so it is yours now: the prop itself is made on, "
            "and Show in the queue brings it in beside."
        )
        return False

    # ---- the end ----

    def _finish(self, info: messages.JobInfo) -> Slices:
        result = yield from finished.fetch(info, self._streamed)
        if result is None:
            self._ending = False
            session.tell(f"The files of '{title_of(info.settings)[:60]}' can't be had any more.")
            return
        images: dict[str, str] = {}
        while True:
            yield from finished.load_images(self.job, result, images)
            thing = objects.find(self.uid)
            there = all(name in bpy.data.images for name in images.values())
            if thing is None or (there and undo.is_calm() and not objects.is_busy(thing)):
                break
            yield session.WAITING
        if thing is not None and self.is_free(thing, True):
            finished.place(thing, self.job, result, images)
            _placed.add(self.uid)
            solid.show_textures()
            for listener in on_finished:
                listener(thing, info, result.provenance)
            undo.push(f"Propsmith: {thing.name}"[:60])
            undo.push_pending()  # in this tick: see objects.make
        jobs.unfollow(self.job)

    def _streamed(self) -> Slices:
        """What came over the stream, where the job's file is not to be had."""
        begun = time.monotonic()
        while len(self.textures) < 3 and time.monotonic() - begun < TEXTURE_SECONDS:
            yield session.WAITING
        thing = objects.find(self.uid)
        height = thing.propsmith.height if thing else 0.0
        positions = importer.placed(self.view.positions, height)
        pixels = {name: texture.pixels for name, texture in self.textures.items()}
        return positions, self.view.faces, self.view.uvs, pixels

    def _keep_as_it_is(self) -> None:
        thing = objects.find(self.uid)
        if thing is not None:
            thing.propsmith.role = "DONE"
            bridge.later(close(self.uid))
        jobs.unfollow(self.job)


def _ended_early(info: messages.JobInfo) -> bool:
    return info.state == "cancelled" or jobs.is_refused(info)


def end_quietly() -> None:
    """After an undo or redo: what came back with it and whose job ended early meanwhile stays as it
    is. A step of its own would take away what the user can still redo."""
    for thing in objects.all_live():
        info = jobs.infos.get(thing.propsmith.job)
        if info and _ended_early(info) and thing.propsmith.uid not in _placed:
            thing.propsmith.role = "DONE"


def close(uid: str) -> Slices:
    """For `later`: a job ended early. Its object stays with the last preview; one that has never
    shown anything goes. Either is an undo step; what the user then gets back by an undo stays."""
    while not undo.is_calm():
        yield session.WAITING
    if uid in _placed or not objects.has(uid):
        return
    _placed.add(uid)
    undo.push("Propsmith: Nothing Made" if objects.remove_bare(uid) else "Propsmith: Ended Early")
    undo.push_pending()


def is_over(thing: bpy.types.Object) -> bool:
    """For undo.py: the step that shows it so is the operator's, and something came after."""
    return thing.propsmith.role == "LIVE" and thing.propsmith.uid in _placed


def find_props() -> None:
    """Follows what this file's objects show; a finder of jobs.py."""
    for thing in objects.all_live():
        job, uid = thing.propsmith.job, thing.propsmith.uid
        follower = jobs.followers.get(job)
        if uid in _placed:
            continue
        if follower is None:
            jobs.follow(job, Prop(job, uid))
        elif isinstance(follower, Prop) and follower.uid != uid:
            follower.uid = uid


def show_all() -> None:
    """After an undo: what was shown may be older than what is known."""
    for follower in jobs.followers.values():
        if isinstance(follower, Prop) and follower.view.topology:
            follower.show()


def tell_of_old() -> None:
    """After an undo: what is shown has an end that was undone, and nothing will bring it again."""
    for thing in bpy.data.objects:
        if is_over(thing):
            session.tell(
                f"'{thing.name}' is as it was before its job ended: redo brings the end back, and "
                "Show in the queue brings the prop in beside."
            )


def forget() -> None:
    """Another file has been opened."""
    _placed.clear()
    for job in [j for j, follower in jobs.followers.items() if isinstance(follower, Prop)]:
        jobs.unfollow(job)


def register() -> None:
    jobs.finders.append(find_props)
    undo.is_over.append(is_over)


def unregister() -> None:
    undo.is_over.remove(is_over)
    jobs.finders.remove(find_props)
