"""Several particles: the choice by evidence, one student for all, states, and one as before."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.cameras import CameraRange
from backend.cli import main
from backend.errors import GenerationError, Interrupted
from backend.gaussians import particles, stage
from backend.gaussians.model import GaussianCloud
from backend.guidance import vsd
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.priors import load_prior
from backend.guidance.students import StudentConfig
from backend.job import Job
from backend.loop import RunContext
from tests.stopped_job import run_until
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded
from tests.unit.test_evidence import two_kinds

CPU = torch.device("cpu")
LEARNING = StudentConfig(learning_rate=0.01)


def asking(count: int) -> GuidanceConfig:
    return GuidanceConfig("vsd", vsd.Config(particles=count, student=LEARNING))


def painted(grey: float) -> GaussianCloud:
    g = torch.Generator().manual_seed(2)
    return GaussianCloud(
        means=0.4 * torch.randn(200, 3, generator=g),
        quats=torch.tensor([1.0, 0, 0, 0]).expand(200, 4),
        scales=torch.full((200, 3), 0.2),
        opacities=torch.full((200,), 0.95),
        colors=torch.full((200, 3), grey),
    )


def test_the_particle_is_kept_that_answers_the_prompt() -> None:
    prior = two_kinds()
    prior.background = (0.5, 0.5, 0.5)
    guidance = distil(prior, GuidanceConfig("sds"))
    config = stage.Config(image_sizes=(16,))
    light, dark = (particles._evidence(painted(g), config, guidance, CPU) for g in (0.8, 0.2))
    assert light > dark


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded(tmp_path_factory.mktemp("prior"))


def test_each_has_its_share_and_all_teach_one_student(folder: Path) -> None:
    guidance = distil(load_prior(folder, "a red chair"), asking(3))
    seen: list[int] = []
    fit, learnt = guidance.rule.student.fit, []
    guidance.rule.student.fit = lambda *a: (learnt.append(a[0]), fit(*a))
    config = replace(TINY.gaussians, steps=4)
    context = RunContext(CPU, torch.Generator().manual_seed(0))
    members = [
        stage.GaussianOptimisation(None, config, guidance, CameraRange(), context) for _ in range(3)
    ]
    starts = [member.model.parameters["means"].clone() for member in members]
    assert not torch.equal(starts[0], starts[1])
    several = particles.Particles(members, context.generator)
    assert several.steps == 12
    for index in range(12):
        before = [m.model.parameters["means"].detach().clone() for m in members]
        several.step(index)
        after = [m.model.parameters["means"] for m in members]
        moved = [n for n in range(3) if not torch.equal(before[n], after[n])]
        assert len(moved) == 1
        seen += moved
    assert len(learnt) == 12
    rounds = [seen[n : n + 3] for n in range(0, 12, 3)]
    assert all(sorted(turn) == [0, 1, 2] for turn in rounds) and len({*map(tuple, rounds)}) > 1


def run(job: Job, folder: Path, resume: bool = False, stop_at: tuple[str, int] | None = None):
    """The finished file's bytes, and the result."""
    told: list[str] = []
    result = run_until(job, folder, resume, stop_at, told.append)
    return result.files[0].read_bytes(), result, told


def job_of(folder: Path, count: int) -> Job:
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=3), guidance=asking(count))
    return Job("a red chair", seed=3, prior=str(folder), config=config)


def test_stopped_anywhere_they_end_where_the_undisturbed_run_does(
    folder: Path, tmp_path: Path
) -> None:
    job = job_of(folder, 2)
    whole, result, told = run(job, tmp_path / "whole")
    found = result.as_json()["particles"]
    assert len(found["evidence"]) == 2 and json.loads(json.dumps(found)) == found
    assert found["kept"] == 1 + found["evidence"].index(max(found["evidence"]))
    assert any(f"Of 2 particles number {found['kept']} is kept" in note for note in told)
    assert next(s.steps for s in result.stages if s.name == "gaussians") == 6
    places = [("gaussians", 1), ("gaussians", 4), ("gaussians", 6), ("mesh", 2)]
    for place in places:
        with pytest.raises(Interrupted):
            run(job, tmp_path / "parts", resume=place != places[0], stop_at=place)
    again, last, _ = run(job, tmp_path / "parts", resume=True)
    assert again == whole and last.as_json()["particles"] == found


def fading(monkeypatch, when) -> list[stage.GaussianOptimisation]:
    """Lets members fade where when(number, index) says so, -1 being the end; they are returned."""
    init, step = stage.GaussianOptimisation.__init__, stage.GaussianOptimisation.step
    finished, made = stage.GaussianOptimisation.finished, []

    def started(self, *settings) -> None:
        init(self, *settings)
        self.number, self.done = len(made) % 3, []
        made.append(self)

    def stepped(self, index: int):
        self.done.append(index)
        losses = step(self, index)
        if when(self.number, index):
            raise GenerationError("All Gaussians faded away.")
        return losses

    def ended(self):
        if when(self.number, -1):
            raise GenerationError("All Gaussians faded away.")
        return finished(self)

    for name, mine in (("__init__", started), ("step", stepped), ("finished", ended)):
        monkeypatch.setattr(stage.GaussianOptimisation, name, mine)
    return made


def test_one_that_fades_is_left_out_and_the_others_go_on(
    folder: Path, tmp_path: Path, monkeypatch, caplog
) -> None:
    """In a step and at the end; told, and the same after a stop behind it."""
    made = fading(monkeypatch, lambda number, index: (number, index) in ((0, 1), (2, -1)))
    job = job_of(folder, 3)
    whole, result, told = run(job, tmp_path / "whole")
    assert [member.done for member in made[:3]] == [[0, 1], [0, 1, 2], [0, 1, 2]]
    found = result.as_json()["particles"]
    assert found["kept"] == 2 and found["faded"] == [1, 3]
    assert [value is None for value in found["evidence"]] == [True, False, True]
    assert any("Numbers 1, 3 faded away and were left out." in note for note in told)
    assert "particle 1 of 3 is left out" in caplog.text
    with pytest.raises(Interrupted):
        run(job, tmp_path / "parts", stop_at=("gaussians", 7))
    made.clear()
    again, last, _ = run(job, tmp_path / "parts", resume=True)
    assert again == whole and last.as_json()["particles"] == found
    assert made[0].done == []  # known from the checkpoint


def test_where_all_fade_there_is_no_prop(folder: Path, tmp_path: Path, monkeypatch) -> None:
    fading(monkeypatch, lambda number, index: index == number)
    with pytest.raises(GenerationError, match="faded away"):
        run(job_of(folder, 3), tmp_path / "whole")


def test_no_number_as_evidence_never_wins(folder: Path, monkeypatch) -> None:
    said = iter([math.nan, -1.0, math.inf])
    monkeypatch.setattr(particles, "_evidence", lambda *_: next(said))
    guidance = distil(load_prior(folder, "a red chair"), asking(3))
    context = RunContext(CPU, torch.Generator().manual_seed(0))
    config = replace(TINY.gaussians, steps=1)
    particles.run(None, config, guidance, CameraRange(), context)
    found = context.remarks["particles"]
    assert found == {"kept": 2, "evidence": [None, -1.0, None], "faded": []}
    assert "number 2 is kept" in particles.about(found) and "(-, -1, -)" in particles.about(found)
    assert json.dumps(found, allow_nan=False)


def test_one_particle_is_the_stage_s_own_run(folder: Path, monkeypatch) -> None:
    prior = load_prior(folder, "a red chair")
    made = []
    for how in (particles.run, stage.run):
        guidance = distil(load_prior(folder, "a red chair"), asking(1))
        context = RunContext(CPU, torch.Generator().manual_seed(0))
        config = replace(TINY.gaussians, steps=3)
        made.append(how(None, config, guidance, CameraRange(), context))
        assert context.remarks == {}
    assert all(torch.equal(a, b) for a, b in zip(made[0].tensors(), made[1].tensors(), strict=True))
    assert particles.particles_of(distil(prior, GuidanceConfig("sds"))) == 1


def test_a_mesh_is_refined_as_one(folder: Path, tmp_path: Path, capsys) -> None:
    mesh = tmp_path / "ball.ply"
    import trimesh

    trimesh.creation.icosphere(1).export(mesh)
    command = ["refine", str(mesh), "a red chair", "-o", str(tmp_path / "out.ply")]
    command += ["--prior", str(folder), "--distillation", "vsd", "--set", "particles=2"]
    command += ["--checkpoint-dir", str(tmp_path / "run")]
    assert main(command) == 2
    assert "Several particles are for new props" in capsys.readouterr().err
