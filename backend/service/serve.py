"""`propsmith serve`, once its options are read: everything opened, run, and closed again. No torch.

In: a ServeConfig. Out: a connection file while the server runs; jobs made. Raises InputError where
the folder, the address or the keys can't be used.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from backend.errors import InputError
from backend.service.config import ServeConfig
from backend.service.folder import DataFolder, write_private
from backend.service.keys import LOCAL, KeyFolder
from backend.service.logs import set_up_logs
from backend.service.server import Server
from backend.service.sockets import is_loopback, open_sockets
from backend.service.store import JobStore
from backend.service.zap import Gate
from shared.connection import Connection
from shared.version import PROTOCOL

log = logging.getLogger(__name__)


def serve(config: ServeConfig, ready: Callable[[Path], None] = lambda _: None) -> None:
    """Runs until SIGTERM, SIGINT or a client's Shutdown; `ready` is told when clients may come."""
    with ExitStack() as held:
        folder = held.enter_context(DataFolder(config.data))
        set_up_logs(folder.logs)
        keys = KeyFolder(folder.path)
        curve = _needs_curve(config, keys)
        store = held.enter_context(JobStore(folder.path / "jobs.sqlite"))
        sockets = open_sockets(config, keys.server()[1].encode() if curve else None)
        held.callback(sockets.close)
        server = Server(config, folder, store, sockets, folder.token())
        if curve:
            gate = Gate(sockets.context, keys)
            server.extra[gate.socket] = gate.answer
        connection = Connection(dict(sockets.addresses), folder.token(), PROTOCOL, os.getpid())
        if curve:
            connection = keys.for_client(LOCAL, connection)
        held.enter_context(_connection_file(config.connection_file, connection))
        with _stopped_by_signals(server.stop):
            log.info("serving at %s, data in '%s'", sockets.addresses, folder.path)
            ready(config.connection_file)
            server.run()
        log.info("stopped")


def _needs_curve(config: ServeConfig, keys: KeyFolder) -> bool:
    """Raises InputError for an address that others reach, where nobody has been authorised."""
    if is_loopback(config.bind):
        return config.curve
    if not [name for name in keys.clients() if name != LOCAL]:
        raise InputError(
            f"--bind {config.bind} lets other machines in, which needs keys: first authorise each "
            f"client with 'propsmith keys --data {config.data} --client NAME'."
        )
    return True


@contextmanager
def _connection_file(path: Path, connection: Connection) -> Iterator[None]:
    """There while the server runs; another server's is left alone at the end."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, connection.text())
    except OSError as error:
        raise InputError(
            f"Cannot write the connection file '{path}': {error.strerror or error}; name another "
            "with --connection-file."
        ) from error
    try:
        yield
    finally:
        try:
            if path.read_text() == connection.text():
                path.unlink()
        except OSError as error:
            log.warning("the connection file can't be removed: %s", error)


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    def handle(number: int, _: FrameType | None) -> None:
        stop()

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
