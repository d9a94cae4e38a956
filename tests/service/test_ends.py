"""How runs end: what the worker makes of an error, what the server makes of a worker's end."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.errors import (
    CheckpointError,
    GenerationError,
    InputError,
    Interrupted,
    PriorError,
    StorageError,
)
from backend.service import run, worker_process
from backend.service.config import ServeConfig
from backend.service.link import Run, UploadedFile
from backend.service.pictures import Painter
from backend.service.verdict import Failures
from backend.service.worker import Desk, Hooks
from shared.messages import Refine, Settings

JOB = "a" * 32
CPU = torch.device("cpu")


def end_of(error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run, "_generate", fail)
    hooks = Hooks(JOB, Desk(), lambda _: None)
    ended = run.run_job(Run(JOB, Settings("a"), "p", str(folder)), hooks, CPU, Painter())
    return ended.end, ended.code, ended.text


@pytest.mark.parametrize(
    ("error", "end", "code"),
    [
        (Interrupted("Stopped."), "stopped", ""),
        (StorageError("No room\nleft."), "storage", "storage"),
        (OSError(28, "No space left on device"), "storage", "storage"),
        (GenerationError("Empty."), "failed", "generation"),
        (PriorError("No such prior."), "failed", "bad_settings"),
        (CheckpointError("Corrupt."), "failed", "bad_settings"),
        (MemoryError(), "out_of_memory", ""),
        (torch.OutOfMemoryError("CUDA out of memory."), "out_of_memory", ""),
        (ZeroDivisionError("division by zero"), "crashed", "worker_died"),
    ],
)
def test_every_error_of_a_run_is_an_end(
    error: BaseException, end: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = end_of(error, tmp_path, monkeypatch)
    assert found[:2] == (end, code) and "\n" not in found[2]


def test_a_damaged_checkpoint_starts_the_job_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "job.json").write_text("{")
    (tmp_path / "checkpoint" / "lock").write_text("1")  # of a process that lives, by its number
    tried: list[bool] = []

    def attempt(*arguments: Any, resume: bool | None = None) -> Any:
        tried.append(arguments[4] if resume is None else resume)
        if tried[-1]:
            raise CheckpointError("The checkpoint file is corrupt.")
        raise GenerationError("far enough")

    monkeypatch.setattr(run, "_attempt", attempt)
    hooks = Hooks(JOB, Desk(), lambda _: None)
    order = Run(JOB, Settings("a"), "p", str(tmp_path))
    assert run.run_job(order, hooks, CPU, Painter()).text == "far enough"
    assert tried == [True, False] and not (tmp_path / "checkpoint").exists()


def test_failures_count_at_one_place_and_kills_from_outside_hardly(tmp_path: Path) -> None:
    failures = Failures(ServeConfig(tmp_path, tmp_path, crashes=3, kills=50))
    assert failures.judge(JOB, "worker_died", "mesh").again
    assert failures.judge(JOB, "worker_died", "bake").again  # it got further
    assert failures.judge(JOB, "worker_died", "bake").again
    assert failures.judge(JOB, "worker_died", "bake").code == "worker_died"
    assert all(failures.judge("b", "killed", "mesh").again for _ in range(49))
    assert not failures.judge("b", "killed", "mesh").again


@pytest.mark.parametrize(
    ("stage", "setting"),
    [("gaussians", "--preset"), ("unwrap", "--faces"), ("bake", "--texture-size")],
)
def test_want_of_memory_names_what_to_lower(stage: str, setting: str, tmp_path: Path) -> None:
    failures = Failures(ServeConfig(tmp_path, tmp_path))
    assert failures.judge(JOB, "out_of_memory", stage).again
    verdict = failures.judge(JOB, "out_of_memory", stage)
    assert verdict.code == "out_of_memory" and setting in verdict.text


def test_settings_name_files_by_digest_and_a_run_has_them_by_path(tmp_path: Path) -> None:
    mesh, picture = tmp_path / ("a" * 64), tmp_path / ("b" * 64)
    mesh.write_bytes(b"glTF and more")
    picture.write_bytes(b"pixels")
    uploads = tuple(UploadedFile(path.name, str(path)) for path in (mesh, picture))
    settings = Settings(" ", image=picture.name, refine=Refine(mesh.name, "auto", 0.5))
    order = Run(JOB, settings, "p", str(tmp_path), uploads=uploads)
    options = run.options_of(order)
    assert options.image == picture and options.prompt == ""
    assert options.refine.mesh == tmp_path / "source.glb" and options.refine.strength == 0.5
    assert options.refine.mesh.read_bytes() == mesh.read_bytes()
    picture.unlink()
    with pytest.raises(InputError, match="upload it again"):
        run.options_of(order)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_kills_from_outside_are_told_from_crashes() -> None:
    assert worker_process.was_killed_from_outside(-signal.SIGKILL)
    assert not worker_process.was_killed_from_outside(-signal.SIGSEGV)
    assert not worker_process.was_killed_from_outside(1)


def test_a_worker_sees_its_own_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device, environment = worker_process.environment_for("cuda:1")
    assert (device, environment["CUDA_VISIBLE_DEVICES"]) == ("cuda", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert worker_process.environment_for("cuda:1")[1]["CUDA_VISIBLE_DEVICES"] == "7"
    assert worker_process.environment_for("cpu")[1]["CUDA_VISIBLE_DEVICES"] == "4,7"
