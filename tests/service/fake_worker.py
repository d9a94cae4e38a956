"""A worker without torch whose jobs do nothing but what their prompt says.

What was uploaded for a job comes back as its files upload-0, upload-1.
"steps=20 pause=0.01 crash=3 hang=5 oom=2 vertices=100": each step sleeps `pause`; at step N it
crashes, hangs, runs out of memory, and says how that went by the file `crashes` in its folder.
A checkpoint is one number, written at each step, so a resumed job goes on where it was.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from backend.files import replace_atomically
from backend.service.folder import OUTCOME, PROP
from backend.service.link import Ended, Run
from backend.service.store import Outcome
from backend.service.worker import Hooks, main
from shared.messages import Mesh, Texture
from shared.preview import OFFSET, SCALE, narrow, quantise, topology_of
from tests.service.jumping_clock import jump_with_the_file

shown = itertools.count()
pause = threading.Event()  # never set


def number(prompt: str, name: str, otherwise: float) -> float:
    found = re.search(rf"\b{name}=([\d.]+)", prompt)
    return float(found[1]) if found else otherwise


def run_job(order: Run, hooks: Hooks) -> Ended:
    try:
        return run_steps(order, hooks)
    except OSError as error:
        return Ended(order.job, "storage", "storage", str(error))


def run_steps(order: Run, hooks: Hooks) -> Ended:
    folder, prompt = Path(order.folder), order.settings.prompt
    folder.mkdir(parents=True, exist_ok=True)
    state, steps = folder / "state.json", int(number(prompt, "steps", 3))
    done = json.loads(state.read_text()) if state.exists() else 0
    with open(folder / "runs", "a") as runs:
        runs.write(f"{done}\n")
    for step in range(done, steps):
        if hooks.stop_requested():
            return Ended(order.job, "stopped")
        misbehave(prompt, step, folder)
        if f"oom={step}" in prompt.split():
            return Ended(order.job, "out_of_memory")
        pause.wait(number(prompt, "pause", 0.0))  # libfaketime fails Python's time.sleep
        if number(prompt, "save", 1):
            text = str(step + 1).encode()
            replace_atomically(state, lambda file, text=text: file.write(text))
        hooks.progress("gaussians", step + 1, steps, 0.0, 1.0 / (step + 1))
        show(order, hooks, step)
    finish(order, folder, hooks)
    return Ended(order.job, "done")


def misbehave(prompt: str, step: int, folder: Path) -> None:
    words = prompt.split()
    once = "once" in words and (folder / "misbehaved").exists()
    if once or (f"crash={step}" not in words and f"hang={step}" not in words):
        return
    (folder / "misbehaved").touch()
    if f"crash={step}" in words:
        os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(3600)


def show(order: Run, hooks: Hooks, step: int) -> None:
    count = int(number(order.settings.prompt, "vertices", 0))
    if not count or not hooks.interval or hooks.picture_in_flight:
        return
    hooks.send_picture(mesh_of(order.job, count, step, turned=bool(next(shown) % 2)))


def mesh_of(job: str, count: int, step: int, turned: bool = False) -> Mesh:
    """A strip of triangles, of which only the first vertex moves.

    turned: the faces in another order, which is another topology.
    """
    positions = np.linspace(-0.9, 0.9, 3 * count, dtype=np.float32).reshape(count, 3)
    positions[0] = step % 100 / 100
    faces = (np.arange(count)[:, None] + np.arange(3))[: count - 2]
    if turned:
        faces = faces[::-1]  # another topology: everything is sent
    colors = np.full((count, 3), 128, "u1")
    taken = time.time()
    faces = narrow(faces, count)
    values = (0, job, "gaussians", step + 1, topology_of(faces), count, OFFSET, SCALE, taken)
    return Mesh(*values, quantise(positions), colors, faces)


def finish(order: Run, folder: Path, hooks: Hooks) -> None:
    if hooks.interval and number(order.settings.prompt, "vertices", 0):
        mesh = mesh_of(order.job, 10, 0)
        hooks.send_picture(mesh)
        for name in ("albedo", "orm", "normal"):
            hooks.send_picture(Texture(0, order.job, name, np.full((8, 8, 3), 7, "u1")))
    size = int(number(order.settings.prompt, "bytes", 10))
    contents = {PROP: (order.settings.prompt.encode() * size)[:size]}
    for index, upload in enumerate(order.uploads):
        contents[f"upload-{index}"] = Path(upload.path).read_bytes()
    for name, content in contents.items():
        replace_atomically(folder / name, lambda file, data=content: file.write(data))
    files = [{"name": name, "size": len(content)} for name, content in contents.items()]
    outcome = Outcome("ab" * 32, 12, (), files, ())
    replace_atomically(folder / OUTCOME, lambda file: file.write(outcome.text().encode()))


if __name__ == "__main__":
    jump_with_the_file()
    code = main(lambda device: (device, run_job))
    sys.stdout.flush()
    os._exit(code)
