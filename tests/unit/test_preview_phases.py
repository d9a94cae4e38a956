"""Something new to see in every phase of a job: what a viewer is offered, from start to end.

A tiny job with a watcher that looks at every single offer. How often a real viewer gets one is the
budget's business (test_previews.py); here each phase has offers, and no two show the same.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.errors import GenerationError
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from backend.service.pictures import Painter
from shared.messages import Mesh, Texture
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded

JOB = "c" * 32


class Watcher:
    """Paints what it is offered, as the worker does for someone who looks."""

    def __init__(self) -> None:
        self.pictures: list[Mesh | Texture] = []
        self.offers: Counter[str] = Counter()
        self.painter = Painter()

    def offer(self, stage: str, step: int, snapshot: Any) -> None:
        self.offers[stage] += 1
        with contextlib.suppress(GenerationError):  # nothing solid yet
            self.pictures += self.painter.paint(JOB, stage, step, snapshot())


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    prior = write_embedded(tmp_path_factory.mktemp("prior"))
    return Job("a red chair", seed=3, prior=str(prior), config=TINY)


def make(job: Job, folder: Path, watcher: Watcher | None) -> bytes:
    folder.mkdir()
    context = new_context(job, torch.device("cpu"))
    if watcher is not None:
        context.preview = watcher.offer
    output = folder / "prop.glb"
    generate(job, RunFiles(output, folder / "checkpoint"), context)
    return output.read_bytes()


@pytest.fixture(scope="module")
def watched(job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Watcher, bytes]:
    watcher = Watcher()
    return watcher, make(job, tmp_path_factory.mktemp("watched") / "run", watcher)


def test_every_phase_has_something_to_show(watched: tuple[Watcher, bytes]) -> None:
    steps = {name: getattr(TINY, name).steps for name in ("gaussians", "mesh", "materials")}
    offers = watched[0].offers
    assert {name: offers[name] for name in steps} == {n: s + 1 for n, s in steps.items()}
    assert offers["solid"] == 7 + 3  # rings of cameras, then what makes a solid of it
    assert offers["unwrap"] == 2  # smoothed, then simplified
    assert offers["bake"] == 4  # colours, albedo, normals, and what is left


def test_no_two_in_a_row_are_the_same(watched: tuple[Watcher, bytes]) -> None:
    meshes = [p for p in watched[0].pictures if isinstance(p, Mesh) and p.stage != "bake"]
    assert {mesh.stage for mesh in meshes} == {"gaussians", "solid", "mesh", "unwrap", "materials"}
    same = [
        (second.stage, second.step)
        for first, second in itertools.pairwise(meshes)
        if first.topology == second.topology
        and np.array_equal(first.positions, second.positions)
        and np.array_equal(first.colors, second.colors)
    ]
    # A ring of cameras may see nothing that others did not: then there is nothing new to show.
    assert [place for place in same if place[0] != "solid"] == []
    assert len(same) < 5


def test_baking_shows_one_texture_after_the_other(watched: tuple[Watcher, bytes]) -> None:
    stage = [p for p in watched[0].pictures if isinstance(p, Texture) or p.stage == "bake"]
    names = [p.name if isinstance(p, Texture) else "mesh" for p in stage]
    assert names == [
        *["mesh", "mesh", "albedo", "mesh", "albedo", "normal"],
        *["mesh", "albedo", "normal", "orm"],
    ]
    assert all(mesh.colors is not None for mesh in stage if isinstance(mesh, Mesh))


def test_being_watched_changes_nothing(
    watched: tuple[Watcher, bytes], job: Job, tmp_path: Path
) -> None:
    assert make(job, tmp_path / "alone", None) == watched[1]
