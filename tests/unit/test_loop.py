"""The loop's own promises: what diverges ends in a sentence, and keeps the last good state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from backend.checkpoint import CheckpointFolder
from backend.errors import GenerationError
from backend.loop import RunContext, optimise


class Counting:
    """Its loss is `last` from step 3 on."""

    steps = 5

    def __init__(self, last: float) -> None:
        self.last, self.done = last, 0

    def step(self, index: int) -> dict[str, float]:
        self.done = index + 1
        return {"shaded": 0.5, "edges": self.last if index >= 3 else 0.1}

    def snapshot(self) -> int:
        return self.done

    def state_dict(self) -> dict[str, Any]:
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.done = state["done"]


@pytest.mark.parametrize("last", [float("nan"), float("inf"), 1e30])
def test_a_loss_that_is_no_number_ends_the_run(last: float, tmp_path: Path) -> None:
    with CheckpointFolder(tmp_path / "run", {"prompt": "a chair"}, False) as checkpoints:
        context = RunContext(
            torch.device("cpu"), torch.Generator(), checkpoints=checkpoints, checkpoint_seconds=0.0
        )
        if last == 1e30:
            optimise("mesh", Counting(last), context)
            return
        with pytest.raises(GenerationError, match=r"'mesh' diverged at step 4 of 5.*'edges'"):
            optimise("mesh", Counting(last), context)
        kept = checkpoints.load("mesh")
    assert kept is not None and kept["step"] == 3
