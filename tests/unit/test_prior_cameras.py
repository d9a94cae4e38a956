"""From which heights a prop is looked at: the user's, else the prior's, else Propsmith's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trimesh

from backend.cameras import ELEVATIONS, CameraRange
from backend.guidance.asking import cameras_for
from backend.guidance.priors import load_prior
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from backend.refine.request import RefineRequest
from backend.refine.run import refine
from tests.every_prior import WRITERS
from tests.tiny_job import TINY
from tests.unit.test_refine_glb import QUICK, textured

KNOWN = {"sd15": ELEVATIONS, "mvdream": (0.0, 30.0), "richdreamer": (5.0, 30.0)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, int]]:
    """(heights, cameras of a group) of all ranges that cameras were drawn from."""
    drawn: list[tuple[object, int]] = []
    sample = CameraRange.sample

    def noted(self: CameraRange, *given):
        drawn.append((self.elevation_deg, self.together))
        return sample(self, *given)

    monkeypatch.setattr(CameraRange, "sample", noted)
    return drawn


@pytest.mark.parametrize("name", KNOWN)
def test_heights_that_nobody_chose_are_those_that_the_prior_knows(name: str, tmp_path: Path):
    prior = load_prior(WRITERS[name](tmp_path / name), "a red chair")
    found = cameras_for(prior, CameraRange())
    assert found == CameraRange(elevation_deg=KNOWN[name], together=prior.views_together)
    for chosen in (ELEVATIONS, (-60.0, -50.0)):
        assert cameras_for(prior, CameraRange(elevation_deg=chosen)).elevation_deg == chosen
        job = Job("a red chair", cameras=CameraRange(elevation_deg=chosen))
        same = chosen == KNOWN[name]
        assert (job.identity(prior) == Job("a red chair").identity(prior)) == same


def test_heights_of_a_range_without_any() -> None:
    drawn = torch.Generator().manual_seed(0)
    heights = CameraRange().sample(400, drawn).elevation_deg
    assert heights.min() == pytest.approx(ELEVATIONS[0], abs=1)
    assert heights.max() == pytest.approx(ELEVATIONS[1], abs=1)


def test_new_props_and_refined_ones_are_seen_from_there(tmp_path: Path, asked) -> None:
    folder = WRITERS["mvdream"](tmp_path / "mvdream")
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=6))
    job = Job("a red chair", prior=str(folder), config=config)
    files = RunFiles(tmp_path / "prop.glb", tmp_path / "checkpoint")
    generate(job, files, new_context(job, torch.device("cpu")), lambda _: None)
    assert set(asked) == {((0.0, 30.0), 4)}
    asked.clear()
    ball = trimesh.creation.icosphere(2)
    textured(ball, "ball")
    (tmp_path / "ball.glb").write_bytes(ball.export(file_type="glb"))
    for mode in ("keep-topology", "remesh"):
        files = RunFiles(tmp_path / f"{mode}.glb", tmp_path / f"run {mode}")
        context = new_context(job, torch.device("cpu"))
        refine(job, RefineRequest(tmp_path / "ball.glb", mode), files, context, config=QUICK)
        assert set(asked) == {((0.0, 30.0), 4)}
        asked.clear()
