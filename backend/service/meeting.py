"""Where a server meets its workers: a socket file in a folder that only this user may enter.

In: the socket, and the data folder, whose lock the caller holds. Out: an address. No kill leaves
anything behind for good. The file is DATA/run/workers, which the next server of that
data folder takes over. Where its path is too long, or its file system has no sockets, it is in a
folder of its own below the system's runtime folder, and each start removes those whose server is
gone. Where there is no such either (Windows), it is a port on loopback: messages carry a key.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import zmq

from backend.service.folder import open_locked

log = logging.getLogger(__name__)
LONGEST = 100  # bytes of a socket's path: systems take 104 to 108, a zero among them
SOCKET, LOCK = "workers", "lock"


def bind_workers(socket: Any, data: Path, held: ExitStack) -> str:
    """The address; `held` takes away what was made for it."""
    for place in (_in_data, _in_runtime) if os.name != "nt" else ():
        with ExitStack() as tried:
            try:
                address = _address(tried.enter_context(place(data)))
                socket.bind(address)
            except (OSError, zmq.ZMQError) as error:
                log.info("no socket for the workers there: %s", error)
                continue
            held.push(tried.pop_all())
            return address
    socket.bind("tcp://127.0.0.1:*")
    return socket.get(zmq.LAST_ENDPOINT).decode().rstrip("\0")


def _address(folder: Path) -> str:
    path = folder / SOCKET
    if len(os.fsencode(path)) > LONGEST:
        raise OSError(f"'{path}' is too long for a socket's path")
    path.unlink(missing_ok=True)
    return f"ipc://{path}"


@contextmanager
def _in_data(data: Path) -> Iterator[Path]:
    """The data folder has one server, so what is there is an ended one's."""
    folder = data.absolute() / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    yield folder
    (folder / SOCKET).unlink(missing_ok=True)


@contextmanager
def _in_runtime(_: Path) -> Iterator[Path]:
    base = _private(
        Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        / f"propsmith-{os.getuid()}"
    )
    with ExitStack() as held:
        with open_locked(base / LOCK):  # who sweeps must not meet a folder that is half made
            _sweep(base)
            folder = Path(tempfile.mkdtemp(dir=base))
            held.enter_context(open_locked(folder / LOCK, wait=False))
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _private(folder: Path) -> Path:
    """Raises OSError where somebody else could have made it, or may look into it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise OSError(f"'{folder}' is not this user's alone")
    return folder


def _sweep(base: Path) -> None:
    """Folders whose lock nobody holds: their servers were killed."""
    for folder in [path for path in base.iterdir() if path.is_dir()]:
        try:
            with open_locked(folder / LOCK, wait=False):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # it lives, or has just been taken away
