"""From which heights a prop is looked at: the user's, else the prior's, else Propsmith's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import trimesh

from backend.cameras import ELEVATIONS, CameraRange
from backend.gaussians import particles
from backend.guidance.asking import cameras_for
from backend.guidance.priors import load_prior
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from backend.refine import make, remesh
from backend.refine.request import RefineRequest
from backend.refine.run import refine
from tests.every_prior import WRITERS
from tests.tiny_job import TINY

KNOWN = {"sd15": ELEVATIONS, "mvdream": (0.0, 30.0), "richdreamer": (5.0, 30.0)}


class Seen(Exception):
    """Ends a run at its first stage."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[CameraRange]:
    """What the first stage that looks at a prop is given."""
    given: list[CameraRange] = []

    def stage(*arguments: object) -> None:
        given.extend(a for a in arguments if isinstance(a, CameraRange))
        raise Seen

    for module, name in ((particles, "run"), (make, "make"), (remesh, "remesh")):
        monkeypatch.setattr(module, name, stage)
    return given


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
    job = Job("a red chair", prior=str(WRITERS["mvdream"](tmp_path / "mvdream")), config=TINY)
    ball = tmp_path / "ball.glb"
    ball.write_bytes(trimesh.creation.icosphere(1).export(file_type="glb"))

    def files(name: str) -> RunFiles:
        return RunFiles(tmp_path / f"{name}.glb", tmp_path / name)

    with pytest.raises(Seen):
        generate(job, files("new"), new_context(job, torch.device("cpu")))
    for mode in ("auto", "remesh"):
        context = new_context(job, torch.device("cpu"))
        with pytest.raises(Seen):
            refine(job, RefineRequest(ball, mode), files(mode), context)
    assert asked == [CameraRange(elevation_deg=(0.0, 30.0), together=4)] * 3
