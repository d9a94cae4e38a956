"""What goes to the clients that watch: always the newest, never more than one at a time. No torch.

In: subscriptions, credits, jobs that changed, pictures. Out: messages, through `send`. A client has
one lane for news and one for pictures; on each at most one message is on its way, and what waits
behind it is names, not data: the data is taken when it is sent. A slow client so costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from backend.errors import StorageError
from shared.messages import Credit, Gone, JobInfo, Mesh, News, Subscribe, Texture

Key = tuple[str, str]  # job, and "mesh" or the texture's name
Versions = dict[str, int]  # of a mesh's arrays: a new number where the content is new

ARRAYS = ("faces", "positions", "colors")


@dataclass
class Lane:
    waiting: dict[Any, None] = field(default_factory=dict)  # in order of arrival
    in_flight: int = 0  # the serial


@dataclass
class Watcher:
    """One client's stream."""

    route: bytes
    session: str
    jobs: frozenset[str] = frozenset()
    everything: bool = False
    interval: float = 0.0
    news: Lane = field(default_factory=Lane)
    pictures: Lane = field(default_factory=Lane)
    sent: dict[str, Versions] = field(default_factory=dict)  # by job


class Streams:
    """info_of gives a job's newest state, None where it has been deleted, and raises StorageError
    where the disk won't tell; send sends to a route and returns whether that went."""

    def __init__(
        self,
        info_of: Callable[[str], JobInfo | None],
        send: Callable[[Watcher, Any], bool],
        rate_changed: Callable[[str], None],
    ):
        self.info_of, self.send, self.rate_changed = info_of, send, rate_changed
        self.previews = 0  # sent
        self._watchers: dict[str, Watcher] = {}  # by session
        self._pictures: dict[Key, Mesh | Texture] = {}
        self._versions: dict[str, Versions] = {}
        self._serial = 0

    # ---- what clients say ----

    def subscribe(self, session: str, route: bytes, wish: Subscribe, all_jobs: list[str]) -> None:
        """all_jobs: those to tell of at first, where the client wants everything."""
        watcher = self._watchers.get(session)
        if watcher is None or watcher.route != route:  # a new connection has nothing
            watcher = self._watchers[session] = Watcher(route, session)
        before = watcher.jobs
        looked_at = before if watcher.interval else frozenset()
        told = before if not watcher.everything else before | set(all_jobs)
        watcher.jobs, watcher.everything = frozenset(wish.jobs), wish.everything
        changed = before ^ watcher.jobs
        for job in before - watcher.jobs:  # who looks away may let go of what they have
            watcher.sent.pop(job, None)
        if watcher.interval != wish.interval:
            watcher.interval, changed = wish.interval, before | watcher.jobs
        wanted = [*wish.jobs, *(all_jobs if wish.everything else ())]
        watcher.news.waiting |= {job: None for job in wanted if job not in told}
        fresh = [key for key in self._pictures if key[0] in watcher.jobs - looked_at]
        watcher.pictures.waiting |= dict.fromkeys(fresh)
        for job in changed:
            self.rate_changed(job)
        self._push(watcher)

    def credit(self, session: str, credit: Credit) -> None:
        if watcher := self._watchers.get(session):
            for lane in (watcher.news, watcher.pictures):
                if lane.in_flight == credit.serial:
                    lane.in_flight = 0
            self._push(watcher)

    def forget(self, session: str) -> None:
        if watcher := self._watchers.pop(session, None):
            for job in watcher.jobs:
                self.rate_changed(job)

    def interval(self, job: str) -> float:
        """The shortest that anybody asks for; 0: nobody looks."""
        asked = [w.interval for w in self._watchers.values() if job in w.jobs and w.interval]
        return min(asked, default=0.0)

    # ---- what happens ----

    def changed(self, job: str) -> None:
        """The job has news, or is gone."""
        for watcher in list(self._watchers.values()):
            if watcher.everything or job in watcher.jobs:
                watcher.news.waiting[job] = None
                self._push(watcher)

    def pictured(self, picture: Mesh | Texture) -> None:
        key = (picture.job, picture.name if isinstance(picture, Texture) else "mesh")
        before = self._pictures.get(key)
        if isinstance(picture, Mesh):
            self._count_version(picture, before)
        elif isinstance(before, Texture) and np.array_equal(before.pixels, picture.pixels):
            return  # who watches has it, or will
        self._pictures[key] = picture
        for watcher in list(self._watchers.values()):
            if picture.job in watcher.jobs and watcher.interval:
                watcher.pictures.waiting.pop(key, None)  # to the end: a mesh goes before textures
                watcher.pictures.waiting[key] = None
                self._push(watcher)

    def _count_version(self, mesh: Mesh, before: Any) -> None:
        old = self._versions.get(mesh.job, dict.fromkeys(ARRAYS, 0))
        same = dict.fromkeys(ARRAYS, before is not None and before.topology == mesh.topology)
        if same["faces"]:
            for name in ("positions", "colors"):
                same[name] = _equal(getattr(before, name), getattr(mesh, name))
        self._versions[mesh.job] = {name: old[name] + (not same[name]) for name in ARRAYS}

    def drop_pictures(self, keep: set[str]) -> None:
        """Of jobs that are not in `keep` and that nobody still waits for."""
        waited = {key for w in self._watchers.values() for key in w.pictures.waiting}
        for key in [k for k in self._pictures if k[0] not in keep and k not in waited]:
            del self._pictures[key]
        for job in self._versions.keys() - {key[0] for key in self._pictures}:
            del self._versions[job]
        for watcher in self._watchers.values():
            for job in watcher.sent.keys() - self._versions.keys():
                del watcher.sent[job]

    # ---- sending ----

    def _push(self, watcher: Watcher) -> None:
        for lane, make in ((watcher.news, self._news), (watcher.pictures, self._picture)):
            while lane.waiting and not lane.in_flight:
                first = next(iter(lane.waiting))
                try:
                    message = make(watcher, first)
                except StorageError:  # it waits on: who subscribes asks again every few seconds
                    break
                del lane.waiting[first]
                if message is None:
                    continue
                if not self.send(watcher, message):
                    self.forget(watcher.session)
                    return
                lane.in_flight = message.serial

    def _news(self, _: Watcher, job: str) -> News | Gone:
        self._serial += 1
        info = self.info_of(job)
        return Gone(self._serial, job) if info is None else News(self._serial, info)

    def _picture(self, watcher: Watcher, key: Key) -> Mesh | Texture | None:
        if (picture := self._pictures.get(key)) is None or key[0] not in watcher.jobs:
            return None
        self._serial += 1
        self.previews += 1
        if isinstance(picture, Texture):
            return replace(picture, serial=self._serial)
        known: dict[str, Any] = dict.fromkeys(self._known(watcher, picture.job))
        return replace(picture, serial=self._serial, **known)

    def _known(self, watcher: Watcher, job: str) -> list[str]:
        """The arrays that this client has already."""
        has, newest = watcher.sent.get(job, {}), self._versions[job]
        watcher.sent[job] = newest
        known = [name for name in ARRAYS if has.get(name) == newest[name]]
        return known if "faces" not in known else [*known, "uvs"]


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
