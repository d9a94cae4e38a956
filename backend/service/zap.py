"""Who may open a CURVE connection: ZeroMQ's authentication protocol, RFC 27. No torch.

In: requests of libzmq on inproc://zeromq.zap.01, each with a client's public key. Out: 200 for an
authorised one, 400 for any other. The key files are read at each request: revoking works at once.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import zmq
from zmq.utils import z85

from backend.errors import InputError
from backend.service.keys import KeyFolder
from backend.service.sockets import CURVE_DOMAIN

log = logging.getLogger(__name__)
ADDRESS = "inproc://zeromq.zap.01"
TELL_SECONDS = 10.0


class Gate:
    """`socket` is to be polled; `answer` reads and answers one request."""

    def __init__(self, context: zmq.Context[Any], keys: KeyFolder):
        self.keys = keys
        self.socket: Any = context.socket(zmq.REP)
        self.socket.set(zmq.LINGER, 0)
        self.socket.bind(ADDRESS)
        self._untold, self._tell_at = 0, 0.0

    def answer(self) -> None:
        version, request, domain, *rest = self.socket.recv_multipart()
        mechanism, *credentials = rest[2:]
        name = None
        if version == b"1.0" and domain == CURVE_DOMAIN and mechanism == b"CURVE" and credentials:
            name = self._name_of(credentials[0])
        if name is None:
            self._tell()
        code, text = (b"200", b"OK") if name else (b"400", b"not authorised")
        self.socket.send_multipart([b"1.0", request, code, text, (name or "").encode(), b""])

    def _tell(self) -> None:
        """A line for many: who knocks on and on must not push all else out of the log."""
        self._untold += 1
        if time.monotonic() >= self._tell_at:
            log.warning("refused for want of an authorised key: %d connections", self._untold)
            self._untold, self._tell_at = 0, time.monotonic() + TELL_SECONDS

    def _name_of(self, key: bytes) -> str | None:
        try:
            public = z85.encode(key).decode()
            return next((n for n, k in self.keys.clients().items() if k == public), None)
        except (InputError, ValueError) as error:
            log.error("%s", error)
            return None
