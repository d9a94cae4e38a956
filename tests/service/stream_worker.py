"""A worker that streams a large closed surface: "steps=300 pause=0.2 vertices=50000 turn=10".

A wobbling sphere of about `vertices` vertices and twice as many triangles, with colours; at every
`turn`th step its faces come in another order, which is another topology. turn=0: never.
"""

from __future__ import annotations

import os
import sys
import time
from functools import lru_cache

import fake_worker
import numpy as np
from fake_worker import number

from backend.service.link import Ended, Run
from backend.service.worker import Hooks, main
from shared.messages import Mesh
from shared.preview import OFFSET, SCALE, narrow, quantise, topology_of


@lru_cache(maxsize=1)
def sphere(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) unit vectors and (F, 3) faces: rings and two poles."""
    rings = max(3, int(np.sqrt(count / 2)))
    around = 2 * rings
    theta = np.pi * (np.arange(rings) + 1) / (rings + 1)
    phi = 2 * np.pi * np.arange(around) / around
    x, y = np.sin(theta)[:, None] * np.cos(phi), np.sin(theta)[:, None] * np.sin(phi)
    z = np.broadcast_to(np.cos(theta)[:, None], x.shape)
    points = np.concatenate([np.stack([x, y, z], -1).reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]])
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    c, d = a + around, b + around
    j, k = np.arange(around), (np.arange(around) + 1) % around
    top, bottom, last = rings * around, rings * around + 1, (rings - 1) * around
    faces = [
        np.stack([a, c, d], -1).reshape(-1, 3),
        np.stack([a, d, b], -1).reshape(-1, 3),
        np.stack([np.full(around, top), j, k], -1),
        np.stack([np.full(around, bottom), last + k, last + j], -1),
    ]
    return points.astype(np.float32), np.concatenate(faces).astype(np.int32)


def mesh_at(job: str, prompt: str, step: int) -> Mesh:
    points, faces = sphere(int(number(prompt, "vertices", 50_000)))
    turn = int(number(prompt, "turn", 0))
    wobble = 0.7 + 0.1 * np.sin(6 * points[:, :1] + 0.5 * step)
    faces = np.roll(faces, step // turn, axis=0) if turn else faces
    colors = np.clip(128 + 120 * np.sin(4 * points + 0.3 * step), 0, 255).astype("u1")
    faces = narrow(faces, len(points))
    values = (0, job, "mesh", step + 1, topology_of(faces), len(points), OFFSET, SCALE)
    return Mesh(*values, time.time(), quantise(points * wobble), colors, faces)


def show(order: Run, hooks: Hooks, step: int) -> None:
    if hooks.interval and not hooks.picture_in_flight:
        hooks.send_picture(mesh_at(order.job, order.settings.prompt, step))


def run_job(order: Run, hooks: Hooks) -> Ended:
    fake_worker.show = show
    return fake_worker.run_job(order, hooks)


if __name__ == "__main__":
    code = main(lambda device: (device, run_job))
    sys.stdout.flush()
    os._exit(code)
