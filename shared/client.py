"""The client that the Blender add-on, the command line and the tests share. No threads.

In: a connection file; messages to send; `pump`, called often. Out: events, in order. Nothing here
waits unless asked to: libzmq's own threads do the network, so a timer of Blender can drive it.

When the server restarts or the network breaks, the client reads the connection file again, says
hello, sends what was not answered once more, and renews its subscription. Callers see `Up` and
`Down` among the events and need do nothing.

A picture or news is credited by the `pump` after the one that returned it: by then the caller has
used it. So the server never sends more than was taken.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from . import messages as m
from .codec import Envelope, check, decode, encode, key_for
from .connection import Connection, ConnectionFileError, read_connection
from .errors import ConnectionLost, RemoteError, WireError
from .uploading import uploading

PING_SECONDS = 2.0
DEAD_SECONDS = 6.0  # of silence
HELLO_SECONDS = 2.0  # for a welcome
RETRY_SECONDS = 0.5  # until the connection file is read again
MOST_FRAME = 64 << 20


@dataclass(frozen=True)
class Up:
    """There is a session; also after each reconnection."""

    welcome: m.Welcome


@dataclass(frozen=True)
class Down:
    """No answer any more; the client keeps trying."""

    reason: str


Answer = Any  # a message, or a RemoteError


@dataclass
class _Request:
    message: Any
    channel: str
    then: Callable[[Answer], None]
    seq: int = -1  # as it was last sent


@dataclass
class _Wish:
    """The subscription that is kept up."""

    message: m.Subscribe = field(default_factory=m.Subscribe)
    sent: float = -1e9


class Client:
    """name: stable over restarts; the server counts a client's jobs by it."""

    def __init__(self, connection_file: Path, name: str = "client", software: str = ""):
        self.file, self.name, self.software = connection_file, name, software
        self.welcome: m.Welcome | None = None
        self.problem = "not connected yet"
        self._context: zmq.Context[Any] = zmq.Context()
        self._sockets: dict[str, Any] = {}
        self._keys: dict[tuple[str, str], bytes] = {}
        self._seq = 0
        self._nonce = ""
        self._hello_at = self._heard = self._pinged = self._retry_at = -1e9
        self._requests: list[_Request] = []
        self._events: list[Any] = []  # not returned yet
        self._returned: list[int] = []  # serials of the last ones that were
        self._wish: _Wish | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Never waits."""
        self._context.destroy(linger=0)
        self._sockets = {}

    @property
    def is_up(self) -> bool:
        return self.welcome is not None

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
            self._step(min(left, 0.2))
        if isinstance(answers[0], RemoteError):
            raise answers[0]
        return answers[0]

    def subscribe(self, *jobs: str, everything: bool = False, interval: float = 1.0) -> None:
        """News and pictures of these jobs; news of all others too, if wanted."""
        self._wish = _Wish(m.Subscribe(jobs, everything, interval))

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
            self._step(0.05 if self._requests else 0.0)

    def uploading(self, source: Path | bytes) -> Generator[float, None, str]:
        """The same in slices, for whoever calls `pump` meanwhile: see uploading.py."""
        return uploading(self, source)

    # ---- driving ----

    def pump(self, timeout: float = 0.0, most: int = 32) -> list[Any]:
        """Does what is due; returns up to about `most` events: Up, Down, News, Gone, Mesh, Texture.

        timeout: seconds to wait for the first of them; 0 returns at once.
        """
        if self.is_up:
            for serial in self._returned:
                self._put("stream", m.Credit(serial))
        self._returned = []
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            self._step(0.0 if self._events else min(left, 0.2), most)
            if self._events or time.monotonic() >= deadline:
                break
        events, self._events = self._events, []
        self._returned = [event.serial for event in events if isinstance(event, m.STREAM)]
        return events

    def _step(self, wait: float, most: int = 32) -> None:
        now = time.monotonic()
        self._keep_up(now)
        if not self._sockets:
            time.sleep(min(wait, max(0.0, self._retry_at - now)))
            return
        names = ("control", "requests", "stream")
        poller = zmq.Poller()
        for name in names:
            poller.register(self._sockets[name], zmq.POLLIN)
        ready = dict(poller.poll(int(wait * 1000)))
        for name in names:
            if self._sockets.get(name) in ready:
                self._receive(name, most)

    def _keep_up(self, now: float) -> None:
        """Hello, pings, the subscription, and starting over where nobody answers."""
        if not self._sockets:
            if now >= self._retry_at:
                self._open(now)
        elif not self.is_up:
            if now - self._hello_at > HELLO_SECONDS:
                self._restart("nobody answered the hello", now)
        elif now - self._heard > DEAD_SECONDS and now - self._pinged < DEAD_SECONDS:
            self._restart(f"silent for {DEAD_SECONDS:g} s", now)
        else:
            if now - self._pinged > PING_SECONDS:
                if now - self._pinged > DEAD_SECONDS:
                    self._heard = now  # it was we who were away: no reason to give up
                self._put("control", m.Ping())
                self._pinged = now
            if self._wish and now - self._wish.sent > PING_SECONDS:
                self._put("stream", self._wish.message)
                self._wish.sent = now

    def _open(self, now: float) -> None:
        try:
            connection = read_connection(self.file)
        except ConnectionFileError as error:
            self.problem, self._retry_at = str(error), now + RETRY_SECONDS
            return
        for name in m.CHANNELS:
            self._sockets[name] = self._connect(connection, name)
            for sender in ("client", "server"):
                self._keys[sender, name] = key_for(connection.token, sender, name)
        self._greet(now)

    def _connect(self, connection: Connection, name: str) -> Any:
        socket = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MOST_FRAME),
            (zmq.HEARTBEAT_IVL, 3000),
            (zmq.HEARTBEAT_TIMEOUT, 10_000),
            (zmq.HANDSHAKE_IVL, 5000),
            (zmq.RECONNECT_IVL, 200),
            (zmq.RECONNECT_IVL_MAX, 2000),
            (zmq.IPV6, "[" in connection.addresses[name]),
        ):
            socket.set(option, value)
        if connection.server_key:
            socket.set(zmq.CURVE_SERVERKEY, connection.server_key.encode())
            socket.set(zmq.CURVE_PUBLICKEY, connection.public_key.encode())
            socket.set(zmq.CURVE_SECRETKEY, connection.secret_key.encode())
        socket.connect(connection.addresses[name])
        return socket

    def _greet(self, now: float) -> None:
        self._nonce, self.welcome = secrets.token_hex(16), None
        self._hello_at = now
        self._put("requests", m.Hello(self.name, self._nonce, self.software))

    def _restart(self, reason: str, now: float) -> None:
        if self.is_up:
            self._events.append(Down(reason))
        self.problem, self.welcome = reason, None
        for socket in self._sockets.values():
            socket.close(linger=0)
        self._sockets, self._retry_at = {}, now + RETRY_SECONDS

    # ---- reading ----

    def _receive(self, name: str, most: int) -> None:
        for _ in range(most):
            try:
                frames = self._sockets[name].recv_multipart(zmq.NOBLOCK, copy=False)
            except (zmq.Again, KeyError):
                return
            try:
                envelope, message = decode(frames, self._keys["server", name])
            except WireError as error:
                self.problem = error.text  # a stranger on that port, or a newer server's message
                continue
            self._heard = time.monotonic()
            self._take(name, envelope, message)

    def _take(self, name: str, envelope: Envelope, message: Any) -> None:
        if isinstance(message, m.Welcome):
            if message.nonce == self._nonce and not self.is_up:
                self._begin(message)
        elif isinstance(message, m.Error) and message.code == "session_unknown":
            if self.is_up:
                self._events.append(Down(message.text))
                self._greet(time.monotonic())
        elif isinstance(message, m.Error) and message.code == "version":
            self.problem = message.text
        elif self.is_up and envelope.session == self.welcome.session:  # type: ignore[union-attr]
            if name == "stream":
                if isinstance(message, m.STREAM):
                    self._events.append(message)
            else:
                self._answered(name, envelope.re, message)

    def _begin(self, welcome: m.Welcome) -> None:
        self.welcome, self.problem = welcome, ""
        self._returned = []
        self._pinged = time.monotonic()
        if self._wish:
            self._wish.sent = -1e9
        self._events.append(Up(welcome))
        for request in self._requests:
            self._post(request)

    def _answered(self, name: str, re: int | None, message: Any) -> None:
        for request in self._requests:
            if request.channel == name and request.seq == re:
                self._requests.remove(request)
                refused = isinstance(message, m.Error)
                request.then(RemoteError(message.code, message.text) if refused else message)
                return

    # ---- writing ----

    def _post(self, request: _Request) -> None:
        request.seq = self._put(request.channel, request.message)

    def _put(self, channel: str, message: Any) -> int:
        """The message's seq; one that can't be sent now is sent again after the next hello."""
        self._seq += 1
        session = self.welcome.session if self.welcome else ""
        frames = encode(message, Envelope(self._seq, session), self._keys["client", channel])
        try:
            self._sockets[channel].send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            self.problem = "the server takes no more messages"
        return self._seq


def _channel_of(message: Any) -> str:
    return next(name for name, kinds in m.CHANNELS.items() if isinstance(message, kinds))
