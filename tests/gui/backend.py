"""A server on this machine for a Blender inside a chroot: they share the network, and the file.

In: a window's exchange folder. Out: a running server whose connection file lies where the add-on
looks for it by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Backend:
    """A context manager. worker: of tests/service; None is `propsmith serve` as users run it."""

    def __init__(self, exchange: Path, worker: str | None = None):
        self.folder, self.worker = exchange / "propsmith", worker

    def __enter__(self) -> Backend:
        self.folder.mkdir(parents=True, exist_ok=True)
        file, data = self.folder / "connection.json", self.folder / "data"
        command = ["-m", "backend.cli", "serve", "--device", "cpu", "--data", str(data)]
        command += ["--connection-file", str(file)]
        if self.worker:
            values = {"connection_file": str(file), "data": str(data), "worker": self.worker}
            command = ["tests/service/serve.py", json.dumps({**values, "devices": ["cpu"]})]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
        with open(self.folder / "server.log", "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        while not file.exists():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
