"""What machines do to servers: stopped processes, disks that really fill, folders that are shared
or can't be written to. Where a file system has to be mounted, root is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.errors import InputError
from backend.service.folder import DataFolder
from shared import messages as m
from shared.client import Client
from shared.errors import RemoteError
from tests.service.conftest import (
    ROOT,
    Served,
    finish,
    state_is,
    submit,
    wait_for,
    wait_until,
)

Serve, Connect = Callable[..., Served], Callable[..., Client]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and mounts")


@pytest.mark.parametrize("victim", ["server", "worker", "both"])
def test_processes_that_are_stopped_and_go_on_lose_nothing(
    serve: Serve, connect: Connect, victim: str
) -> None:
    served, client = serve(), connect()
    job = submit(client, "steps=200 pause=0.01")
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, m.News) and e.info.step > 3)
    assert served.process is not None
    pids = {"server": [served.process.pid], "worker": served.worker_pids()}
    pids["both"] = pids["server"] + pids["worker"]
    for pid in pids[victim]:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    for pid in pids[victim]:
        os.kill(pid, signal.SIGCONT)
    info = finish(client, job)
    assert (info.state, info.attempts) == ("done", 1)
    assert client.call(m.GetStatus()).retries == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=2m", "none", str(path)):
        yield path


class mounted:
    def __init__(self, *words: str):
        self.words = words

    def __enter__(self) -> None:
        try:
            run = subprocess.run(["mount", *self.words], capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if run.returncode:
            pytest.skip(f"file systems can't be mounted here: {run.stderr.strip()}")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.words[-1]], check=True)


def fill(path: Path) -> Path:
    """Takes what room is left, to the last byte."""
    filler = path / "filler"
    with open(filler, "ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return filler


def test_a_disk_that_fills_pauses_the_job_and_room_lets_it_go_on(
    serve: Serve, connect: Connect, small_disk: Path
) -> None:
    serve(data=str(small_disk / "data"))
    client = connect()
    first = submit(client, "steps=2")
    finish(client, first)
    filler = fill(small_disk)
    job = "f" * 32
    try:
        client.call(m.Submit(job, m.Settings("steps=4 bytes=300000")))
    except RemoteError as error:  # the database had no page left
        assert error.code == "storage", error
    else:
        client.subscribe(job, interval=0)
        news = wait_for(client, state_is("paused"))
        assert news.info.error_code == "storage"
    assert client.call(m.GetJob(first)).info.state == "done"
    filler.unlink()
    client.call(m.Submit(job, m.Settings("steps=4 bytes=300000")))
    if client.call(m.GetJob(job)).info.state == "paused":
        client.call(m.Resume(job))
    info = finish(client, job)
    assert info.state == "done" and not info.error
    assert len(b"".join(client.fetch(job, "prop.glb"))) == 300_000
    wait_until(lambda: not client.call(m.GetStatus()).storage_error, "the end of the trouble")


def test_a_server_starts_on_a_full_disk_or_says_why_not(
    serve: Serve, connect: Connect, small_disk: Path
) -> None:
    served, client = serve(data=str(small_disk / "data")), connect()
    job = submit(client, "steps=2")
    finish(client, job)
    served.stop()
    filler = fill(small_disk)
    run = second_server(small_disk / "data", small_disk.parent / "other.json")
    assert run.returncode == 2 and len(run.stderr.splitlines()) == 1, run.stderr
    assert "--data" in run.stderr or "free some space" in run.stderr
    filler.unlink()
    served.start()
    assert client.call(m.GetJob(job), 60).info.state == "done"


def second_server(data: Path, file: Path) -> subprocess.CompletedProcess[str]:
    options = {"data": str(data), "connection_file": str(file), "devices": ["cpu"]}
    return subprocess.run(
        [sys.executable, "tests/service/serve.py", json.dumps(options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_second_server_on_one_folder_is_refused_and_the_first_goes_on(
    serve: Serve, connect: Connect
) -> None:
    served, client = serve(), connect()
    before = served.file.read_text()
    run = second_server(served.folder / "data", served.file)
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1 and "Another server uses" in run.stderr
    assert served.file.read_text() == before
    assert finish(client, submit(client)).state == "done"


def test_a_folder_that_is_mounted_read_only_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with DataFolder(data):
        pass
    with mounted("--bind", "-o", "ro", str(data), str(data)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(data)], check=True)
        with pytest.raises(InputError, match=r"cannot be written to \(Read-only"), DataFolder(data):
            pass
        run = second_server(data, tmp_path / "connection.json")
        assert run.returncode == 2 and "--data" in run.stderr
    with DataFolder(data):
        pass
