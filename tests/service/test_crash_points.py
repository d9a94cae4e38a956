"""kill -9 of the server at each thing it does to the disk, one after the other: nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import messages as m
from shared.client import Client
from shared.errors import RemoteError
from tests.service.conftest import ROOT, wait_until
from tests.service.crash_points import VARIABLE

PICTURE = b"a picture " * 100_000  # two pieces
POINTS = 60  # what a server does in `story`, and some more
SAMPLE = range(2, POINTS, 6)  # each takes seconds; `check` takes any


class Mortal:
    """A server that is started again, without its point, whenever it has died."""

    def __init__(self, folder: Path, point: int):
        self.folder, self.file, self.deaths = folder, folder / "connection.json", 0
        self.process = self._start(point)

    def _start(self, point: int) -> subprocess.Popen[str]:
        options = {
            "data": str(self.folder / "data"),
            "connection_file": str(self.file),
            "devices": ["cpu"],
        }
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if point:
            environment[VARIABLE] = str(point)
        command = [sys.executable, "tests/service/serve.py", json.dumps(options)]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, text=True
        )

    def look(self) -> None:
        if (status := self.process.poll()) is not None:
            assert status == -9, "it ended by itself"
            self.deaths += 1
            self.process = self._start(0)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def ask(server: Mortal, client: Client, message: Any) -> Any:
    """The answer of whichever server lives to give it."""
    answers: list[Any] = []
    client.send(message, answers.append)

    def answered() -> bool:
        server.look()
        client.pump(0.05)
        return bool(answers)

    wait_until(answered, f"the answer to {type(message).__name__}")
    return answers[0]


def send(server: Mortal, client: Client, data: bytes) -> str:
    steps = client.uploading(data)
    try:
        while True:
            next(steps)
            server.look()
            client.pump(0.02)
    except StopIteration as end:
        return end.value


def story(server: Mortal, client: Client) -> None:
    """An upload, a job with it, one that is paused and goes on, one that is deleted."""
    picture = send(server, client, PICTURE)
    first, second, third = (secrets.token_hex(16) for _ in range(3))
    wishes = {
        first: m.Settings("steps=3", image=picture),
        second: m.Settings("steps=40 pause=0.02 bytes=5000"),
        third: m.Settings("steps=2"),
    }
    for job, settings in wishes.items():
        assert isinstance(ask(server, client, m.Submit(job, settings)), m.Job)
    for wish in (m.Pause(second), m.Resume(second)):
        ask(server, client, wish)  # whatever it is doing just then

    def state(job: str) -> str:
        answer = ask(server, client, m.GetJob(job))
        return "gone" if isinstance(answer, RemoteError) else answer.info.state

    for job in wishes:
        wait_until(lambda job=job: state(job) == "done", "its end")
    assert isinstance(ask(server, client, m.Delete(third)), m.Done | RemoteError)
    assert state(third) == "gone"
    for job, name, content in (
        (first, "upload-0", PICTURE),
        (second, "prop.glb", b"steps=40 pause=0.02 bytes=5000" * 5000),
    ):
        info = ask(server, client, m.GetJob(job)).info
        size = {file.name: file.size for file in info.files}[name]
        found = (server.folder / "data" / "jobs" / job / name).read_bytes()
        assert hashlib.sha256(found).digest() == hashlib.sha256(content[:size]).digest()
        assert info.attempts <= 2 + server.deaths


def check(folder: Path, point: int) -> int:
    server = Mortal(folder, point)
    try:
        with Client(server.file, "tests") as client:
            story(server, client)
            status = ask(server, client, m.GetStatus())
            assert (status.done, status.failed, status.storage_error) == (2, 0, "")
    finally:
        server.end()
    return server.deaths


@pytest.mark.parametrize("point", SAMPLE)
def test_a_server_that_dies_at_its_nth_touch_of_the_disk_loses_nothing(
    tmp_path: Path, point: int
) -> None:
    assert check(tmp_path, point) == 1  # it did die
