"""The whole line on a tiny random prior: files, determinism, stopping and going on."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trimesh
from PIL import Image

from backend.errors import InputError, Interrupted
from backend.job import Job, RunFiles, new_context
from backend.loop import Progress
from backend.pipeline import generate
from backend.result import Result
from tests.gltf_validator import validate
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    prior = write_embedded(tmp_path_factory.mktemp("prior"))
    return Job("a red enchanted chair", seed=3, prior=str(prior), config=TINY)


def run(
    job: Job,
    folder: Path,
    resume: bool = False,
    stop_at: tuple[str, int] | None = None,
    report: Path | None = None,
) -> tuple[Result, list[str]]:
    """stop_at: a stage and a step after which the run is asked to stop."""
    notes: list[str] = []
    reached: set[tuple[str, int]] = set()

    def progress(news: Progress) -> None:
        reached.add((news.stage, news.step))

    files = RunFiles(folder / "prop.glb", folder / "checkpoint", resume, report)
    context = new_context(job, CPU, progress, lambda: stop_at in reached)
    return generate(job, files, context, notes.append), notes


@pytest.fixture(scope="module")
def made(job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, list[str]]:
    """The GLB is also left for the Blender session, where nox says where."""
    folder = tmp_path_factory.mktemp("made")
    result, notes = run(job, folder, report=folder / "report")
    if artefacts := os.environ.get("PROPSMITH_ARTEFACTS"):
        Path(artefacts).mkdir(parents=True, exist_ok=True)
        shutil.copy(result.files[0], Path(artefacts) / "prop.glb")
    return result, notes


def test_a_prop_comes_out_and_the_checkpoint_goes(made: tuple[Result, list[str]]) -> None:
    result, _ = made
    prop = trimesh.load_scene(result.files[0]).to_geometry()
    assert len(prop.faces) == result.faces <= 600
    assert prop.bounds[0][1] == pytest.approx(0, abs=1e-5)  # glTF's +Y is up
    assert prop.extents.max() == pytest.approx(1, abs=1e-5)
    assert not (result.files[0].parent / "checkpoint").exists()


def test_the_khronos_validator_is_silent(made: tuple[Result, list[str]]) -> None:
    assert validate(made[0].files[0]) == []


def test_the_report_has_every_stage_from_eight_views(made: tuple[Result, list[str]]) -> None:
    pictures = {path.name: path for path in made[0].files[1:]}
    for stage in ("gaussians", "mesh", "materials", "prop"):
        width, height = Image.open(pictures[f"{stage}.png"]).size
        assert width % 8 == 0 and height > 3 * (width // 8)
    assert {f"{s}_losses.png" for s in ("gaussians", "mesh", "materials")} <= set(pictures)


def test_the_result_says_what_was_done(made: tuple[Result, list[str]]) -> None:
    values = made[0].as_json()
    steps = {stage["name"]: stage["steps"] for stage in values["stages"]}
    assert (steps["gaussians"], steps["mesh"], steps["materials"]) == (12, 4, 4)
    assert all(stage["seconds"] >= 0 for stage in values["stages"])
    assert (values["seed"], values["device"]) == (3, "cpu")
    assert len(values["weights_hash"]) == 64


def test_unknown_words_are_named_with_a_way_out(made: tuple[Result, list[str]]) -> None:
    result, notes = made
    assert result.ignored_words == ("enchanted",)
    assert len(notes) == 1 and "'enchanted'" in notes[0] and "--prior" in notes[0]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    made: tuple[Result, list[str]], job: Job, tmp_path: Path
) -> None:
    first = made[0].files[0].read_bytes()
    (tmp_path / "other").mkdir()
    assert run(job, tmp_path)[0].files[0].read_bytes() == first
    other = run(replace(job, seed=4), tmp_path / "other")[0]
    assert other.files[0].read_bytes() != first


def test_stopped_anywhere_and_resumed_it_gives_the_same_bytes(
    made: tuple[Result, list[str]], job: Job, tmp_path: Path
) -> None:
    places = [
        *[("prior", 1), ("gaussians", 5), ("gaussians", 12), ("solid", 1), ("mesh", 2)],
        *[("unwrap", 1), ("materials", 3), ("bake", 1)],
    ]
    for place in places:
        with pytest.raises(Interrupted):
            run(job, tmp_path, resume=place != places[0], stop_at=place)
        assert not (tmp_path / "prop.glb").exists()
    result, _ = run(job, tmp_path, resume=True)
    assert result.files[0].read_bytes() == made[0].files[0].read_bytes()


def test_a_full_disk_at_the_end_keeps_the_old_file_and_the_work(
    made: tuple[Result, list[str]], job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "prop.glb").write_bytes(b"an older prop")
    with monkeypatch.context() as patch:
        patch.setattr("backend.export.glb.replace_atomically", full)
        with pytest.raises(InputError, match="No space left on device"):
            run(job, tmp_path)
    assert (tmp_path / "prop.glb").read_bytes() == b"an older prop"
    result, _ = run(job, tmp_path, resume=True)
    assert result.files[0].read_bytes() == made[0].files[0].read_bytes()
