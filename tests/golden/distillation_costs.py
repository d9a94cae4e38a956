"""What a step costs under each distillation: `python -m tests.golden.distillation_costs NAME ...`.

In: names of distillations. Out: a line of JSON, by name the seconds of a step of a draft's first
stage. Measured turn by turn in one process, so that other work on the machine disturbs all alike,
at noise levels all along the run (DDIM inversions are longer at high noise); the least of a few.
The run is one without a guess: steps that fit it ask no distillation, and those that follow begin
at less noise, where inversions are a little shorter than is told here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

import torch

from backend.cameras import CameraRange
from backend.config import PRESETS
from backend.gaussians.guesses import GuessConfig
from backend.gaussians.stage import GaussianOptimisation
from backend.guidance.distil import choose, distil
from backend.guidance.priors import load_prior
from backend.job import Job, new_context

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the run, at which steps are timed


def optimisation(name: str, prompt: str) -> GaussianOptimisation:
    """The first stage of a draft, at its start."""
    preset = PRESETS["draft"]
    job = Job(prompt, config=replace(preset, guidance=choose(preset.guidance, name)))
    context = new_context(job, torch.device("cpu"))
    guidance = distil(load_prior(job.prior, prompt), job.config.guidance)
    config = replace(preset.gaussians, guess=GuessConfig(share=0.0))
    return GaussianOptimisation(None, config, guidance, CameraRange(), context)


def step_costs(names: list[str], rounds: int = 2, prompt: str = "a red wooden chair"):
    """Seconds of a step by name, the mean over SHARES of each one's least."""
    runs = {name: optimisation(name, prompt) for name in names}
    least: dict[tuple[str, float], float] = {}
    for turn in range(rounds + 1):  # the first compiles and warms up
        for share in SHARES:
            for name, run in runs.items():
                begun = time.perf_counter()
                run.step(int(share * run.steps))
                seconds = time.perf_counter() - begun
                if turn:
                    least[name, share] = min(seconds, least.get((name, share), seconds))
    return {name: sum(least[name, s] for s in SHARES) / len(SHARES) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(step_costs(arguments.names, arguments.rounds)) + "\n")


if __name__ == "__main__":
    main()
