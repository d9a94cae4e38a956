"""What the server answers to each request: one method for each message. No torch.

In: a session and a checked message. Out: the answer; RemoteError says no, with a code.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import backend
from backend.errors import PropsmithError, StorageError
from backend.guidance.distillations import DISTILLATIONS, TIMESTEPS
from backend.service.memory import resident_memory
from backend.service.sessions import Session
from backend.service.store import uploads_of
from shared import messages as m
from shared.checks import plain
from shared.codec import MOST_HEADER
from shared.errors import RemoteError

if TYPE_CHECKING:
    from backend.service.server import Server

ALL = m.STATES
MOST_PAGE = MOST_HEADER - (16 << 10)  # bytes of jobs in one answer
UNFINISHED = ("queued", "running", "paused")


class Handlers:
    def __init__(self, server: Server):
        self.server, self.scheduler = server, server.scheduler
        self.book, self.config = server.book, server.config
        self._by_type: dict[type, Callable[[Session, Any], Any]] = {
            m.Hello: self._hello,
            m.Submit: self._submit,
            m.ListJobs: self._list,
            m.GetJob: lambda _, q: m.Job(self.scheduler.info(q.job)),
            m.SetPriority: self._set_priority,
            m.Delete: self._delete,
            m.GetFile: self._file,
            m.Upload: self._upload,
            m.Cancel: lambda _, q: m.Job(self.scheduler.halt(q.job, "cancelled")),
            m.Pause: lambda _, q: m.Job(self.scheduler.halt(q.job, "paused")),
            m.Resume: self._resume,
            m.Ping: lambda *_: m.Pong(),
            m.GetStatus: self._status,
            m.ReleaseMemory: self._release,
            m.Shutdown: lambda *_: m.Done(),
        }

    def answer(self, session: Session, message: Any) -> Any:
        """Raises RemoteError."""
        try:
            return self._by_type[type(message)](session, message)
        except StorageError as error:
            raise RemoteError("storage", str(error)) from error
        except PropsmithError as error:
            raise RemoteError("bad_settings", str(error)) from error

    def _hello(self, session: Session, hello: m.Hello) -> m.Welcome:
        return m.Welcome(
            hello.nonce,
            session.id,
            f"propsmith {backend.__version__}",
            self.config.presets,
            tuple(self.config.offered()),
            self.config.devices,
            tuple(DISTILLATIONS),
            TIMESTEPS,
            self.config.features,
            backend.__version__,
        )

    def _submit(self, session: Session, wish: m.Submit) -> m.Job:
        if self.book.store.find(wish.job) is None:
            self._check_settings(wish.settings)
            self._check_uploads(session.client, uploads_of(wish.settings))
            self._check_room(session)
        row = self.book.store.add(wish.job, session.client, wish.settings, wish.priority)
        self.server.streams.changed(row.id)
        return m.Job(self.scheduler.info_of(row))

    def _check_settings(self, settings: m.Settings) -> None:
        for name in ("image", "refine"):
            if getattr(settings, name) is not None and name not in self.config.features:
                text = f"This server can't take {name} yet: update it, or leave that setting out."
                raise RemoteError("unsupported", text)
        for value, known, what in (
            (settings.preset, self.config.presets, "preset"),
            (settings.prior, tuple(self.config.offered()), "prior"),
            (settings.distillation, tuple(DISTILLATIONS), "distillation"),
            (settings.timesteps, TIMESTEPS, "order of timesteps"),
        ):
            if value is not None and value not in known:
                text = f"This server has no {what} '{value}'; it has {', '.join(known)}."
                raise RemoteError("bad_settings", text)
        if not settings.prompt.strip() and not (settings.image and settings.refine is None):
            text = "The prompt is empty; say what to make, or send a picture."
            raise RemoteError("bad_settings", text)

    def _check_uploads(self, client: str, digests: Sequence[str]) -> None:
        for digest in digests:
            if not self.book.uploads.path(client, digest).is_file():
                text = f"File {digest[:12]} of the settings is not there any more: upload it."
                raise RemoteError("unknown_upload", text)

    def _check_room(self, session: Session) -> None:
        if self.scheduler.stopping:
            raise RemoteError("stopping", "The server is stopping; submit again when it is back.")
        for client, most in (
            (session.client, self.config.max_jobs_a_client),
            (None, self.config.max_jobs),
        ):
            counts = self.book.store.counts(client)
            if sum(counts[state] for state in UNFINISHED) >= most:
                who = "The server has" if client is None else f"Client '{client}' has"
                text = f"{who} {most} unfinished jobs, the most it may; let some end first."
                raise RemoteError("too_many", text)
        self._check_limit()

    def _check_limit(self) -> None:
        if self.server.data_size > self.config.data_limit:
            text = (
                "The data folder is full of unfinished jobs: cancel some, or raise --data-limit "
                f"({self.config.data_limit / 1e9:g} GB)."
            )
            raise RemoteError("data_full", text)

    def _upload(self, session: Session, piece: m.Upload) -> m.Uploaded:
        if len(piece.data):
            self._check_limit()
        have = self.book.uploads.take(session.client, piece)
        self.server.data_size += len(piece.data)  # until it is counted again
        return m.Uploaded(piece.digest, have)

    def _resume(self, _: Session, wish: m.Resume) -> m.Job:
        row = self.book.row(wish.job)
        if row.state in ("paused", "failed"):
            self._check_uploads(row.client, row.uploads.split())
        return m.Job(self.scheduler.resume(wish.job))

    def _list(self, _: Session, wish: m.ListJobs) -> m.Jobs:
        if not wish.states:
            return m.Jobs(())
        rows = self.book.store.page(wish.states, wish.limit + 1, wish.before)
        infos: list[m.JobInfo] = []
        room = MOST_PAGE
        for row in rows[: wish.limit]:
            info = self.scheduler.info_of(row)
            room -= len(json.dumps(plain(info), ensure_ascii=False).encode())
            if room < 0 and infos:
                break
            infos.append(info)
        return m.Jobs(tuple(infos), more=len(rows) > len(infos))

    def _set_priority(self, _: Session, wish: m.SetPriority) -> m.Job:
        self.book.row(wish.job)
        row = self.book.store.update(wish.job, priority=wish.priority)
        self.server.streams.changed(wish.job)
        return m.Job(self.scheduler.info_of(row))

    def _delete(self, _: Session, wish: m.Delete) -> m.Done:
        self.scheduler.delete(wish.job)
        self.server.streams.changed(wish.job)
        return m.Done()

    def _file(self, _: Session, wish: m.GetFile) -> m.FileChunk:
        """Only what the outcome names: a client never names a path."""
        names = [file["name"] for file in self.book.row(wish.job).outcome().files]
        if wish.name not in names:
            text = f"Job {wish.job} has no file '{wish.name[:64]}'; it has {names or 'none'}."
            raise RemoteError("unknown_file", text)
        path = self.book.folder.of(wish.job) / wish.name
        try:
            with open(path, "rb") as file:
                file.seek(wish.offset)
                data = file.read(m.CHUNK)
                return m.FileChunk(path.stat().st_size, wish.offset, np.frombuffer(data, "u1"))
        except OSError as error:
            text = f"'{wish.name}' can't be read: {error.strerror or error}."
            raise RemoteError("storage", text) from error

    def _release(self, *_: Any) -> m.Done:
        self.scheduler.crew.release()
        return m.Done()

    def _status(self, *_: Any) -> m.Status:
        server, sessions = self.server, self.server.sessions
        return m.Status(
            uptime=time.monotonic() - server.began,
            workers=tuple(worker.info() for worker in self.scheduler.workers),
            **self.book.store.counts(),
            clients=len(sessions),
            memory=resident_memory(),
            data=server.data_size,
            data_limit=self.config.data_limit,
            messages=sessions.accepted,
            refused=sessions.refused,
            previews=server.streams.previews,
            retries=self.book.failures.retries,
            storage_error=self.book.trouble[:2000],
        )
