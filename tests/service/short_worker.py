"""The real worker on a machine that has much else to do: the draft with fewer steps.

All stages run and all pictures come as ever; the prop is worse for it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

SHARE = 0.2  # of the draft's steps

if __name__ == "__main__":
    from backend import config
    from backend.service.worker import main

    draft = config.PRESETS["draft"]
    stages = {
        name: replace(stage, steps=max(20, round(SHARE * stage.steps)))
        for name in ("gaussians", "mesh", "materials")
        if (stage := getattr(draft, name))
    }
    config.PRESETS = {**config.PRESETS, "draft": replace(draft, **stages)}
    code = main()
    sys.stdout.flush()
    os._exit(code)
