"""The server's sockets: bound, limited, and with keys where they are asked for. No torch.

In: the configuration. Out: three ROUTERs for clients, one for workers, and their addresses.
"""

from __future__ import annotations

import ipaddress
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import zmq

from backend.errors import InputError
from backend.service.config import ServeConfig
from backend.service.meeting import bind_workers
from shared.messages import CHANNELS

MOST_FRAME = 1 << 20  # of a client
MOST_WORKER_FRAME = 64 << 20
CURVE_DOMAIN = b"propsmith"


@dataclass
class Sockets:
    context: zmq.Context[Any]
    clients: dict[str, Any]  # by channel
    workers: Any
    addresses: dict[str, str]
    worker_address: str
    _held: ExitStack

    def close(self) -> None:
        self.context.destroy(linger=200)  # last answers are on their way
        self._held.close()


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a name may come to mean anything


def open_sockets(config: ServeConfig, secret_key: bytes | None) -> Sockets:
    """secret_key: the server's CURVE key, in Z85. Raises InputError where it can't bind."""
    context: zmq.Context[Any] = zmq.Context()
    held = ExitStack()
    try:
        clients = {name: _router(context, MOST_FRAME, secret_key) for name in CHANNELS}
        clients["requests"].set(zmq.SNDHWM, 16)  # chunks of files: a client that won't read waits
        addresses = {
            name: _bind(socket, config, config.port + i if config.port else 0)
            for i, (name, socket) in enumerate(clients.items())
        }
        workers = _router(context, MOST_WORKER_FRAME, None)
        address = bind_workers(workers, config.data, held)
    except BaseException:
        context.destroy(linger=0)
        held.close()
        raise
    return Sockets(context, clients, workers, addresses, address, held)


def _router(context: zmq.Context[Any], most: int, secret_key: bytes | None) -> Any:
    socket = context.socket(zmq.ROUTER)
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.ROUTER_MANDATORY, 1),
        (zmq.MAXMSGSIZE, most),
        (zmq.HEARTBEAT_IVL, 3000),
        (zmq.HEARTBEAT_TIMEOUT, 10_000),
        (zmq.HANDSHAKE_IVL, 5000),
        (zmq.RCVHWM, 64),
        (zmq.SNDHWM, 64),
    ):
        socket.set(option, value)
    if secret_key:
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, secret_key)
        socket.set(zmq.ZAP_DOMAIN, CURVE_DOMAIN)
    return socket


def _bind(socket: Any, config: ServeConfig, port: int) -> str:
    socket.set(zmq.IPV6, ":" in config.bind)
    host = f"[{config.bind}]" if ":" in config.bind else config.bind
    try:
        socket.bind(f"tcp://{host}:{port or '*'}")
    except zmq.ZMQError as error:
        raise InputError(
            f"Cannot listen on '{config.bind}' port {port or 'any'}: {error}; choose another with "
            "--bind and --port."
        ) from error
    return socket.get(zmq.LAST_ENDPOINT).decode().rstrip("\0")
