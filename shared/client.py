"""The client that the Blender add-on, the command line and the tests share. No threads.

In: a connection file; messages to send; `pump`, called often. Out: events, in order. Nothing here
waits unless asked to: libzmq's own threads do the network, so a timer of Blender can drive it.

When the server restarts or the network breaks, the client reads the connection file again, says
hello, sends what was not answered once more, and renews its subscription. Callers see `Up` and
`Down` among the events and need do nothing. A connection that ends is seen at once, and while no
answer comes the file is looked at: a server that was started anew is found within a second or two.

A picture or news is credited by the `pump` after the one that returned it: by then the caller has
used it. So the server never sends more than was taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import messages as m
from .codec import check
from .errors import ConnectionLost, RemoteError
from .upkeep import Down, Up, Upkeep
from .uploading import uploading

__all__ = ["Client", "Down", "Up"]
MOST = 32  # messages of one channel before the others are looked at

Answer = Any  # a message, or a RemoteError


@dataclass
class _Request:
    message: Any
    channel: str
    then: Callable[[Answer], None]
    seq: int = -1  # as it was last sent


class Client:
    """name: stable over restarts; the server counts a client's jobs by it."""

    def __init__(self, connection_file: Path, name: str = "client", software: str = ""):
        self.file, self.name, self.software = connection_file, name, software
        hello = m.Hello(name, "0" * 32, software)
        self._upkeep = Upkeep(connection_file, hello, self._tell, self._take)
        self._requests: list[_Request] = []
        self._events: list[Any] = []  # not returned yet
        self._returned: list[int] = []  # serials of the last ones that were

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Never waits."""
        self._upkeep.close()

    @property
    def welcome(self) -> m.Welcome | None:
        """What the server said of itself; None while there is no session."""
        return self._upkeep.welcome

    @property
    def is_up(self) -> bool:
        return self.welcome is not None

    @property
    def problem(self) -> str:
        """Why there is no session, or what is wrong with it; may be empty."""
        return self._upkeep.problem

    # ---- asking ----

    def send(self, message: Any, then: Callable[[Answer], None] = lambda _: None) -> object:
        """`then` gets the answer, or a RemoteError, during a later `pump`; returns what `drop`
        takes. Raises WireError for a message that breaks its own limits."""
        check(message)
        request = _Request(message, _channel_of(message), then)
        self._requests.append(request)
        if self.is_up:
            self._post(request)
        return request

    def drop(self, request: object) -> None:
        """Its answer is not waited for any more; a request that is out may be met all the same."""
        self._requests = [r for r in self._requests if r is not request]

    def unanswered(self) -> list[tuple[Any, Callable[[Answer], None]]]:
        """Messages with their `then`, oldest first: for whoever closes this and opens another."""
        return [(request.message, request.then) for request in self._requests]

    def call(self, message: Any, timeout: float = 10.0) -> Any:
        """Waits for the answer; events meanwhile wait for the next `pump`.

        Raises RemoteError for a no, ConnectionLost where none came in time.
        """
        answers: list[Answer] = []
        request = self.send(message, answers.append)
        deadline = time.monotonic() + timeout
        while not answers:
            left = deadline - time.monotonic()
            if left <= 0:
                self.drop(request)
                raise ConnectionLost(
                    f"The server of '{self.file}' did not answer within {timeout:g} s "
                    f"({self.problem}): is it running?"
                )
            self._upkeep.step(min(left, 0.2), MOST)
        if isinstance(answers[0], RemoteError):
            raise answers[0]
        return answers[0]

    def subscribe(self, *jobs: str, everything: bool = False, interval: float = 1.0) -> None:
        """News and pictures of these jobs; news of all others too, if wanted."""
        self._upkeep.subscribe(m.Subscribe(jobs, everything, interval))

    def fetch(self, job: str, name: str, timeout: float = 30.0) -> Iterator[bytes]:
        """The file in pieces. Raises as `call` does."""
        offset, size = 0, 1
        while offset < size:
            chunk = self.call(m.GetFile(job, name, offset), timeout)
            size, offset = chunk.size, offset + len(chunk.data)
            yield chunk.data.tobytes()
            if not len(chunk.data):
                return

    def upload(self, source: Path | bytes, timeout: float = 30.0) -> str:
        """Sends a file that a job will need; returns the digest for its settings.

        timeout: seconds without any progress. Raises as `call` and `uploading` do.
        """
        steps, shown, deadline = self.uploading(source), -1.0, 0.0
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                return end.value
            if share != shown:
                shown, deadline = share, time.monotonic() + timeout
            elif time.monotonic() > deadline:
                steps.close()
                raise ConnectionLost(f"The server took no more of a file within {timeout:g} s.")
            self._upkeep.step(0.05 if self._requests else 0.0, MOST)

    def uploading(self, source: Path | bytes) -> Generator[float, None, str]:
        """The same in slices, for whoever calls `pump` meanwhile: see uploading.py."""
        return uploading(self, source)

    # ---- driving ----

    def pump(self, timeout: float = 0.0, most: int = MOST) -> list[Any]:
        """Does what is due; returns up to about `most` events: Up, Down, News, Gone, Mesh, Texture.

        timeout: seconds to wait for the first of them; 0 returns at once.
        """
        if self.is_up:
            for serial in self._returned:
                self._upkeep.put("stream", m.Credit(serial))
        self._returned = []
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            self._upkeep.step(0.0 if self._events else min(left, 0.2), most)
            if self._events or time.monotonic() >= deadline:
                break
        events, self._events = self._events, []
        self._returned = [event.serial for event in events if isinstance(event, m.STREAM)]
        return events

    # ---- what comes ----

    def _tell(self, event: Up | Down) -> None:
        self._events.append(event)
        if isinstance(event, Up):
            self._returned = []
            for request in self._requests:
                self._post(request)

    def _take(self, name: str, re: int | None, message: Any) -> None:
        if name != "stream":
            self._answered(name, re, message)
        elif isinstance(message, m.STREAM):
            self._events.append(message)

    def _answered(self, name: str, re: int | None, message: Any) -> None:
        for request in self._requests:
            if request.channel == name and request.seq == re:
                self._requests.remove(request)
                refused = isinstance(message, m.Error)
                request.then(RemoteError(message.code, message.text) if refused else message)
                return

    def _post(self, request: _Request) -> None:
        request.seq = self._upkeep.put(request.channel, request.message)


def _channel_of(message: Any) -> str:
    return next(name for name, kinds in m.CHANNELS.items() if isinstance(message, kinds))
