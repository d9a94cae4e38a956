"""Servers in processes of their own, and clients, for the tests of the service."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.client import Client
from shared.messages import OVER, GetJob, JobInfo, News, Settings, Submit

ROOT = Path(__file__).parents[2]
# Seconds: far above what anything here takes, far below a stuck CI; more on a busy machine.
DEADLINE = float(os.environ.get("PROPSMITH_SERVICE_DEADLINE") or 120)


class Served:
    """A server that can be stopped, killed and started again on the same folder."""

    def __init__(self, folder: Path, **options: Any):
        self.folder = folder
        self.options = {"data": str(folder / "data"), "devices": ["cpu"], **options}
        self.file = folder / "connection.json"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Served:
        options = {"connection_file": str(self.file), **self.options}
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "tests/service/serve.py", json.dumps(options)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE)
        self._close()
        return code

    def _close(self) -> None:
        if self.process and self.process.stdout:
            self.process.stdout.close()
        self.process = None

    def worker_pids(self) -> list[int]:
        assert self.process is not None
        return children_of(self.process.pid)


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers; ends them after the test."""
    servers: list[Served] = []

    def start(**options: Any) -> Served:
        served = Served(tmp_path, **options)
        servers.append(served)
        return served.start()

    yield start
    for served in servers:
        if served.process is not None:
            served.kill()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Clients of the server in this test's folder."""
    clients: list[Client] = []

    def make(name: str = "tests") -> Client:
        clients.append(Client(tmp_path / "connection.json", name))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def submit(client: Client, prompt: str = "steps=3", priority: int = 0, **settings: Any) -> str:
    job = secrets.token_hex(16)
    client.call(Submit(job, Settings(prompt, **settings), priority), DEADLINE)
    return job


def wait_for(client: Client, what: Callable[[Any], Any]) -> Any:
    """Pumps until an event satisfies; returns it."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        for event in client.pump(1.0):
            if what(event):
                return event
    raise AssertionError("it did not happen in time")


def state_is(*states: str) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, News) and event.info.state in states


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not in time: {what}")


def finish(client: Client, job: str) -> JobInfo:
    """Waits until the job is over."""
    client.subscribe(job, interval=0)
    wait_for(client, lambda e: isinstance(e, News) and e.info.job == job and e.info.state in OVER)
    return client.call(GetJob(job), DEADLINE).info
