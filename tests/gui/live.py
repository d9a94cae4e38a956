"""A prop made in a real Blender window, by mouse and keyboard, as a user sees it.

    python -m tests.gui.live CHROOT EXTENSION.zip OUT [--prompt "a red wooden chair"] [--short]

The server is `propsmith serve` with the embedded prior, warm: one job has been begun and cancelled.
--short: a fifth of the draft's steps, for a machine that has much else to do.
Writes OUT/start.jpg, middle.jpg and end.jpg, and prints one line of JSON: seconds from the click to
the first picture of the prop in the viewport, updates a second from then to the end, tick times.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

from tests.gui.backend import Backend
from tests.gui.window import Window

END_SECONDS = 1800.0
SHORT = "short_worker.py"  # of tests/service


def warm_up(window: Window) -> None:
    """The worker has loaded the prior and compiled its kernels."""
    job = window.ask("stream('a blue ball')")
    window.wait("props() and len(props()[0].data.polygons) > 0")
    window.ask(f"stop_and_remove({job!r})")
    window.wait(f"part('jobs').is_over({job!r})")


def generate(window: Window, prompt: str) -> float:
    """Types the prompt, presses the button; when that was."""
    x, y = window.find(".prompt")
    window.click(x, y, 2)
    window.key("ctrl+a")
    window.type(prompt)
    window.key("Return")
    assert window.ask("bpy.context.scene.propsmith.prompt") == prompt
    x, y = window.find("propsmith.generate")
    window.ask("start_measuring()")
    clicked = time.time()
    window.click(x, y)
    # A busy Blender takes a click to be where the pointer is by the time that it looks.
    window.wait(f"any(i.settings.prompt == {prompt!r} for i in part('jobs').infos.values())")
    window.move(500, 860)  # off the button, off the viewport
    return clicked


def watch(window: Window, clicked: float, out: Path) -> dict[str, Any]:
    """From the click to the finished prop."""
    first = window.wait("next((t for t, _, vertices in drawn.frames if vertices), 0)", END_SECONDS)
    later = "props()[0].data.propsmith.topology and live_info().stage != 'gaussians'"
    window.wait(later, END_SECONDS)
    time.sleep(2)
    window.picture(out / "middle.jpg", 70)
    window.wait("props()[0].propsmith.role == 'DONE'", END_SECONDS)
    found = window.ask("measured()")
    changes = [t for t in window.ask("drawn.changes") if t >= first]
    lasted = changes[-1] - first
    gaps = [b - a for a, b in itertools.pairwise(changes)]
    return {
        "click_to_mesh_s": round(first - clicked, 2),
        "updates_per_second": round(len(changes) / lasted, 2),
        "longest_gap_s": round(max(gaps), 2),
        "seconds": round(time.time() - clicked, 1),
        **found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chroot", type=Path)
    parser.add_argument("extension", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompt", default="a red wooden chair")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--display", type=int, default=77)
    arguments = parser.parse_args()
    worker = SHORT if arguments.short else None
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Window(arguments.chroot, arguments.display) as window:
        window.start(arguments.extension)
        with Backend(window.exchange, worker):
            window.wait("addon is not None")
            window.ask("tidy_view()")
            window.wait("show_tab()")
            warm_up(window)
            time.sleep(2)  # the panel is behind by a moment
            window.picture(arguments.out / "start.jpg", 70)
            clicked = generate(window, arguments.prompt)
            found = watch(window, clicked, arguments.out)
            time.sleep(2)
            window.picture(arguments.out / "end.jpg", 70)
            found["errors"] = window.ask("errors")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
