"""`blender --command propsmith JOBS.json -o DIR` in a real Blender, without a window.

    python -m tests.gui.command CHROOT EXTENSION.zip OUT [--share 0.1]

One job makes a prop, the other refines a ball, by the real server with the embedded prior and few
steps. Copies the .blend files to OUT and prints one line of JSON: what the command said, and what
is in the files. Exit code 1 where anything of that is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

import trimesh

from tests.gui.backend import Backend
from tests.gui.window import EXCHANGE, Window

JOBS = {
    "defaults": {"preset": "draft", "seed": 3, "texture_size": 512},
    "job": [
        {"name": "chair", "prompt": "a red wooden chair", "height": 0.5},
        {"name": "ball", "prompt": "a blue ceramic ball", "refine": {"mesh": "ball.glb"}},
    ],
}
SPACES = {"Non-Color", "sRGB"}


def look_at(window: Window, name: str) -> list[dict[str, Any]]:
    """What another Blender finds in the file."""
    done = window.run("-b", f"/{EXCHANGE}/out/{name}.blend", "--python", f"/{EXCHANGE}/look.py")
    lines = [line for line in done.stdout.splitlines() if line.startswith("LOOK ")]
    if not lines:
        raise RuntimeError(f"{name}.blend can't be looked at: {done.stdout} {done.stderr}")
    return json.loads(lines[0].removeprefix("LOOK "))


def problems(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """In words; none is how it must be."""
    said = []
    for job in JOBS["job"]:
        name = job["name"]
        things = found[name]
        if not things or not all(thing["faces"] and thing["uvs"] for thing in things):
            said.append(f"{name}: no mesh with faces and UVs")
            continue
        images = [image for thing in things for image in thing["pictures"].values()]
        if {image[0] for image in images} != SPACES or not all(image[2] for image in images):
            said.append(f"{name}: pictures are missing, not packed or in wrong spaces")
        if things[0]["prompt"] != job["prompt"]:
            said.append(f"{name}: was made from {things[0]['prompt']!r}")
    if abs(found["chair"][0]["metres"][2] - 0.5) > 0.01:
        said.append("the chair is not half a metre high")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chroot", type=Path)
    parser.add_argument("extension", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.1, help="of the draft's steps")
    parser.add_argument("--display", type=int, default=77)
    arguments = parser.parse_args()
    os.environ["PROPSMITH_TEST_SHARE"] = str(arguments.share)
    with Window(arguments.chroot, arguments.display) as window:
        window.install(arguments.extension, Path(__file__).with_name("look.py"))
        ball = trimesh.creation.uv_sphere(0.4)
        ball.visual = trimesh.visual.TextureVisuals(uv=ball.vertices[:, :2] + 0.5)
        (window.exchange / "ball.glb").write_bytes(ball.export(file_type="glb"))
        (window.exchange / "jobs.json").write_text(json.dumps(JOBS))
        folder = f"/{EXCHANGE}"
        with Backend(window.exchange, "short_worker.py"):
            options = ("--command", "propsmith", f"{folder}/jobs.json", "-o", f"{folder}/out")
            done = window.run("-b", *options)
            again = window.run("-b", *options)  # nothing is overwritten unasked
        found = {name: look_at(window, name) for name in ("chair", "ball")}
        shutil.copytree(window.exchange / "out", arguments.out, dirs_exist_ok=True)
    wrong = problems(found)
    for run, wanted in ((done, 0), (again, 2)):
        if run.returncode != wanted:
            wrong.append(f"exit code {run.returncode} and not {wanted}: {run.stderr[-500:]}")
    said = [line for line in done.stdout.splitlines() if line.startswith(("chair", "ball"))]
    print(json.dumps({"wrong": wrong, "said": said, "again": again.stderr.strip(), "files": found}))
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
