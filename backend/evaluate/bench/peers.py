"""The other rasterisers of a run: which there are, which scenes they get, and how they are called.

In: scenes by name and a budget. Out: a `Timing` for each scene, or the reason why there is none.

Taichi and Mitsuba run in a process of their own (`python -m backend.evaluate.bench.peers`), one for
all scenes: they bring thread pools and compilers along, and a compiler that meets a processor it
does not know ends its process. The others run here.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from backend.evaluate.bench.scenes import GaussianScene, TriangleScene
from backend.evaluate.bench.tile_loop import tile_loop
from backend.evaluate.bench.timing import Budget, Timing, forward_backward

PROCESS_SECONDS = 900.0  # a peer that takes longer over its scenes is given up


@dataclass(frozen=True)
class SceneName:
    """What makes a scene: "gaussians" or "triangles", how many, how many pixels a side, views."""

    kind: str
    count: int
    size: int
    views: int = 1

    def make(self, device: torch.device) -> Any:
        if self.kind == "gaussians":
            return GaussianScene.make(self.count, self.size, self.views, device)
        return TriangleScene.make(self.count, self.size, device)


@dataclass(frozen=True)
class Peer:
    """module: of the one with `measure(scene, budget)`. Scenes beyond most_count or most_size take
    it too long or too much memory."""

    name: str
    kind: str
    device: str
    module: str
    own_process: bool
    most_count: int = 10**9
    most_size: int = 10**9

    def takes(self, scene: SceneName, device: torch.device) -> bool:
        fits = scene.count <= self.most_count and scene.size <= self.most_size
        return fits and scene.kind == self.kind and device.type == self.device


_HERE = "backend.evaluate.bench"
PEERS = (
    Peer("tile loop", "gaussians", "cpu", f"{_HERE}.peers", False, 20_000, 256),
    Peer("taichi", "gaussians", "cpu", f"{_HERE}.taichi_splats", True, 20_000, 512),
    Peer("mitsuba", "triangles", "cpu", f"{_HERE}.mitsuba_triangles", True),
    Peer("gsplat", "gaussians", "cuda", f"{_HERE}.gsplat_gaussians", False),
    Peer("nvdiffrast", "triangles", "cuda", f"{_HERE}.nvdiffrast_triangles", False),
)


def measure(scene: GaussianScene, budget: Budget) -> Timing:
    """The torch tile loop."""
    viewmats, Ks = scene.cameras.viewmats, scene.intrinsics

    def forward() -> Tensor:
        return tile_loop(*scene.inputs, viewmats, Ks, scene.size).square().sum()

    return forward_backward(forward, scene.inputs, budget)


def run_peer(
    peer: Peer, scenes: Iterable[SceneName], device: torch.device, budget: Budget
) -> tuple[dict[SceneName, Timing], str]:
    """Timings of the scenes that came through, and a sentence on what didn't, or ""."""
    chosen = [scene for scene in scenes if peer.takes(scene, device)]
    if not chosen:
        return {}, ""
    run = _in_own_process if peer.own_process else _in_this_process
    return run(peer, chosen, device, budget)


def _in_this_process(
    peer: Peer, scenes: list[SceneName], device: torch.device, budget: Budget
) -> tuple[dict[SceneName, Timing], str]:
    done: dict[SceneName, Timing] = {}
    try:
        work: Callable[..., Timing] = importlib.import_module(peer.module).measure
        for scene in scenes:
            done[scene] = work(scene.make(device), budget)
    except (ImportError, OSError, RuntimeError) as error:  # torch without a CUDA toolkit: OSError
        return done, f"{peer.name} did not run: {_first_line(str(error))}"
    return done, ""


def _in_own_process(
    peer: Peer, scenes: list[SceneName], device: torch.device, budget: Budget
) -> tuple[dict[SceneName, Timing], str]:
    if importlib.util.find_spec(peer.name) is None:
        return {}, f"{peer.name} is not installed: pip install 'propsmith[bench]'"
    task = {"module": peer.module, "scenes": [asdict(s) for s in scenes], "budget": asdict(budget)}
    threads = str(torch.get_num_threads())
    command = [sys.executable, "-m", f"{_HERE}.peers", json.dumps(task)]
    try:
        finished = subprocess.run(
            command,
            env={**os.environ, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return {}, f"{peer.name} took longer than {PROCESS_SECONDS:.0f} s"
    lines = [line for line in finished.stdout.splitlines() if line.startswith("{")]
    timings = [Timing(**json.loads(line)) for line in lines]
    done = dict(zip(scenes, timings, strict=False))
    if len(done) == len(scenes):
        return done, ""
    return done, f"{peer.name} did not run: {_last_error(finished.stderr)}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def _last_error(stderr: str) -> str:
    """The exception's line, or what a library said before it ended the process."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line or "ERROR" in line]
    return (named or lines or ["it ended without a word"])[-1][:200]


def _main(task: dict[str, Any]) -> None:
    """The own process: one line of JSON a scene."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    work = importlib.import_module(task["module"]).measure
    budget = Budget(**task["budget"])
    for scene in task["scenes"]:
        timing = work(SceneName(**scene).make(torch.device("cpu")), budget)
        print(json.dumps(asdict(timing)), flush=True)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
