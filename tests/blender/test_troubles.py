"""What goes wrong while all was well: one sentence within a second, and nothing freezes.

Absent servers, wrong addresses, ports of others and the offline preference: test_server.py and
test_live.py.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from streaming import generate, state, streaming


def test_a_killed_server_is_noticed_at_once(core: SimpleNamespace) -> None:
    streaming(core)
    core.backend.kill()
    begun, longest = time.monotonic(), 0.0
    while core.session.now.link != "lost" or "has ended" not in core.session.now.sentence:
        before = time.thread_time()
        core.bridge.pump()
        longest = max(longest, time.thread_time() - before)
        assert time.monotonic() - begun < 5  # by its silence alone it would take 6 s
        time.sleep(0.01)
    assert longest < 0.5
    assert "press Start Server" in core.session.now.sentence


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
    key = connection.pairing_key(connection.Connection({}, "t", "1.0", 0, "s", "p", "q"))
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
