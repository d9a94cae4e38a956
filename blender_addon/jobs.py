"""The book of jobs: what the server has said of each, what is asked of it, who follows one.

In: news of the server, wishes of the user. Out: requests through the session; calls of followers
and listeners. The server owns the jobs: closing Blender, a file or the connection ends none.

A follower shows one job. `follow` names it, and then its news, meshes and textures reach it:

    info(info: JobInfo)              at every news, also the first after a reconnection
    mesh(view: MeshView, mesh: Mesh) view: whole arrays after this message
    texture(texture: Texture)
    gone()                           the server does not have the job any more
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, Protocol

from . import session
from .wire import checks, errors, messages, preview

log = logging.getLogger(__name__)
OVER = messages.OVER
MOST_SHOWN = 200  # rows of the queue


class Follower(Protocol):
    def info(self, info: messages.JobInfo) -> None: ...

    def mesh(self, view: preview.MeshView, mesh: messages.Mesh) -> None: ...

    def texture(self, texture: messages.Texture) -> None: ...

    def gone(self) -> None: ...


infos: dict[str, messages.JobInfo] = {}
followers: dict[str, Follower] = {}
views: dict[str, preview.MeshView] = {}
listeners: list[Callable[[messages.JobInfo], None]] = []  # of every change, of every job
finders: list[Callable[[], None]] = []  # look for objects that show jobs, and follow those
unheard: set[str] = set()  # made here, and the server has not answered of them: perhaps unsent yet
_unwanted: set[str] = set()  # cancelled while they were unheard


def newest_first() -> list[messages.JobInfo]:
    return sorted(infos.values(), key=lambda info: -info.number)[:MOST_SHOWN]


def is_over(job: str) -> bool:
    return job in infos and infos[job].state in OVER


def is_refused(info: messages.JobInfo) -> bool:
    """The server did not take it, so it knows nothing of it: this row is all there is."""
    return info.state == "failed" and info.created is None


# ---- asking ----


def new_id() -> str:
    job = secrets.token_hex(16)
    unheard.add(job)
    return job


def expect(job: str, settings: messages.Settings, priority: int = 0) -> None:
    """It will be submitted, perhaps after its files: the queue shows it from now on, as its last
    until the server has said more."""
    unheard.add(job)
    number = max((info.number for info in infos.values()), default=0) + 1
    infos.setdefault(job, messages.JobInfo(job, "queued", settings, number, priority))
    session.changed()


def submit(job: str, settings: messages.Settings, priority: int = 0) -> bool:
    """Now, or as soon as there is a connection: the id makes a second try harmless.

    False: it was cancelled before. Raises WireError for settings outside their limits.
    """
    if job in _unwanted:
        unheard.discard(job)
        _unwanted.discard(job)
        return False
    checks.Record(messages.Settings)(settings, "The job")  # also where it has to wait
    expect(job, settings, priority)
    message = messages.Submit(job, settings, priority)
    session.send(message, lambda answer: _submitted(job, answer))
    return True


def _submitted(job: str, answer: Any) -> None:
    waited, unwanted = job in unheard, job in _unwanted
    unheard.discard(job)
    _unwanted.discard(job)
    wish()
    if isinstance(answer, messages.Job):
        ask(messages.Cancel(job)) if unwanted else learn(answer.info)
    elif waited and job in infos:
        learn(replace(infos[job], state="failed", error_code=answer.code, error=answer.text))
        session.tell(answer.text)


def cancel(job: str) -> None:
    """Also one that the server has not heard of: a Cancel might overtake its submission."""
    if job not in unheard:
        ask(messages.Cancel(job))
        return
    _unwanted.add(job)
    if job in infos:
        learn(replace(infos[job], state="cancelled"))


def ask(message: Any) -> None:
    """Cancel, Pause, Resume, Delete, SetPriority: the answer is news; a no is the panel's text."""
    session.send(message, lambda answer: _answered(message.job, answer))


def _answered(job: str, answer: Any) -> None:
    if isinstance(answer, errors.RemoteError):
        session.tell(answer.text)
        if answer.code == "unknown_job" and job not in unheard:
            forget(job)
    elif isinstance(answer, messages.Job):
        learn(answer.info)


def forget(job: str) -> None:
    """It is gone at the server, or never was there."""
    follower = followers.get(job)
    for book in (infos, followers, views):
        book.pop(job, None)
    unheard.discard(job)
    if follower:
        follower.gone()
    session.changed()


# ---- following ----


def follow(job: str, follower: Follower) -> None:
    """From now on pictures of the job come to `follower`; also where one followed before."""
    followers[job] = follower
    views.setdefault(job, preview.MeshView())
    wish()
    if job in infos:
        follower.info(infos[job])


def unfollow(job: str) -> None:
    """The view of a running job stays and is kept up: followed again before the server has heard of
    it, the job gets no whole mesh, only what has changed."""
    followers.pop(job, None)
    if is_over(job):
        views.pop(job, None)
    wish()


def wish() -> None:
    """Tells the server which pictures are wanted.

    Not yet of a job whose submission is unanswered: the stream may outrun it, and what the server
    has not heard of is gone to it.
    """
    known = [job for job in followers if job not in unheard]
    session.subscribe([job for job in known if not is_over(job)])


def learn(info: messages.JobInfo) -> None:
    """The newest of a job."""
    infos[info.job] = info
    if follower := followers.get(info.job):
        follower.info(info)
    for listener in listeners:
        listener(info)
    session.changed()


def take(event: Any) -> None:
    """What session.step returned: Up, News, Gone, Mesh and Texture."""
    if isinstance(event, messages.News):
        learn(event.info)
    elif isinstance(event, messages.Gone):
        forget(event.job)
    elif isinstance(event, messages.Mesh):
        _mesh(event)
    elif isinstance(event, messages.Texture):
        if follower := followers.get(event.job):
            follower.texture(event)
    else:
        _begin()


def _begin() -> None:
    """A new connection: perhaps another server, or one that has lost jobs meanwhile."""
    for job in [job for job in infos if job not in unheard and job not in followers]:
        del infos[job]
    for job in views.keys() - followers.keys():  # nobody keeps these up any more
        del views[job]
    for find in finders:
        find()
    for job in [job for job in followers if job not in unheard]:
        session.send(messages.GetJob(job), lambda answer, job=job: _found(job, answer))
    wish()


def _found(job: str, answer: Any) -> None:
    if isinstance(answer, messages.Job):
        learn(answer.info)
    elif answer.code == "unknown_job":
        forget(job)


def _mesh(mesh: messages.Mesh) -> None:
    if (view := views.get(mesh.job)) is None:
        return
    try:
        changed = view.apply(mesh)
    except errors.WireError as error:
        log.warning("A mesh of job %s was left out: %s", mesh.job, error)
        return
    changed |= mesh.positions is not None or mesh.colors is not None
    if changed and (follower := followers.get(mesh.job)):
        follower.mesh(view, mesh)


# ---- files ----


def download(job: str, name: str) -> Generator[object, None, bytes]:
    """A file of a finished job, for `later`: each `next` is short. Raises RemoteError."""
    parts: list[bytes] = []
    offset, size = 0, 1
    while offset < size:
        answers: list[Any] = []
        session.send(messages.GetFile(job, name, offset), answers.append)
        while not answers:
            yield session.WAITING
        if isinstance(answers[0], errors.RemoteError):
            raise answers[0]
        size, offset = answers[0].size, offset + len(answers[0].data)
        parts.append(answers[0].data.tobytes())
        if not len(answers[0].data):
            break
        yield
    return b"".join(parts)
