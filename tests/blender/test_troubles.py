"""What goes wrong while all was well: one sentence within a second, and nothing freezes.

The second is counted in ticks of the timer, so that a busy machine changes nothing. Absent servers,
wrong addresses, ports of others and other versions: test_server.py and test_live.py.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest
from streaming import generate, state, streaming


def test_a_killed_server_is_noticed_at_once(core: SimpleNamespace) -> None:
    """By its broken connection, not by its silence, for which it has 6 s."""
    streaming(core)
    down, pump = [], core.session.now.client.pump

    def noted(*arguments: Any) -> list[Any]:
        events = pump(*arguments)
        down.extend(event.reason for event in events if hasattr(event, "reason"))
        return events

    core.session.now.client.pump = noted
    core.backend.kill()
    core.wait(lambda: core.session.now.link == "lost", "the loss")
    assert down == ["the connection broke"]
    ticks = 1
    while "has ended" not in core.session.now.sentence:
        core.bridge.pump()
        ticks += 1
        assert ticks < 10
    assert ticks * core.bridge.CALM + core.bridge.REDRAW_SECONDS < 1
    assert "start 'propsmith serve' again" in core.session.now.sentence


def test_no_tick_waits(
    core: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a server, with none, with one that is killed: nothing sleeps or polls for a while."""
    waits: list[float] = []
    sleep, poller = time.sleep, importlib.import_module("zmq").Poller

    def noted(plain: Any) -> Any:
        """The function; its last argument is how long it may take."""
        return lambda *given: (waits.append(given[-1]), plain(*given))[1]

    monkeypatch.setattr(core.advice.select, "select", noted(core.advice.select.select))
    monkeypatch.setattr(poller, "poll", noted(poller.poll))

    def ticks(count: int) -> None:
        for _ in range(count):
            with monkeypatch.context() as inside:
                inside.setattr(time, "sleep", waits.append)
                core.bridge.pump()
            sleep(0.01)

    streaming(core)
    ticks(20)
    core.backend.kill()
    ticks(50)
    core.session.disconnect()
    core.preferences.preferences().connection_file = str(tmp_path / "nowhere.json")
    core.session.connect()
    ticks(20)
    assert len(waits) > 20 and not any(waits)


def test_the_disk_s_end_is_asked_for_often_enough(core: SimpleNamespace) -> None:
    """The server tells it in its status; a submission that finds no room is answered at once."""
    bridge = core.bridge
    assert core.session.STATUS_SECONDS + bridge.CALM + bridge.REDRAW_SECONDS < 1


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_a_full_disk_of_the_server_is_told(core: SimpleNamespace) -> None:
    import resource

    job = generate("steps=600 pause=0.01").propsmith.job
    core.wait(lambda: state(core, job) == "running", "a job")
    pid = core.backend.process.pid
    data = (core.backend.folder / "data").glob("jobs.sqlite*")
    allowed = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(p.stat().st_size for p in data), allowed[1]))
    last = ""

    def told() -> bool:
        nonlocal last
        if core.session.now.sentence:
            return True
        if state(core, last) != "queued":  # this one still went into the book of jobs
            last = generate("x" * 1900).propsmith.job
        return False

    core.wait(told, "the disk's end")
    assert "disk" in core.session.now.sentence and core.session.now.sentence.endswith(".")
    assert core.session.is_up()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, allowed)
    core.wait(lambda: state(core, job) == "done", "the job, when there is room again")


def test_a_full_disk_of_blender_is_told(
    core: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    core.session.disconnect()
    monkeypatch.setattr(core.session, "user_folder", full)
    assert not core.session.connect()
    assert core.session.now.sentence == (
        "Propsmith can't write its own files (No space left on device): free some disk space."
    )


def test_offline_no_other_computer_is_asked(core: SimpleNamespace) -> None:
    connection = importlib.import_module(f"{core.addon.__name__}.wire").connection
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, *["k" * 40] * 3))
    chosen, system = core.preferences.preferences(), bpy.context.preferences.system
    chosen.mode, chosen.address, chosen.pairing_key = "REMOTE", "192.0.2.7:7450", key
    before, system.use_online_access = system.use_online_access, False
    try:
        assert bpy.app.online_access is False
        with pytest.raises(RuntimeError, match="Allow Online Access"):
            bpy.ops.propsmith.connect()
        assert core.session.now.client is None
    finally:
        system.use_online_access = before


def test_a_picture_that_is_gone_is_told(core: SimpleNamespace, tmp_path: Path) -> None:
    bpy.context.scene.propsmith.image = str(tmp_path / "nowhere.png")
    bpy.context.scene.propsmith.prompt = "a chair"
    with pytest.raises(RuntimeError, match="There is no picture"):
        bpy.ops.propsmith.generate()


def test_a_server_can_not_be_started_on_a_full_disk(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor its log be opened: the folder can't be made."""
    server = importlib.import_module(f"{addon.__name__}.operators_server")

    def full(name: str = "") -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server, "user_folder", full)
    monkeypatch.setattr(server.process, "command_of", lambda _: ["propsmith"])
    for name in ("start_backend", "open_log"):
        with pytest.raises(RuntimeError, match="No space left on device"):
            getattr(bpy.ops.propsmith, name)()
    assert not any(backend.process.poll() is None for backend in server.started)
