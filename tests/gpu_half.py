"""The half of the tests that needs a GPU: gsplat is compiled before them, and what of them did not
run is told after them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

# Before it compiles, gsplat removes the folder that it compiles into, even if another process is at
# it: no two may begin at once. A process of its own keeps torch and the GPU's memory out of this
# one; what goes wrong there, the tests will say.
COMPILE = "import torch\nif torch.cuda.is_available(): import gsplat.cuda._backend"
MARKS = ("CUDA", "nvdiffrast")  # in the reasons of skipped tests


def compile_gsplat() -> None:
    """Minutes, once a machine with a GPU and gsplat; nothing without gsplat."""
    if importlib.util.find_spec("gsplat") is not None:
        subprocess.run([sys.executable, "-c", COMPILE], check=False)


def not_run(reasons: Iterable[str]) -> list[str]:
    """Lines for the end of a run, from the reasons why tests were skipped."""
    counts = Counter(reason for reason in reasons if any(mark in reason for mark in MARKS))
    if not counts:
        return []
    return [
        f"{counts.total()} test(s) of the GPU paths DID NOT RUN:",
        *(f"{count:6}  {reason}" for reason, count in counts.most_common()),
    ]
