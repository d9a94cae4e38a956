"""The connection, as the add-on sees it: one client at a time, what it is good for, what is wrong.

In: the preferences' choice of a server. Out: `step`, called at each tick, which hands the server's
messages on; and one sentence for the user whenever something is in the way. Never waits.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bpy

from . import advice, choices
from .folders import user_folder
from .preferences import connection_file, preferences
from .translations import n_
from .wire import ZMQ_PROBLEM, connection, messages
from .wire import client as wire_client

log = logging.getLogger(__name__)
WAITING = object()  # what a slice yields that can do no more before the next tick
STATUS_SECONDS = 0.5
MOST_EVENTS = 8  # a tick
KEPT = (messages.Submit, messages.GetFile)  # what somebody waits for, over a new connection too
NO_ROOM = n_("Propsmith can't write its own files ({}): free some disk space.")
START_SECONDS = 60.0  # that a server may take


@dataclass
class State:
    link: str = "off"  # off, connecting, up, lost
    sentence: str = ""  # what is wrong and what to do, or ""
    client: Any = None
    remote: bool = False  # its server is on another computer
    welcome: messages.Welcome | None = None
    status: messages.Status | None = None
    since: float = 0.0  # when `link` became what it is
    asked: float = -1e9  # for the status
    changed: bool = True  # the panels are behind
    unsent: list[tuple[Any, Callable[[Any], None]]] = field(default_factory=list)
    backend: Any = None  # process.Backend, where this Blender started the server
    hints: advice.Hints = field(default_factory=advice.Hints)


now = State()


def is_up() -> bool:
    return now.link == "up"


def changed() -> None:
    """The panels should show something new."""
    now.changed = True


def tell(sentence: str) -> None:
    """In the panel, until something better is known."""
    if now.sentence != sentence:
        now.sentence = sentence
        changed()


def connect() -> bool:
    """Starts to; what comes of it is seen in `now`. False where there is no sense in trying."""
    disconnect()
    if wire_client is None:
        tell(ZMQ_PROBLEM)
        return False
    try:
        path, name = connection_file(), _name()
    except connection.ConnectionFileError as error:
        tell(str(error))
        return False
    except OSError as error:
        tell(NO_ROOM.format(error.strerror or error))
        return False
    remote = advice.is_remote(path)
    if remote and not bpy.app.online_access:
        tell(advice.OFFLINE)
        return False
    software = f"Blender {bpy.app.version_string}"[:64]
    now.client, now.remote = wire_client.Client(path, name, software), remote
    now.hints = advice.Hints(path)
    for message, then in now.unsent:
        now.client.send(message, then)
    now.unsent = []
    _become("connecting", "")
    return True


def disconnect() -> None:
    """Jobs go on at the server; submissions and downloads go on with the next connection."""
    if now.client is not None:
        now.unsent += [one for one in now.client.unanswered() if isinstance(one[0], KEPT)]
        now.client.close()
    now.client = now.welcome = now.status = now.backend = None
    _become("off", "")


def _become(link: str, sentence: str) -> None:
    now.link, now.sentence, now.since = link, sentence, time.monotonic()
    changed()


def _name() -> str:
    """Stable over restarts: the server counts jobs by it."""
    path = user_folder() / "client"
    if not path.is_file():
        path.write_text(f"blender-{secrets.token_hex(6)}")
    return path.read_text().strip()[:64] or "blender"


def send(message: Any, then: Callable[[Any], None] = lambda _: None) -> None:
    """`then` gets the answer or a RemoteError in a later tick, however long the connection takes.

    Raises WireError for a message outside its limits.
    """
    if now.client is None:
        now.unsent.append((message, then))
    else:
        now.client.send(message, then)


def subscribe(watched: list[str]) -> None:
    """News of all jobs, and pictures of these."""
    if now.client is not None:
        interval = float(preferences().interval)
        now.client.subscribe(*watched[:256], everything=True, interval=interval)


# ---- each tick ----


def step() -> list[Any]:
    """What has come: messages of the stream, and Up at each new beginning."""
    if now.client is None:
        return []
    if now.remote and not bpy.app.online_access:  # switched off meanwhile
        disconnect()
        tell(advice.OFFLINE)
        return []
    events = now.client.pump(0.0, MOST_EVENTS)
    for event in events:
        if isinstance(event, wire_client.Up):
            _up(event.welcome)
        elif isinstance(event, wire_client.Down):
            now.welcome = now.status = None
            now.hints = advice.Hints(now.client.file)
            _become("lost", advice.LOST)
    if now.link == "up":
        _ask_status()
    elif sentence := _hint(time.monotonic() - now.since):
        tell(sentence)
    return [event for event in events if not isinstance(event, wire_client.Down)]


def _hint(seconds: float) -> str:
    """What is in the way. A server that this Blender started tells itself why it ended."""
    if now.backend is not None:
        if problem := now.backend.problem():
            return problem
        if seconds < START_SECONDS and now.backend.process.poll() is None:
            return "The server starts."
    return now.hints.sentence(now.client.problem, seconds)


def _up(welcome: messages.Welcome) -> None:
    now.welcome, now.asked = welcome, -1e9
    for kind in ("preset", "prior", "distillation", "timesteps"):
        plural = kind if kind.endswith("s") else f"{kind}s"
        choices.offer(kind, getattr(welcome, plural))
    _become("up", "")


def _ask_status() -> None:
    if time.monotonic() - now.asked > STATUS_SECONDS:
        now.asked = time.monotonic()
        now.client.send(messages.GetStatus(), _status)


def _status(answer: Any) -> None:
    if isinstance(answer, messages.Status):
        before = now.status.storage_error if now.status else ""
        now.status = answer
        if answer.storage_error or now.sentence == before:
            tell(answer.storage_error)
        changed()
