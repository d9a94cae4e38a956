"""A worker as the server sees it: a child process, its signs of life, and what it is doing.

Nothing here waits: `start` returns at once, messages come through the server's loop, and every
limit is looked at in the scheduler's `tick`. All times are of the monotonic clock.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from backend.service.config import ServeConfig
from backend.service.link import Beat
from backend.service.worker import Start
from shared.codec import key_for
from shared.messages import WorkerInfo

log = logging.getLogger(__name__)
MOST_OUTPUT = 1 << 20  # bytes of a worker's output that are kept, twice


@dataclass
class Worker:
    """One for each device; the process behind it comes and goes."""

    name: str
    device: str  # as asked for
    config: ServeConfig
    lock: Path
    output: Path  # what the process prints: crashes, libraries' warnings
    state: str = "off"  # off, starting, idle, running, stopping
    on: str = ""  # the device it said it is on
    job: str = ""
    last_job: str = ""
    beat: Beat = field(default_factory=Beat)
    route: bytes = b""  # of its socket
    since: float = 0.0  # in this state
    heard: float = 0.0  # any message
    stepped: float = 0.0  # the last one that told of a step
    restarts: int = -1
    not_before: float = 0.0  # a worker that died while it started waits longer each time
    wait: float = 1.0
    why_ended: str = ""  # "hung" where we ended it
    process: subprocess.Popen[bytes] | None = None
    key_in: bytes = b""
    key_out: bytes = b""

    def start(self, address: str) -> None:
        """Raises OSError where the system gives no process; nothing has changed then. One that is
        gone again before it was spoken to has started: `ended` tells of its end."""
        secret = secrets.token_hex(32)
        self.key_in = key_for(secret, "worker", "link")
        self.key_out = key_for(secret, "server", "link")
        device, environment = environment_for(self.device)
        line = json.dumps(asdict(Start(address, secret, device, str(self.lock)))) + "\n"
        with _output_file(self.output) as output:
            self.process = subprocess.Popen(
                self.config.worker_command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
            )
        self.route, self.beat, self.job, self.why_ended = b"", Beat(), "", ""
        self.heard = time.monotonic()
        self.restarts += 1
        self.become("starting")
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            os.write(self.process.stdin.fileno(), line.encode())

    def become(self, state: str) -> None:
        self.state, self.since = state, time.monotonic()

    def kill(self, why: str = "") -> None:
        """The end is seen by `ended`."""
        self.why_ended = self.why_ended or why
        if self.process:
            self.process.kill()
            self.become("stopping")

    def ended(self) -> int | None:
        """The exit status once, when the process is gone and cleared away."""
        if self.process is None or self.process.poll() is None:
            return None
        status = self.process.returncode
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process = None
        return status

    def info(self) -> WorkerInfo:
        device, restarts = (self.on or self.device)[:64], max(self.restarts, 0)
        return WorkerInfo(self.name, device, self.state, self.job, self.beat.memory, restarts)


def environment_for(device: str) -> tuple[str, dict[str, str]]:
    """ "cuda:1" is the only GPU that its worker sees, so that no context strays to another."""
    environment = {
        **os.environ,
        "TRANSFORMERS_VERBOSITY": "error",
        "DIFFUSERS_VERBOSITY": "error",
        "PYTHONUNBUFFERED": "1",
    }
    name, _, index = device.partition(":")
    if name == "cuda" and index:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        chosen = visible.split(",")[int(index)] if visible else index
        environment["CUDA_VISIBLE_DEVICES"] = chosen
    return name, environment


def was_killed_from_outside(status: int) -> bool:
    """SIGKILL, SIGTERM and their like say nothing about the job; crashes do."""
    if os.name == "nt":
        return False
    return -status in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def out_of_memory_kills() -> int:
    """How often the system has ended processes for want of memory, in this cgroup or at all."""
    for path, key in (
        ("/sys/fs/cgroup/memory.events", "oom_kill"),
        ("/proc/vmstat", "oom_kill"),
    ):
        try:
            pairs = dict(line.split() for line in Path(path).read_text().splitlines())
        except (OSError, ValueError):
            continue
        if key in pairs:
            return int(pairs[key])
    return 0


def _output_file(path: Path) -> IO[bytes]:
    """Where the disk takes no more, a worker runs without it."""
    try:
        if path.exists() and path.stat().st_size > MOST_OUTPUT:
            path.replace(path.with_name(path.name + ".1"))
        return open(path, "ab")
    except OSError as error:
        log.warning("a worker's output is not kept: %s", error)
        return open(os.devnull, "ab")
