"""Random actions of a user in a real window while a prop streams: nothing raised, nothing lost.

    python -m tests.gui.actions CHROOT EXTENSION.zip [--seed 0] [--actions 1000]

Prints one line of JSON: actions done, exceptions (raised or logged) and lost objects, whether the
add-on's timer still lives. Exit code 1 where anything of that is wrong.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tests.gui.backend import ROOT, Backend
from tests.gui.window import Window

PROMPT = "steps=10000000 pause=0.05 save=0 vertices=600 turn=5"
ACTIONS = ROOT / "tests/blender/random_actions.py"


def problems(found: dict[str, Any], asked: int) -> list[str]:
    """What is wrong with a run, in words; none is how it must be."""
    said = [str(error) for error in found["errors"]]
    if found["actions"] < asked:
        said.append(f"only {found['actions']} of {asked} actions were done")
    if not found["timer"]:
        said.append("the add-on's timer is dead")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chroot", type=Path)
    parser.add_argument("extension", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--actions", type=int, default=1000)
    parser.add_argument("--display", type=int, default=77)
    arguments = parser.parse_args()
    with Window(arguments.chroot, arguments.display) as window:
        window.start(arguments.extension, ACTIONS)
        with Backend(window.exchange, "stream_worker.py"):
            window.wait("addon is not None")
            job = window.ask(f"stream({PROMPT!r})")
            done: list[str] = []
            try:
                for _ in range(arguments.actions):
                    done.append(window.ask(f"act({arguments.seed}, {job!r})"))
            except RuntimeError as ended:
                print(json.dumps({"actions": len(done), "last": done[-8:], "ended": str(ended)}))
                raise SystemExit(1) from ended
            window.ask("look_for_lost()")
            found = {"actions": len(done), "errors": window.ask("errors")}
            found["timer"] = window.ask("bpy.app.timers.is_registered(part('bridge')._tick)")
    print(json.dumps(found))
    if problems(found, arguments.actions):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
