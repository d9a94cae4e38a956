"""A server that ends, comes back, or only sleeps: what its clients notice, and how."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import messages as m
from shared import upkeep
from shared.client import Client, Down, Up
from shared.connection import Connection, write_connection
from shared.lines import Lines
from shared.presence import Presence
from tests.service.conftest import DEADLINE, Served, wait_for

Serve, Connect = Callable[..., Served], Callable[..., Client]
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def is_up(event: Any) -> bool:
    return isinstance(event, Up)


def is_down(event: Any) -> bool:
    return isinstance(event, Down)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Neither silence nor a missing welcome makes clients start over."""
    monkeypatch.setattr(upkeep, "DEAD_SECONDS", 1e6)
    monkeypatch.setattr(upkeep, "HELLO_SECONDS", 1e6)
    return monkeypatch


@pytest.fixture
def deaf(patient: pytest.MonkeyPatch) -> None:
    """Nor do they see that a connection ends, as where a machine between them hides it."""
    patient.setattr(Lines, "has_broken", lambda self: False)


def test_a_connection_that_ends_is_seen(
    serve: Serve, connect: Connect, patient: pytest.MonkeyPatch
) -> None:
    served, client = serve(), connect()
    client.call(m.Ping(), DEADLINE)
    served.kill()
    assert wait_for(client, is_down).reason == "the connection broke"


@POSIX
def test_a_server_whose_process_is_gone_is_given_up(
    serve: Serve, connect: Connect, deaf: None
) -> None:
    served, client = serve(), connect()
    client.call(m.Ping(), DEADLINE)
    served.kill()
    assert wait_for(client, is_down).reason == "the server has ended"


def test_the_next_server_is_found_by_its_file(serve: Serve, connect: Connect, deaf: None) -> None:
    served, client = serve(), connect()
    wait_for(client, is_up)
    for _ in range(2):  # the second time while the hello to the dead one waits
        served.kill()
        wait_for(client, is_down)
        served.start()
        wait_for(client, is_up)
        client.call(m.Ping(), DEADLINE)


@POSIX
def test_a_server_that_is_stopped_for_a_while_is_not_given_up(
    serve: Serve, connect: Connect, patient: pytest.MonkeyPatch
) -> None:
    served, client = serve(), connect()
    wait_for(client, is_up)
    assert served.process is not None
    served.process.send_signal(signal.SIGSTOP)
    try:
        began, events = time.monotonic(), []
        while time.monotonic() - began < 4 * upkeep.QUIET_SECONDS:
            events += client.pump(0.2)
    finally:
        served.process.send_signal(signal.SIGCONT)
    client.call(m.Ping(), DEADLINE)
    assert not events and not client.pump()


def test_a_client_that_slept_finds_its_server_as_it_was(serve: Serve, connect: Connect) -> None:
    served, client = serve(), connect()
    wait_for(client, is_up)
    kept = client._upkeep
    for _ in range(3):  # as if a laptop had been shut for a day
        kept._heard -= 86_400
        kept._pinged -= 86_400
        kept._looked -= 86_400
        client.call(m.Ping(), DEADLINE)
    assert not client.pump(0.1)
    assert client.call(m.GetStatus(), DEADLINE).clients == 1 and served.process is not None


def test_doubts_are_over_with_the_next_answer(
    serve: Serve, connect: Connect, patient: pytest.MonkeyPatch
) -> None:
    """A process number of another machine or container tells nothing."""
    pings: list[float] = []
    put = Lines.put

    def counted(self: Lines, channel: str, message: Any, session: str) -> tuple[int, bool]:
        pings.extend([time.monotonic()] * isinstance(message, m.Ping))
        return put(self, channel, message, session)

    patient.setattr(Presence, "seems_over", lambda self: True)
    patient.setattr(Lines, "put", counted)
    serve()
    client, events = connect(), []
    wait_for(client, is_up)
    while len(pings) < upkeep.DOUBTS + 3:
        events += client.pump(0.2)
    assert not events


def connection(pid: int) -> Connection:
    return Connection(dict.fromkeys(m.CHANNELS, "tcp://127.0.0.1:9"), "t" * 64, "1.1", pid)


def test_a_presence_sees_another_server_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "connection.json"
    write_connection(file, connection(os.getpid()))
    presence = Presence(file)
    assert not presence.moved() and not presence.seems_over()
    write_connection(file, connection(os.getpid()))  # the same again
    assert not presence.moved()
    file.write_text("{")
    assert not presence.moved()  # half of it; it is looked at again
    write_connection(file, connection(1))
    assert presence.moved() and not presence.seems_over()
    file.unlink()
    assert presence.seems_over() and not presence.moved()


@POSIX
@pytest.mark.parametrize(("pid", "over"), [(0, False), (2**22 + 9, True), (2**70, False)])
def test_only_a_process_that_is_known_to_be_gone_is_over(
    pid: int, over: bool, tmp_path: Path
) -> None:
    file = tmp_path / "connection.json"
    write_connection(file, connection(pid))
    assert Presence(file).seems_over() == over
