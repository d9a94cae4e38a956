"""Refinement twice gives the same bytes; so does one that was stopped anywhere and resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import trimesh

from backend import cli
from backend.errors import Interrupted
from backend.job import Job, RunFiles, new_context
from backend.loop import Progress
from backend.refine.request import RefineRequest
from backend.refine.run import refine
from tests.unit.test_refine_glb import QUICK, job, textured

__all__ = ["job"]
KEPT = [("prior", 1), ("read", 1), ("mesh", 2), ("materials", 3), ("bake", 1)]
ANEW = [("solid", 1), ("mesh", 2), ("unwrap", 1), ("materials", 3), ("bake", 1)]


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    solid = trimesh.creation.icosphere(2)
    textured(solid, "ball")
    (tmp_path / "ball.glb").write_bytes(solid.export(file_type="glb"))
    return tmp_path / "ball.glb"


def made(
    job: Job, request: RefineRequest, folder: Path, stop_at: object = None, resume: bool = False
) -> bytes:
    reached: set[tuple[str, int]] = set()

    def progress(news: Progress) -> None:
        reached.add((news.stage, news.step))

    folder.mkdir(exist_ok=True)
    files = RunFiles(folder / "out.glb", folder / "checkpoint", resume)
    context = new_context(job, torch.device("cpu"), progress, lambda: stop_at in reached)
    refine(job, request, files, context, config=QUICK)
    return files.output.read_bytes()


@pytest.mark.parametrize(("mode", "places"), [("keep-topology", KEPT), ("remesh", ANEW)])
def test_stopped_anywhere_and_resumed_it_gives_the_same_bytes(
    mode: str, places: list[tuple[str, int]], job: Job, ball: Path, tmp_path: Path
) -> None:
    request = RefineRequest(ball, mode)
    whole = made(job, request, tmp_path / "whole")
    folder = tmp_path / "stopped"
    for place in places:
        with pytest.raises(Interrupted):
            made(job, request, folder, place, resume=place != places[0])
        assert not (folder / "out.glb").exists()
    assert made(job, request, folder, resume=True) == whole
    assert made(job, request, tmp_path / "again") == whole
    assert not (folder / "checkpoint").exists()


@pytest.mark.parametrize(
    ("options", "word"), [(["--height", "2"], "--height"), (["--faces", "900"], "--remesh")]
)
def test_what_has_no_effect_is_refused(
    options: list[str], word: str, ball: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["refine", str(ball), "a red ball", "-o", str(tmp_path / "out.glb"), *options]
    assert cli.main(words) == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "out.glb").exists()
