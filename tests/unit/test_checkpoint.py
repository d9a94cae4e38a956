"""Checkpoints survive what happens to files: kills, full disks, garbage, two runs at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from backend.checkpoint import CheckpointFolder
from backend.errors import CheckpointError
from backend.files import FolderLock, replace_atomically

JOB = {"prompt": "a chair", "seed": 1, "weights": "abc"}
STATE = {"step": 7, "means": torch.arange(30_000.0), "curve": [{"sds": 0.5}]}


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint that a stopped run left."""
    with CheckpointFolder(tmp_path / "job", JOB) as checkpoints:
        checkpoints.save("gaussians", STATE)
    return tmp_path / "job"


def test_a_state_comes_back_as_it_was(folder: Path) -> None:
    with CheckpointFolder(folder, JOB, resume=True) as checkpoints:
        state = checkpoints.load("gaussians")
        assert checkpoints.load("materials") is None
    assert state is not None
    assert torch.equal(state["means"], STATE["means"])
    assert (state["step"], state["curve"]) == (STATE["step"], STATE["curve"])
    assert names(folder) == {"job.json", "gaussians.pt"}


def test_without_resume_the_same_job_starts_over(folder: Path) -> None:
    with CheckpointFolder(folder, JOB) as checkpoints:
        assert checkpoints.load("gaussians") is None


@pytest.mark.parametrize("key", ["prompt", "seed", "weights"])
@pytest.mark.parametrize("resume", [True, False])
def test_another_jobs_checkpoint_is_neither_used_nor_lost(
    folder: Path, key: str, resume: bool
) -> None:
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(CheckpointError, match=f"another job .*{key}"):
        CheckpointFolder(folder, {**JOB, key: "other"}, resume).__enter__()
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


def test_of_nested_settings_those_that_differ_are_named(tmp_path: Path) -> None:
    job = {"config": {"mesh": {"steps": 150, "views": 4}, "bake": {"size": 64}}}
    with CheckpointFolder(tmp_path, job):
        pass
    other = {"config": {"mesh": {"steps": 200, "views": 4}, "bake": {"size": 64}}}
    with pytest.raises(CheckpointError) as refusal:
        CheckpointFolder(tmp_path, other).__enter__()
    assert "(config.mesh.steps: there 150, here 200)" in str(refusal.value)
    many = {"config": {f"setting{i}": i for i in range(9)}}
    with pytest.raises(CheckpointError, match="and 8 more"):
        CheckpointFolder(tmp_path, many).__enter__()


@pytest.mark.parametrize("resume", [True, False])
def test_what_a_kill_left_half_written_goes(folder: Path, resume: bool) -> None:
    for name in (".gaussians.pt.x1y2", ".job.json.x1y2"):
        (folder / name).write_bytes(b"begun")
    with CheckpointFolder(folder, JOB, resume) as checkpoints:
        checkpoints.discard()
    assert not folder.exists()


@pytest.mark.parametrize("resume", [True, False])
def test_nothing_to_resume_is_said(tmp_path: Path, resume: bool) -> None:
    if resume:
        with pytest.raises(CheckpointError, match="no checkpoint to resume"):
            CheckpointFolder(tmp_path / "none", JOB, resume).__enter__()
        assert not (tmp_path / "none").exists()
    else:
        with CheckpointFolder(tmp_path / "none", JOB) as checkpoints:
            assert checkpoints.load("gaussians") is None


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "flipped bit":
        data[len(data) // 2] ^= 1
    path.write_bytes(
        {"garbage": b"garbage", "empty": b"", "cut": data[:-100]}.get(how, bytes(data))
    )


@pytest.mark.parametrize("how", ["garbage", "empty", "cut", "flipped bit"])
def test_a_damaged_state_is_named_before_any_work(folder: Path, how: str) -> None:
    damage(folder / "gaussians.pt", how)
    with pytest.raises(CheckpointError, match=r"gaussians\.pt' is corrupt"):
        CheckpointFolder(folder, JOB, resume=True).__enter__()


def test_a_damaged_job_file_is_named(folder: Path) -> None:
    for text in ("{", "[]", "\x00"):
        (folder / "job.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"job\.json' is corrupt"):
            CheckpointFolder(folder, JOB, resume=True).__enter__()


def test_a_state_cannot_run_code(folder: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"evil": Evil()}, folder / "gaussians.pt")
    with pytest.raises(CheckpointError):
        CheckpointFolder(folder, JOB, resume=True).__enter__()
    assert not (tmp_path / "ran").exists()


def test_discard_leaves_no_trace_and_no_ones_else_files(folder: Path) -> None:
    with CheckpointFolder(folder, JOB, resume=True) as checkpoints:
        checkpoints.discard()
    assert not folder.exists()

    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with CheckpointFolder(folder, JOB) as checkpoints:
        checkpoints.save("gaussians", STATE)
        checkpoints.discard()
    assert names(folder) == {"notes.txt"}


def test_a_foreign_state_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"years of work")
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        CheckpointFolder(tmp_path, JOB).__enter__()
    assert (tmp_path / "model.pt").read_bytes() == b"years of work"


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "chair.glb"
    path.write_bytes(b"old")

    def half(file) -> None:
        file.write(b"new, but only h")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_atomically(path, half)
    assert names(tmp_path) == {"chair.glb"}
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_one_sentence_and_keeps_the_old_state(folder: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with CheckpointFolder(folder, JOB, resume=True) as checkpoints:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(CheckpointError, match="No space left"):
            checkpoints.save("gaussians", {"step": 8})
        state = checkpoints.load("gaussians")
    assert state is not None and state["step"] == 7


def test_two_runs_cannot_share_a_folder(folder: Path) -> None:
    (folder / "lock").write_text(str(os.getppid()))
    with pytest.raises(CheckpointError, match=f"in use by process {os.getppid()}"):
        CheckpointFolder(folder, JOB, resume=True).__enter__()
    assert (folder / "lock").exists()


def test_a_dead_runs_lock_is_taken_over(folder: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    (folder / "lock").write_text(str(child.pid))
    with CheckpointFolder(folder, JOB, resume=True):
        assert (folder / "lock").read_text() == str(os.getpid())
    assert not (folder / "lock").exists()


def test_a_half_written_lock_is_given_a_moment_then_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with pytest.raises(CheckpointError, match="in use"):
        FolderLock(path).acquire()
    os.utime(path, (0, 0))
    FolderLock(path).acquire()
    assert path.read_text() == str(os.getpid())
