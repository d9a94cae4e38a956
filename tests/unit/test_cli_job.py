"""From words on the command line to a job, and what a run shows meanwhile."""

from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console
from rich.progress import Progress as RichProgress

from backend.cli_job import choose_device, job_from
from backend.cli_parser import PRESET_HELP, build_parser, join_negative_values
from backend.cli_progress import COLUMNS, LiveBars, PlainLines
from backend.config import PRESETS
from backend.errors import DeviceError
from backend.job import Job
from backend.loop import Progress


def job(*options: str) -> Job:
    words = ["generate", "a red chair", "-o", "x.glb", *options]
    return job_from(build_parser().parse_args(join_negative_values(words)))


def test_the_command_line_offers_the_presets_that_there_are() -> None:
    assert list(PRESET_HELP) == list(PRESETS)
    for name in PRESETS:
        assert job("--preset", name).config == PRESETS[name]


def test_options_reach_the_stages_that_they_are_for() -> None:
    made = job("--texture-size", "512", "--faces", "3000", "--height", "0.9", "--seed", "7")
    assert made.config.bake.texture_size == made.config.unwrap.resolution == 512
    assert made.config.cleanup.target_faces == 3000
    assert (made.config.export.measure, made.config.export.size_m) == ("height", 0.9)
    assert made.seed == 7


def test_camera_preferences_reach_the_cameras_that_are_sampled() -> None:
    made = job("--azimuth", "-30:30", "--elevation", "20", "--distance", "2:2.5", "--fov", "50")
    cameras = made.cameras.sample(64, torch.Generator().manual_seed(0))
    assert cameras.azimuth_deg.abs().max() <= 30
    assert cameras.elevation_deg.sub(20).abs().max() < 1e-3
    assert cameras.distance.min() >= 2 and cameras.distance.max() <= 2.5
    assert (cameras.fov_y_deg == 50).all()
    assert job("--favour", "-45:30").cameras.favoured_deg == (-45, 30)


def test_a_missing_gpu_is_an_error_and_auto_never_is() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="cuda"):
            choose_device("cuda")


def test_a_gpu_without_gsplat_is_not_taken_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for found, expected in ((None, "cpu"), (object(), "cuda")):
        monkeypatch.setattr("importlib.util.find_spec", lambda _, found=found: found)
        assert choose_device("auto").type == expected
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DeviceError, match="gsplat"):
        choose_device("cuda")


def show(display: LiveBars | PlainLines) -> None:
    for step in (1, 2, 3):
        display.progress(Progress("mesh", step, 3, {"normal": 0.25, "eikonal": 0.1}, 65.0))


def test_plain_lines_are_few_and_have_stage_step_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(PlainLines())
    assert capsys.readouterr().err.splitlines() == [
        "mesh: 1/3  1:05 left  normal 0.25",
        "mesh: 3/3  normal 0.25",
    ]


def test_the_live_display_has_stage_step_and_time() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with RichProgress(*COLUMNS, console=console, auto_refresh=False) as bars:
        display = LiveBars(bars)
        display.progress(Progress("mesh", 1, 3, {"normal": 0.25}, 65.0))
        display.note("a line for the user")
        bars.refresh()
    shown = screen.getvalue()
    assert all(text in shown for text in ("mesh", "1/3", "1:05 left", "a line for the user"))
