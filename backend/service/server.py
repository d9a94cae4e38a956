"""The server: one loop over all sockets. No torch, no GPU context, no waiting.

In: a configuration. Out: answers, news, pictures; jobs on the disk. Control messages are answered
before any request, and requests one at a time, so that nothing a client asks for holds up another.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import zmq

from backend.errors import StorageError
from backend.service import requests
from backend.service.book import JobBook
from backend.service.config import ServeConfig
from backend.service.folder import DataFolder
from backend.service.scheduler import Scheduler
from backend.service.sessions import Call, Sessions
from backend.service.sockets import Sockets
from backend.service.store import JobStore
from backend.service.streams import Streams, Watcher
from shared.codec import Envelope, encode
from shared.errors import RemoteError, WireError
from shared.messages import Credit, Error, JobInfo, Shutdown, Subscribe

log = logging.getLogger(__name__)
TICK = 0.1  # seconds
HOUSEKEEPING = 5.0  # seconds
KEEPING = 0.01  # seconds of each tick at most, to count the data folder and keep its limit
AT_ONCE = 32  # messages of one socket before the others are looked at


class Server:
    """`run` until `stop`, which any thread or signal handler may call."""

    def __init__(
        self, config: ServeConfig, folder: DataFolder, store: JobStore, sockets: Sockets, token: str
    ):
        self.config, self.folder, self.store, self.sockets = config, folder, store, sockets
        self.sessions = Sessions(config, token)
        self.book = JobBook(config, folder, store)
        self.scheduler = Scheduler(
            config, folder, self.book, sockets.workers, sockets.worker_address
        )
        self.streams = Streams(self._info, self._send_stream, self.scheduler.watch)
        self.scheduler.changed = self.streams.changed
        self.scheduler.pictured = self.streams.pictured
        self.scheduler.interval_of = self.streams.interval
        self.handlers = requests.Handlers(self)
        self.began = time.monotonic()
        self.data_size = 0
        self._keeping: Iterator[int] | None = None
        self._counted = 0  # so far
        self.extra: dict[Any, Callable[[], None]] = {}  # other sockets and what reads them
        self._stop = False
        self._seq = itertools.count(1)

    def stop(self) -> None:
        self._stop = True

    def run(self) -> None:
        """Serves; when asked to stop, lets the workers save first."""
        self.scheduler.recover()
        poller = zmq.Poller()
        for socket in (*self.sockets.clients.values(), self.sockets.workers, *self.extra):
            poller.register(socket, zmq.POLLIN)
        swept, ticked, deadline = 0.0, 0.0, 0.0
        while True:
            ready = dict(poller.poll(int(TICK * 1000)))
            self._serve(ready)
            now = time.monotonic()
            if now - ticked >= TICK or self.scheduler.hurry:
                self.scheduler.try_tick()
                self._keep_limit()
                ticked = now
            if now - swept >= HOUSEKEEPING:
                self._sweep()
                swept = now
            if self._stop:
                if not self.scheduler.stopping:
                    log.info("stopping: the workers save")
                    self.scheduler.stop()
                    deadline = now + self.config.pause_seconds
                if now > deadline:
                    self.scheduler.crew.kill_all()
                if self.scheduler.crew.all_off():
                    return

    def _serve(self, ready: dict[Any, int]) -> None:
        clients = self.sockets.clients
        for socket in [s for s in self.extra if s in ready]:
            self.extra[socket]()
        for name in ("control", "stream", "requests"):
            if clients[name] in ready:
                self._drain(name, 1 if name == "requests" else AT_ONCE)
        if self.sockets.workers in ready:
            for _ in range(AT_ONCE):
                if (frames := _received(self.sockets.workers, copy=False)) is None:
                    break
                self.scheduler.receive(frames)

    def _drain(self, channel: str, most: int) -> None:
        socket = self.sockets.clients[channel]
        for _ in range(most):
            if (frames := _received(socket)) is None:
                return
            route, *rest = frames
            call = self.sessions.read(channel, rest)
            if call is not None:
                answer = call.error or self._answer(channel, route, call)
                self._reply(channel, route, call, answer)

    def _answer(self, channel: str, route: bytes, call: Call) -> Any:
        """A message, a RemoteError, or None where nothing is answered."""
        assert call.session is not None
        try:
            if isinstance(call.message, Subscribe):
                return self._subscribe(route, call)
            if isinstance(call.message, Credit):
                return self.streams.credit(call.session.id, call.message)
            if isinstance(call.message, Shutdown):
                self.stop()
            return self.handlers.answer(call.session, call.message)
        except RemoteError as error:
            return error
        except Exception:  # a fault of ours must not end the jobs of all
            log.exception("a %s failed", type(call.message).__name__)
            return RemoteError("internal", "The server failed at that; its log has more.")

    def _subscribe(self, route: bytes, call: Call) -> None:
        assert call.session is not None
        wish: Subscribe = call.message
        recent = self.store.newest(100) if wish.everything else []
        self.streams.subscribe(call.session.id, route, wish, recent)

    def _reply(self, channel: str, route: bytes, call: Call, answer: Any) -> None:
        if answer is None:
            return
        if isinstance(answer, RemoteError):
            answer = Error(answer.code, answer.text[:2000])
        session = call.session.id if call.session else ""
        self._send(channel, route, answer, session, call.envelope.seq)

    def _send_stream(self, watcher: Watcher, message: Any) -> bool:
        return self._send("stream", watcher.route, message, watcher.session, None)

    def _send(self, channel: str, route: bytes, message: Any, session: str, re: int | None) -> bool:
        """Whether it is on its way; False: the client is gone, or does not read."""
        key = self.sessions.keys_out[channel]
        try:
            frames = encode(message, Envelope(next(self._seq), session, re), key)
        except WireError as error:  # a fault of ours, or a clock before 1970: not the end of all
            log.error("a %s can't be sent: %s", type(message).__name__, error)
            if re is None:
                return False
            text = "The server's answer breaks its own limits; its log has more."
            frames = encode(Error("internal", text), Envelope(next(self._seq), session, re), key)
        try:
            self.sockets.clients[channel].send_multipart([route, *frames], zmq.NOBLOCK, copy=False)
        except zmq.ZMQError as error:
            log.debug("a client can't be reached: %s", error)
            return False
        return True

    def _info(self, job: str) -> JobInfo | None:
        try:
            return self.scheduler.info(job)
        except RemoteError:
            return None
        except StorageError as error:
            self.book.refused(error)
            raise

    def _sweep(self) -> None:
        for session in self.sessions.forget_silent():
            self.streams.forget(session)
        self.streams.drop_pictures({w.job for w in self.scheduler.workers if w.job})
        with self._on_disk():
            self.book.uploads.sweep()
        if self._keeping is None:
            spare = partial(self.book.uploads.sweep, hurry=True)
            self._keeping = self.folder.keeping(self.config.data_limit, self.store, spare)

    def _keep_limit(self) -> None:
        """The data folder's: a slice at a time, so that nobody waits for it."""
        until = time.monotonic() + KEEPING
        with self._on_disk():
            for size in self._keeping or ():
                self._counted = size
                if time.monotonic() > until:
                    return
            if self._keeping is not None:
                self.data_size = self._counted
        self._keeping = None

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        """Where the disk refuses, that is trouble to tell of and no end."""
        try:
            yield
        except StorageError as error:
            self.book.refused(error)
        except OSError as error:
            log.error("the data folder can't be counted: %s", error)


def _received(socket: Any, copy: bool = True) -> list[Any] | None:
    try:
        return socket.recv_multipart(zmq.NOBLOCK, copy=copy)
    except zmq.Again:
        return None
