"""The whole line under each distillation, on a tiny random prior: props, and VSD stopped midway."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backend.errors import CheckpointError, InputError, Interrupted
from backend.guidance import vsd
from backend.guidance.distil import DISTILLATIONS, GuidanceConfig
from backend.guidance.students import StudentConfig
from backend.job import Job
from tests.stopped_job import run_until
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    prior = write_embedded(tmp_path_factory.mktemp("prior"))
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=6))
    return Job("a red chair", seed=3, prior=str(prior), config=config)


def under(job: Job, guidance: GuidanceConfig) -> Job:
    return replace(job, config=replace(job.config, guidance=guidance))


def run(job: Job, folder: Path, resume: bool = False, stop_at: tuple[str, int] | None = None):
    """The finished file's bytes."""
    return run_until(job, folder, resume, stop_at).files[0].read_bytes()


def test_every_distillation_makes_a_prop_of_its_own(job: Job, tmp_path: Path) -> None:
    names = [name for name in DISTILLATIONS if name != "sds-bridge"]
    props = {run(under(job, GuidanceConfig(name)), tmp_path / name) for name in names}
    assert len(props) == len(names)


def test_a_pair_that_makes_no_sense_is_refused_before_anything_is_written(
    job: Job, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="use one of free text"):
        run(under(job, GuidanceConfig("sds-bridge")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_vsd_stopped_anywhere_ends_where_the_undisturbed_run_does(job: Job, tmp_path: Path) -> None:
    learning = vsd.Config(student=StudentConfig(learning_rate=0.01))
    job = under(job, GuidanceConfig("vsd", learning))
    whole = run(job, tmp_path / "whole")
    places = [("gaussians", 3), ("gaussians", 6), ("mesh", 2), ("materials", 3)]
    for place in places:
        with pytest.raises(Interrupted):
            run(job, tmp_path / "parts", resume=place != places[0], stop_at=place)
    assert run(job, tmp_path / "parts", resume=True) == whole


def test_another_distillation_s_checkpoint_is_not_taken_up(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(job, tmp_path, stop_at=("gaussians", 3))
    with pytest.raises(CheckpointError, match="distillation"):
        run(under(job, GuidanceConfig("sds")), tmp_path, resume=True)
