"""Who is who: from frames to a session and a message, or to nothing. No torch.

In: frames of one of the three sockets. Out: a `Call`. Whoever lacks the token gets no answer, what
was recorded and sent again is dropped; authentic senders are told what is wrong.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.service.config import ServeConfig
from shared.codec import Envelope, envelope_of, key_for, message_of, open_header
from shared.errors import RemoteError, WireError, bad
from shared.messages import CHANNELS, MESSAGES, Hello

MOST_NONCES = 1 << 16


@dataclass
class Session:
    id: str
    client: str
    heard: float  # monotonic
    seen: dict[str, int] = field(default_factory=dict)  # socket -> highest seq


@dataclass(frozen=True)
class Call:
    """One message of an authentic client; where `error` is set it is to be answered with that."""

    envelope: Envelope
    session: Session | None = None
    message: Any = None
    error: RemoteError | None = None


class Sessions:
    def __init__(self, config: ServeConfig, token: str):
        self.config = config
        self.keys_in = {name: key_for(token, "client", name) for name in CHANNELS}
        self.keys_out = {name: key_for(token, "server", name) for name in CHANNELS}
        self.accepted = self.refused = 0
        self._sessions: dict[str, Session] = {}
        self.ended: list[str] = []  # since the last `forget_silent`
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def read(self, channel: str, frames: Sequence[Any]) -> Call | None:
        """None: not for us to answer."""
        call = self._read(channel, frames)
        if call is None or call.error is not None:
            self.refused += 1
        else:
            self.accepted += 1
        return call

    def _read(self, channel: str, frames: Sequence[Any]) -> Call | None:
        try:
            header = open_header(frames, self.keys_in[channel])
            envelope = envelope_of(header)
        except WireError as error:
            # Only a right code leads to this one: the frames below it are the same in all versions.
            return Call(Envelope(0), error=error) if error.code == "version" else None
        session = self._sessions.get(envelope.session)
        if session and not self._is_new(session, channel, envelope.seq):
            return None
        try:
            if header.get("type") != "Hello" and session is None:
                text = "The server does not know this session: say hello again."
                raise RemoteError("session_unknown", text)
            if MESSAGES.get(str(header.get("type"))) not in CHANNELS[channel]:
                raise bad(f"Socket {channel} does not take that type of message.")
            message = message_of(header, frames)
        except RemoteError as error:
            return Call(envelope, session, error=error)
        if isinstance(message, Hello):
            return self._greet(envelope, message)
        return Call(envelope, session, message)

    def _is_new(self, session: Session, channel: str, seq: int) -> bool:
        if seq <= session.seen.get(channel, -1):
            return False
        session.seen[channel] = seq
        session.heard = time.monotonic()
        return True

    def _greet(self, envelope: Envelope, hello: Hello) -> Call | None:
        if hello.nonce in self._nonces:
            return None
        self._nonces[hello.nonce] = None
        if len(self._nonces) > MOST_NONCES:
            self._nonces.popitem(last=False)
        session = Session(secrets.token_hex(16), hello.client, time.monotonic())
        self._sessions[session.id] = session
        if len(self._sessions) > 2 * self.config.max_sessions:  # between two sweeps
            for name in self._above():
                del self._sessions[name]
                self.ended.append(name)
        return Call(envelope, session, hello)

    def forget_silent(self) -> list[str]:
        """Ids of sessions that have ended: those of long silence, and those above the limit."""
        now, limit = time.monotonic(), self.config.session_seconds
        silent = [s.id for s in self._sessions.values() if now - s.heard > limit]
        for name in {*silent, *self._above()}:
            del self._sessions[name]
            self.ended.append(name)
        ended, self.ended = self.ended, []
        return ended

    def _above(self) -> list[str]:
        """The longest silent ones, as many as there are above the limit."""
        excess = max(0, len(self._sessions) - self.config.max_sessions)
        by_age = sorted(self._sessions.values(), key=lambda s: s.heard)
        return [session.id for session in by_age[:excess]]
