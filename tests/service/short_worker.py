"""The real worker on a machine that has much else to do: the draft with fewer steps.

All stages run and all pictures come as ever; the prop is worse for it. The environment may say
which share of the steps: PROPSMITH_TEST_SHARE=0.1.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from typing import Any

SHARE = float(os.environ.get("PROPSMITH_TEST_SHARE", "0.2"))  # of the draft's steps
FEWEST = int(os.environ.get("PROPSMITH_TEST_FEWEST", "20"))


def shorter(stage: Any) -> Any:
    """The stage's settings with that share of its steps."""
    return replace(stage, steps=max(FEWEST, round(SHARE * stage.steps)))


def shorten() -> None:
    """From now on in this process, drafts and refinements."""
    from backend import config
    from backend.refine import make

    draft = config.PRESETS["draft"]
    stages = {name: shorter(getattr(draft, name)) for name in ("gaussians", "mesh", "materials")}
    config.PRESETS = {**config.PRESETS, "draft": replace(draft, **stages)}
    make.Config = partial(make.Config, shape=shorter(make.shape.Config()))  # type: ignore[misc]


if __name__ == "__main__":
    from backend.service.worker import main

    shorten()
    code = main()
    sys.stdout.flush()
    os._exit(code)
