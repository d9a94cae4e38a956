"""One session with whatever server the connection file names, kept up. No threads, nothing waits.

In: the file; `step`, called often. Out: `Up` and `Down` to whoever wants to know, and the server's
messages of this session. A connection that ends is seen at once. While no answer comes, the file is
looked at: a server that was started anew is found within a second or two.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zmq

from . import messages as m
from .codec import Envelope
from .connection import ConnectionFileError
from .errors import WireError
from .lines import Lines
from .presence import Presence

PING_SECONDS = 2.0
DEAD_SECONDS = 6.0  # of silence
QUIET_SECONDS = 1.0  # of silence, until the connection file is looked at
LOOK_SECONDS = 0.5  # between two looks at it
DOUBTS = 2  # looks in a row that say the server has ended, while it answers no ping
HELLO_SECONDS = 2.0  # for a welcome
RETRY_SECONDS = 0.5  # until the connection file is read again


@dataclass(frozen=True)
class Up:
    """There is a session; also after each reconnection."""

    welcome: m.Welcome


@dataclass(frozen=True)
class Down:
    """No answer any more; the client keeps trying."""

    reason: str


class Upkeep:
    """hello: with a nonce that is replaced each time. tell: gets Up and Down. take: gets a channel,
    the seq that a message answers, and the message."""

    def __init__(
        self,
        file: Path,
        hello: m.Hello,
        tell: Callable[[Up | Down], None],
        take: Callable[[str, int | None, Any], None],
    ):
        self.file, self.hello, self._tell, self._take_on = file, hello, tell, take
        self.welcome: m.Welcome | None = None
        self.problem = "not connected yet"
        self._context: zmq.Context[Any] = zmq.Context()
        self._lines: Lines | None = None
        self._presence: Presence | None = None  # of those lines
        self._hello_at = self._heard = self._pinged = self._retry_at = self._looked = -1e9
        self._doubts = 0
        self._wish: m.Subscribe | None = None  # kept up
        self._wished = -1e9

    def close(self) -> None:
        self._context.destroy(linger=0)
        self._lines = self._presence = None

    def subscribe(self, wish: m.Subscribe) -> None:
        self._wish, self._wished = wish, -1e9

    def put(self, channel: str, message: Any) -> int:
        """The message's seq; one that can't be sent now is sent again after the next hello."""
        assert self._lines is not None
        session = self.welcome.session if self.welcome else ""
        seq, taken = self._lines.put(channel, message, session)
        if not taken:
            self.problem = "the server takes no more messages"
        return seq

    def step(self, wait: float, most: int) -> None:
        """Does what is due; reads up to `most` messages a channel after `wait` seconds at most."""
        now = time.monotonic()
        self._keep_up(now)
        if (lines := self._lines) is None:
            time.sleep(min(wait, max(0.0, self._retry_at - now)))
            return
        for name in lines.ready(wait):
            self._receive(name, most)
        if lines.has_broken() and self.welcome:
            self._restart("the connection broke", time.monotonic())

    def _keep_up(self, now: float) -> None:
        """Hello, pings, the subscription, and starting over where nobody answers."""
        if self._lines is None:
            if now >= self._retry_at:
                self._open(now)
        elif reason := self._look(now):
            self._restart(reason, now, wait=0.0)
        elif not self.welcome:
            if now - self._hello_at > HELLO_SECONDS:
                self._restart("nobody answered the hello", now)
        elif now - self._heard > DEAD_SECONDS and now - self._pinged < DEAD_SECONDS:
            self._restart(f"silent for {DEAD_SECONDS:g} s", now)
        else:
            self._remind(now)

    def _look(self, now: float) -> str:
        """After some silence: why it is no use to wait for this server; empty where it may be.

        Each look is another `step`, so an answer to the ping has been read before the next one:
        that we were asleep is no reason.
        """
        if now - self._heard < QUIET_SECONDS or now - self._looked < LOOK_SECONDS:
            return ""
        self._looked = now
        assert self._presence is not None
        if self._presence.moved():
            return "the server has been started anew"
        if self.welcome and self._presence.seems_over():
            self._doubts += 1
            if self._doubts > DOUBTS:
                return "the server has ended"
            self.put("control", m.Ping())
        return ""

    def _remind(self, now: float) -> None:
        if now - self._pinged > PING_SECONDS:
            if now - self._pinged > DEAD_SECONDS:
                self._heard = now  # it was we who were away: no reason to give up
            self.put("control", m.Ping())
            self._pinged = now
        if self._wish and now - self._wished > PING_SECONDS:
            self.put("stream", self._wish)
            self._wished = now

    def _open(self, now: float) -> None:
        try:
            self._presence = Presence(self.file)
        except ConnectionFileError as error:
            self.problem, self._retry_at = str(error), now + RETRY_SECONDS
            return
        try:
            self._lines, self._looked = Lines(self._context, self._presence.connection), now
        except zmq.ZMQError as error:  # an address or a key that is none
            self.problem = f"'{self.file}' leads to no server ({error}): have it made again."
            self._retry_at = now + RETRY_SECONDS
            return
        self._greet(now)

    def _greet(self, now: float) -> None:
        self.hello, self.welcome = replace(self.hello, nonce=secrets.token_hex(16)), None
        self._hello_at = now
        self.put("requests", self.hello)

    def _restart(self, reason: str, now: float, wait: float = RETRY_SECONDS) -> None:
        if self.welcome:
            self._tell(Down(reason))
        self.problem, self.welcome = reason, None
        if self._lines is not None:
            self._lines.close()
        self._lines, self._retry_at, self._doubts = None, now + wait, 0

    def _receive(self, name: str, most: int) -> None:
        for _ in range(most):
            if (lines := self._lines) is None:
                return
            try:
                got = lines.get(name)
            except WireError as error:
                self.problem = error.text  # a stranger on that port, or a newer server's message
                continue
            if got is None:
                return
            self._heard, self._doubts = time.monotonic(), 0
            self._take(name, *got)

    def _take(self, name: str, envelope: Envelope, message: Any) -> None:
        if isinstance(message, m.Welcome):
            if message.nonce == self.hello.nonce and not self.welcome:
                self._begin(message)
        elif isinstance(message, m.Error) and message.code == "session_unknown":
            if self.welcome:
                self._tell(Down(message.text))
                self._greet(time.monotonic())
        elif isinstance(message, m.Error) and message.code == "version":
            self.problem = message.text
        elif self.welcome and envelope.session == self.welcome.session:
            self._take_on(name, envelope.re, message)

    def _begin(self, welcome: m.Welcome) -> None:
        self.welcome, self.problem = welcome, ""
        self._pinged, self._wished = time.monotonic(), -1e9
        self._tell(Up(welcome))
