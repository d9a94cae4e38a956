"""The real worker with tiny presets, as the server of the tests starts it."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    from backend import config
    from backend.service.worker import main
    from tests.tiny_job import TINY

    config.PRESETS = dict.fromkeys(config.PRESETS, TINY)
    code = main()
    sys.stdout.flush()
    os._exit(code)
