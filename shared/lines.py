"""A client's three sockets to one server, with their keys. No threads, nothing here waits unasked.

In: what a connection file holds; messages. Out: messages, authentic and whole.
"""

from __future__ import annotations

import itertools
from typing import Any

import zmq

from . import messages as m
from .codec import Envelope, decode, encode, key_for
from .connection import Connection

MOST_FRAME = 64 << 20
NAMES = ("control", "requests", "stream")  # in this order they are read


class Lines:
    def __init__(self, context: zmq.Context[Any], connection: Connection):
        self._sockets = {name: _connect(context, connection, name) for name in m.CHANNELS}
        self._keys = {
            (sender, name): key_for(connection.token, sender, name)
            for sender in ("client", "server")
            for name in m.CHANNELS
        }
        self._seq = itertools.count(1)
        self._monitor = self._sockets["control"].get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def close(self) -> None:
        self._sockets["control"].disable_monitor()
        for socket in self._sockets.values():
            socket.close(linger=0)

    def put(self, channel: str, message: Any, session: str) -> tuple[int, bool]:
        """The message's seq, and whether the socket took it."""
        seq = next(self._seq)
        frames = encode(message, Envelope(seq, session), self._keys["client", channel])
        try:
            self._sockets[channel].send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return seq, False
        return seq, True

    def ready(self, wait: float) -> list[str]:
        """Channels that have something to read, after `wait` seconds at most."""
        poller = zmq.Poller()
        for name in NAMES:
            poller.register(self._sockets[name], zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        found = dict(poller.poll(int(wait * 1000)))
        return [name for name in NAMES if self._sockets[name] in found]

    def has_broken(self) -> bool:
        """Whether a connection has ended since this was asked last: a server that was killed leaves
        no word, but that is seen at once. Before the welcome it means nothing: a stranger may have
        the port, or the wrong key is ours."""
        broken = False
        while self._monitor.poll(0):
            self._monitor.recv_multipart()
            broken = True
        return broken

    def get(self, channel: str) -> tuple[Envelope, Any] | None:
        """The next message; None where there is none. Raises WireError for what is no message."""
        try:
            frames = self._sockets[channel].recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        return decode(frames, self._keys["server", channel])


def _connect(context: zmq.Context[Any], connection: Connection, name: str) -> Any:
    socket = context.socket(zmq.DEALER)
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
