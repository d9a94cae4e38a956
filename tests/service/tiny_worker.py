"""The real worker with tiny presets, as the server of the tests starts it.

Its steps take a moment each: news of a stage go out ten times a second, and nobody would hear of
one that is over sooner. Where the environment names a folder, it kills itself at the last things
that it does to the disk, at each once, and leaves there how many checkpoints there were.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

STEP_SECONDS = 0.06
KILLS = os.environ.get("PROPSMITH_TEST_KILLS", "")
LAST = ("prop.glb", "preview.png", "outcome.json", "checkpoint")  # renamed to, or removed


def die_once(event: str, arguments: tuple[Any, ...]) -> None:
    """Before it happens."""
    place = {"os.rename": 1, "shutil.rmtree": 0}.get(event)
    if place is None or (path := Path(arguments[place])).name not in LAST:
        return
    mark = Path(KILLS) / path.name
    if not mark.exists():
        mark.write_text(str(len(list((path.parent / "checkpoint").glob("*.pt")))))
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    from backend import config
    from backend.service.worker import Hooks, main
    from tests.tiny_job import TINY

    if KILLS:
        sys.addaudithook(die_once)
    told = Hooks.progress

    def progress(self: Hooks, *step: Any) -> None:
        time.sleep(STEP_SECONDS)
        told(self, *step)

    Hooks.progress = progress  # type: ignore[method-assign]
    config.PRESETS = dict.fromkeys(config.PRESETS, TINY)
    code = main()
    sys.stdout.flush()
    os._exit(code)
