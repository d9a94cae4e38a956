"""Latency of meshes and answers on loopback: `python tests/bench/bench_service.py [--json]`.

A worker (of the tests, without torch) sends a mesh of 100,000 triangles whenever the last one has
arrived; a client applies it. Latency runs from the worker's having the arrays to the client's
having them as floats: quantising, checksums, two hops of ZeroMQ, checks, dequantising. The
yardstick is what copying the mesh takes: the arrays that the client ends up with, over two bare
ZeroMQ hops of the same kind between three processes, and one copy of them. Both run in turns, so
that load on the machine meets both.

Then: how long a status takes while the job runs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import zmq

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from shared.client import Client  # noqa: E402
from shared.messages import Cancel, GetStatus, Mesh, Settings, Submit  # noqa: E402
from shared.preview import MeshView  # noqa: E402
from tests.service.conftest import Served  # noqa: E402
from tests.service.fake_worker import mesh_of  # noqa: E402

TRIANGLES = 100_000


def relay(source: str, target: str) -> None:
    """The middle of the yardstick: what comes in goes out."""
    context: zmq.Context[Any] = zmq.Context()
    incoming, outgoing = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    incoming.bind(source)
    outgoing.connect(target)
    while True:
        frames = incoming.recv_multipart(copy=False)
        outgoing.send_multipart(frames, copy=False)


def source(address: str, vertices: int) -> None:
    """The beginning: sends the arrays when asked to, with the time in front."""
    context: zmq.Context[Any] = zmq.Context()
    asked, outgoing = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    asked.bind(f"{address}-asked")
    outgoing.connect(address)
    mesh = mesh_of("0" * 32, vertices, 0)
    assert mesh.positions is not None
    positions = mesh.positions.astype(np.float32)
    while True:
        asked.recv()
        frames = [np.float64(time.time()), positions, mesh.colors, mesh.faces]
        outgoing.send_multipart([np.ascontiguousarray(f) for f in frames], copy=False)


class Yardstick:
    """Bare copies over the same path; `once` returns seconds."""

    def __init__(self, folder: Path, vertices: int):
        context: zmq.Context[Any] = zmq.Context()
        self.incoming, self.ask = context.socket(zmq.PULL), context.socket(zmq.PUSH)
        first, second = f"ipc://{folder}/a", "tcp://127.0.0.1"
        second = f"{second}:{self.incoming.bind_to_random_port(second)}"
        self.ask.connect(f"{first}-asked")
        start = multiprocessing.get_context("spawn").Process
        self.processes = [
            start(target=relay, args=(first, second), daemon=True),
            start(target=source, args=(first, vertices), daemon=True),
        ]
        for process in self.processes:
            process.start()

    def once(self) -> float:
        self.ask.send(b"")
        began, *arrays = self.incoming.recv_multipart(copy=False)
        for array in arrays:
            bytes(array.buffer)  # into memory of our own
        return time.time() - float(np.frombuffer(began.buffer, np.float64)[0])


def meshes(client: Client, count: int) -> list[float]:
    """Seconds of `count` whole meshes, to a client that waits for nothing else. The first two may
    have waited for their credit, so they do not count."""
    seconds: list[float] = []
    view = MeshView()
    while len(seconds) < count + 2:
        for event in client.pump(0.5):
            if isinstance(event, Mesh):
                assert event.faces is not None and event.positions is not None
                view.apply(event)
                seconds.append(time.time() - event.taken)
    return seconds[2:]


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vertices = TRIANGLES + 2
        served = Served(folder).start()
        yardstick = Yardstick(folder, vertices)
        yardstick.once()
        try:
            with Client(served.file, "bench") as client:
                job = secrets.token_hex(16)
                prompt = f"steps=100000000 pause=0.02 save=0 {vertices=}"
                client.call(Submit(job, Settings(prompt)), 60)
                client.subscribe(job, interval=0.01)
                ours, theirs = [], []
                for _ in range(count // 20):
                    ours += meshes(client, 20)
                    theirs += [yardstick.once() for _ in range(20)]
                answers = []
                for _ in range(count):
                    began = time.perf_counter()
                    client.call(GetStatus())
                    answers.append(time.perf_counter() - began)
                client.call(Cancel(job))
        finally:
            served.kill()
    values = {"mesh": ours, "copy": theirs, "status": answers}
    result = {}
    for what, seconds in values.items():
        result[f"{what}_median_ms"] = round(float(np.median(seconds)) * 1e3, 3)
        result[f"{what}_min_ms"] = round(min(seconds) * 1e3, 3)
        result[f"{what}_p99_ms"] = round(float(np.percentile(seconds, 99)) * 1e3, 3)
    result["mesh_over_copy"] = round(result["mesh_median_ms"] / result["copy_median_ms"], 2)
    result["mesh_over_copy_min"] = round(result["mesh_min_ms"] / result["copy_min_ms"], 2)
    result["mesh_over_copy_p99"] = round(result["mesh_p99_ms"] / result["copy_p99_ms"], 2)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.count)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:20} {value:10.3f}")


if __name__ == "__main__":
    main()
