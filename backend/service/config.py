"""Settings of the server. No torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from backend.guidance.catalogue import pulled

GIGABYTE = 10**9


@dataclass(frozen=True)
class ServeConfig:
    data: Path  # jobs, results, checkpoints, keys, logs
    connection_file: Path
    bind: str = "127.0.0.1"
    port: int = 0  # of `requests`; control and stream take the next two; 0: free ones
    curve: bool = False  # keys also on loopback
    devices: tuple[str, ...] = ("auto",)  # one worker each
    data_limit: int = 20 * GIGABYTE  # bytes; jobs that are over lose their files, oldest first
    priors: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({"embedded": "embedded"})
    )  # the names clients may ask for beside those of pulled priors -> what --prior takes
    presets: tuple[str, ...] = ("draft", "standard", "high")
    # Of Welcome.features.
    features: tuple[str, ...] = (
        *("upload", "image", "image-alone", "refine", "distillation-settings"),
    )
    uploads_a_client: int = 2 << 30  # bytes
    idle_seconds: float = 300.0  # after which a worker without a job ends, and frees its memory
    hang_seconds: float = 900.0  # without a step, while a job runs
    silent_seconds: float = 30.0  # without a sign of life from the worker's process
    start_seconds: float = 180.0  # for a worker to load its libraries
    cancel_seconds: float = 4.0  # a worker that is asked to stop gets before it is ended
    pause_seconds: float = 60.0  # the same, where it should save first
    crashes: int = 3  # at one place, before the job has failed
    kills: int = 100  # from outside: those are no fault of the job
    checkpoint_seconds: float = 30.0
    session_seconds: float = 600.0  # of silence
    max_sessions: int = 64
    max_jobs: int = 1024  # unfinished
    max_jobs_a_client: int = 256
    worker_command: tuple[str, ...] = (sys.executable, "-m", "backend.service.worker")

    def offered(self) -> dict[str, str]:
        """`priors` and those that were pulled until now: a server needn't start again for them."""
        return {**self.priors, **{n: n for n in pulled() if n not in self.priors}}


def default_data() -> Path:
    """Where jobs live unless --data says otherwise."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "propsmith"
