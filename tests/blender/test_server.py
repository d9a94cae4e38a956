"""A server from the panel, a remote one by its key, and what is said when something is wrong."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import time
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


def said_within(core: SimpleNamespace, words: str, seconds: float) -> bool:
    begun = time.monotonic()
    core.wait(lambda: words in core.session.now.sentence, words)
    return time.monotonic() - begun < seconds


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


@pytest.mark.parametrize("program", ["/nowhere/python", str(ROOT), str(ROOT / "README.md")])
def test_a_wrong_program_gets_a_sentence(core: SimpleNamespace, program: str) -> None:
    core.chosen.python = program
    with pytest.raises(RuntimeError, match=r"program|folder"):
        bpy.ops.propsmith.start_backend()
    assert core.session.now.sentence.endswith(".")


def test_a_port_where_nobody_listens(core: SimpleNamespace, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file_for(core, tmp_path / "c.json", port)
    core.session.connect()
    assert said_within(core, "has ended: press Start Server", 2.0)


def test_a_port_that_another_program_has(core: SimpleNamespace, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        file_for(core, tmp_path / "c.json", busy.getsockname()[1])
        core.session.connect()
        assert said_within(core, "another program has the port", 3.0)


def test_a_dead_server_s_file(core: SimpleNamespace, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    file_for(core, tmp_path / "c.json", 9, gone.pid)
    core.session.connect()
    core.bridge.pump()
    assert "has ended" in core.session.now.sentence


def test_other_machines_need_online_access(core: SimpleNamespace, tmp_path: Path) -> None:
    connection = core.wire.connection
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, "s", "p", "q"))
    path = tmp_path / "remote.json"
    connection.write_connection(path, connection.paired("192.0.2.7:7450", key))
    assert "Allow Online Access" in core.advice.offline(path, False)
    assert core.advice.offline(path, True) == ""
    assert core.advice.offline(file_for(core, tmp_path / "l.json", 9), False) == ""


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
