"""A server from the panel, a remote one by its key, and what is said when something is wrong."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import pytest
from conftest import ENVIRONMENT, ROOT, Backend, pump_until

NAMES = ("bridge", "session", "preferences", "advice", "process", "wire", "operators_server")


@pytest.fixture
def core(addon: ModuleType) -> Iterator[SimpleNamespace]:
    parts = {name: importlib.import_module(f"{addon.__name__}.{name}") for name in NAMES}
    core = SimpleNamespace(addon=addon, **parts)
    core.chosen = core.preferences.preferences()
    core.chosen.mode = "LOCAL"
    core.wait = lambda condition, what: pump_until(addon, condition, what, 60.0)
    yield core
    core.session.disconnect()


@pytest.fixture
def program(tmp_path: Path) -> str:
    """`propsmith` as an installed one is: a file that can be run."""
    path = tmp_path / "propsmith"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{ENVIRONMENT}" -m backend.cli "$@"\n')
    path.chmod(0o755)
    return str(path)


class Clock:
    """Time that passes as the timer's ticks do, whatever else the machine has to do: what needs
    a number of ticks by design needs as many here."""

    def __init__(self, core: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
        self.core, self.seconds = core, 0.0
        monkeypatch.setattr(core.session, "time", SimpleNamespace(monotonic=self.monotonic))

    def monotonic(self) -> float:
        return self.seconds

    def until(self, words: str) -> float:
        """Seconds of ticks, and of the panels' redraw, from now until the user reads that."""
        begun = self.seconds
        while words not in self.core.session.now.sentence:
            assert self.seconds < begun + 10, self.core.session.now.sentence
            self.core.bridge.pump()
            self.seconds += self.core.bridge.CALM
        assert self.core.session.now.sentence.endswith(".")
        return self.seconds - begun + self.core.bridge.REDRAW_SECONDS


@pytest.fixture
def clock(core: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(core, monkeypatch)


def file_for(core: SimpleNamespace, path: Path, port: int, pid: int = 0) -> Path:
    connection = core.wire.connection
    addresses = {
        n: f"tcp://127.0.0.1:{port + i}" for i, n in enumerate(core.wire.messages.CHANNELS)
    }
    connection.write_connection(path, connection.Connection(addresses, "ab" * 32, "1.0", pid))
    core.chosen.mode, core.chosen.connection_file = "FILE", str(path)
    return path


def test_started_and_stopped_from_the_panel(
    core: SimpleNamespace, program: str, tmp_path: Path
) -> None:
    core.chosen.python, core.chosen.data = program, str(tmp_path / "data")
    assert bpy.ops.propsmith.start_backend() == {"FINISHED"}
    process = core.operators_server.started[0].process
    try:
        core.wait(core.session.is_up, "the server")
        core.wait(lambda: core.session.now.status is not None, "its status")
        assert core.session.now.welcome.server.startswith("propsmith")
        if hasattr(os, "getsid"):  # it survives Blender
            assert os.getsid(process.pid) != os.getsid(0)
        assert core.operators_server.log_file().read_text()
        assert bpy.ops.propsmith.stop_backend() == {"FINISHED"}
        core.wait(lambda: process.poll() is not None, "its end")
        assert process.returncode == 0
    finally:
        process.kill()


def test_why_a_started_server_ended_is_said(
    core: SimpleNamespace, program: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    core.chosen.python, core.chosen.data = program, str(tmp_path / "file" / "data")
    bpy.ops.propsmith.start_backend()
    core.wait(lambda: "cannot be written to" in core.session.now.sentence, "the reason")


def test_a_server_started_on_a_busy_port_says_so(core: SimpleNamespace, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        program = tmp_path / "propsmith"
        options = f"--port {busy.getsockname()[1]} --data '{tmp_path / 'data'}'"
        command = f'PYTHONPATH="{ROOT}" exec "{ENVIRONMENT}" -m backend.cli "$@" {options}'
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
        core.chosen.python = str(program)
        assert bpy.ops.propsmith.start_backend() == {"FINISHED"}
        core.wait(lambda: "already in use" in core.session.now.sentence, "the reason")
    assert "choose another" in core.session.now.sentence


@pytest.mark.parametrize("program", ["/nowhere/python", str(ROOT), str(ROOT / "README.md")])
def test_a_wrong_program_gets_a_sentence(core: SimpleNamespace, program: str) -> None:
    core.chosen.python = program
    with pytest.raises(RuntimeError, match=r"program|folder"):
        bpy.ops.propsmith.start_backend()
    assert core.session.now.sentence.endswith(".")


def test_a_port_where_nobody_listens(core: SimpleNamespace, clock: Clock, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file_for(core, tmp_path / "c.json", port)
    core.session.connect()
    assert clock.until("has ended: start 'propsmith serve' again") < 1


def test_a_port_that_another_program_has(
    core: SimpleNamespace, clock: Clock, tmp_path: Path
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        file_for(core, tmp_path / "c.json", busy.getsockname()[1])
        core.session.connect()
        assert clock.until("if another program has the port, start") < 1


def test_a_server_of_another_version(core: SimpleNamespace, clock: Clock, tmp_path: Path) -> None:
    """Both ways round; the first frame of every message has the number."""
    import zmq

    codec = importlib.import_module(f"{core.wire.messages.__package__}.codec")
    for number, words in (("9.0", "update the extension"), ("0.9", "update the server")):
        with zmq.Context() as context, context.socket(zmq.ROUTER) as other:
            port = other.bind_to_random_port("tcp://127.0.0.1")
            file_for(core, tmp_path / "c.json", port)
            core.session.connect()
            key = codec.key_for("ab" * 32, "server", "requests")
            first = f"propsmith/{number}".encode()
            frames = [first, codec.hmac.digest(key, first + b"{}", "sha256"), b"{}"]

            def answered(other=other, frames=frames) -> bool:
                if other.poll(10):
                    client = other.recv_multipart()[0]
                    other.send_multipart([client, *frames])
                return "protocol" in core.session.now.client.problem

            core.wait(answered, "that the client notices")
            assert clock.until(words) < 1
            assert f"protocol {number}" in core.session.now.sentence
            core.session.disconnect()


def test_an_absent_server(core: SimpleNamespace, clock: Clock, monkeypatch, tmp_path) -> None:
    path = tmp_path / "nowhere.json"
    core.chosen.mode, core.chosen.connection_file = "FILE", str(path)
    assert core.session.connect()
    assert clock.until(f"There is no connection file '{path}'") < 1
    monkeypatch.setattr(core.wire.connection, "default_connection_file", lambda: path)
    core.chosen.mode = "LOCAL"
    assert core.session.connect()
    assert clock.until("press Start Server") < 1


def test_a_dead_server_s_file(core: SimpleNamespace, clock: Clock, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    file_for(core, tmp_path / "c.json", 9, gone.pid)
    core.session.connect()
    assert clock.until("has ended") < 1


def test_other_machines_need_online_access(core: SimpleNamespace, tmp_path: Path) -> None:
    connection = core.wire.connection
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, *["k" * 40] * 3))
    path = tmp_path / "remote.json"
    connection.write_connection(path, connection.paired("192.0.2.7:7450", key))
    assert core.advice.is_remote(path)
    assert not core.advice.is_remote(file_for(core, tmp_path / "l.json", 9))
    assert not core.advice.is_remote(tmp_path / "none.json")


def test_a_key_that_was_not_pasted_whole(core: SimpleNamespace) -> None:
    connection = core.wire.connection
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, *["k" * 40] * 3))
    core.chosen.mode, core.chosen.address = "REMOTE", "192.0.2.7:7450"
    for part in (key[:-5], key[:60], "x"):
        core.chosen.pairing_key = part
        assert not core.session.connect()
        assert "no pairing key: paste all" in core.session.now.sentence


@pytest.mark.parametrize("change", [{"server_key": "short"}, {"addresses": "tcp://no such:99999"}])
def test_a_file_that_leads_nowhere(
    core: SimpleNamespace, clock: Clock, tmp_path: Path, change: dict[str, str]
) -> None:
    path = file_for(core, tmp_path / "c.json", 9)
    values = json.loads(path.read_text())
    if "addresses" in change:
        change = {"addresses": dict.fromkeys(values["addresses"], change["addresses"])}
    path.write_text(json.dumps({**values, **change}))
    assert core.session.connect()
    assert clock.until("leads to no server") < 1


def test_an_address_where_nobody_answers(
    core: SimpleNamespace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """192.0.2.0/24 is nobody's, by RFC 5737; a network without a way there refuses at once."""
    connection = core.wire.connection
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, *["k" * 40] * 3))
    chosen, system = core.chosen, bpy.context.preferences.system
    chosen.mode, chosen.address, chosen.pairing_key = "REMOTE", "192.0.2.7:7450", key
    before, system.use_online_access = system.use_online_access, True
    try:
        assert core.session.connect()
        assert clock.until("192.0.2.7:7450: ") < 1
        system.use_online_access = False  # while it tries
        assert clock.until("Allow Online Access") < 1
        assert core.session.now.client is None
    finally:
        system.use_online_access = before


def test_a_pairing_key_leads_to_an_encrypted_server(
    core: SimpleNamespace, start_backend: Callable[..., Backend], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = min(free.getsockname()[1], 60_000)
    start_backend("fake_worker.py", curve=True, port=port)
    command = [ENVIRONMENT, "-m", "backend.cli", "keys", "--data", str(tmp_path / "data")]
    command += ["--client", "desk", "--host", "127.0.0.1", "--port", str(port)]
    command += ["-o", str(tmp_path / "desk.json")]
    text = subprocess.check_output(command, cwd=ROOT, text=True)
    core.chosen.mode, core.chosen.address = "REMOTE", f"127.0.0.1:{port}"
    core.chosen.pairing_key = next(w for w in text.split() if w.startswith("propsmith-"))
    assert core.session.connect(), core.session.now.sentence
    core.wait(core.session.is_up, "the encrypted connection")
    assert core.session.now.client.file.stat().st_mode & 0o077 == 0
