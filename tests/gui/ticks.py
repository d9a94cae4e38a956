"""How long the add-on keeps Blender waiting while 100,000 triangles stream at 5 Hz into a window.

    python -m tests.gui.ticks CHROOT EXTENSION.zip [--seconds 60] [--turn 10]

Prints one line of JSON: ticks, their median, 99th percentile and maximum in milliseconds by the
clock and of the processor, meshes applied a second, frames drawn a second, and the five longest
ticks with what was in them. Quote it from a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tests.gui.backend import Backend
from tests.gui.window import Window

PROMPT = "steps=100000 pause=0.2 save=0 vertices=50000 turn={turn}"


def measure(window: Window, seconds: float, turn: int) -> dict[str, Any]:
    """Of a window whose add-on can reach a server with stream_worker.py."""
    window.ask("preferences(interval=0.2)")
    prompt = PROMPT.format(turn=turn)
    window.ask(f"stream({prompt!r})")
    window.wait("props() and len(props()[0].data.polygons) > 90000")
    window.ask("start_measuring()")
    time.sleep(seconds)
    return window.ask("measured()")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chroot", type=Path)
    parser.add_argument("extension", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--turn", type=int, default=10, help="steps between two topologies; 0: one")
    parser.add_argument("--display", type=int, default=77)
    arguments = parser.parse_args()
    with Window(arguments.chroot, arguments.display) as window:
        window.start(arguments.extension)
        with Backend(window.exchange, "stream_worker.py"):
            window.wait("addon is not None")
            found = measure(window, arguments.seconds, arguments.turn)
            found["errors"] = window.ask("errors")
    print(json.dumps({"turn": arguments.turn, **found}))


if __name__ == "__main__":
    main()
