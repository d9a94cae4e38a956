"""The real worker with tiny presets, as the server of the tests starts it.

Its steps take a moment each: news of a stage go out ten times a second, and nobody would hear of
one that is over sooner.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

STEP_SECONDS = 0.06

if __name__ == "__main__":
    from backend import config
    from backend.service.worker import Hooks, main
    from tests.tiny_job import TINY

    told = Hooks.progress

    def progress(self: Hooks, *step: Any) -> None:
        time.sleep(STEP_SECONDS)
        told(self, *step)

    Hooks.progress = progress  # type: ignore[method-assign]
    config.PRESETS = dict.fromkeys(config.PRESETS, TINY)
    code = main()
    sys.stdout.flush()
    os._exit(code)
