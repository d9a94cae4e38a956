"""The command line in processes of its own: Ctrl-C, kills, resuming, garbage, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_models import write_embedded

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded(tmp_path_factory.mktemp("prior"))


def start(folder: Path, prior: Path, *options: str) -> subprocess.Popen[str]:
    """`propsmith generate` with tiny presets; its default checkpoints go to FOLDER/cache."""
    command = [sys.executable, "tests/tiny_job.py", "generate", "a red chair", "--seed", "5"]
    command += ["-o", str(folder / "chair.glb"), "--prior", str(prior), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the run ended before it said '{text}'")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prior: Path) -> bytes:
    folder = tmp_path_factory.mktemp("undisturbed")
    code, out, err = finish(start(folder, prior, "--json"))
    assert code == 0, err
    values = json.loads(out.splitlines()[-1])
    assert values["files"] == [str(folder / "chair.glb")]
    assert values["seed"] == 5 and values["device"] == "cpu" and values["faces"] > 0
    assert [s["name"] for s in values["stages"] if s["steps"]] == ["gaussians", "mesh", "materials"]
    assert "gaussians: 12/12" in err
    assert not list((folder / "cache").rglob("*.pt"))
    return (folder / "chair.glb").read_bytes()


def test_ctrl_c_leaves_a_checkpoint_that_ends_in_the_same_file(
    tmp_path: Path, prior: Path, undisturbed: bytes
) -> None:
    process = start(tmp_path, prior)
    wait_for(process, "gaussians: 1/")
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130, err
    assert "--resume" in err.splitlines()[-1]
    assert not (tmp_path / "chair.glb").exists()
    assert list((tmp_path / "cache").rglob("gaussians.pt"))

    code, _, err = finish(start(tmp_path, prior, "--resume"))
    assert code == 0, err
    assert (tmp_path / "chair.glb").read_bytes() == undisturbed
    assert not list((tmp_path / "cache").rglob("*.pt"))


def test_a_killed_run_keeps_others_out_no_longer_and_can_be_resumed(
    tmp_path: Path, prior: Path, undisturbed: bytes
) -> None:
    process = start(tmp_path, prior)
    wait_for(process, "mesh: 1/")
    process.send_signal(signal.SIGSTOP)
    code, _, err = finish(start(tmp_path, prior))
    assert code == 2 and f"in use by process {process.pid}" in err, err
    process.kill()
    process.wait()
    code, _, err = finish(start(tmp_path, prior, "--resume"))
    assert code == 0, err
    assert (tmp_path / "chair.glb").read_bytes() == undisturbed


def test_a_corrupt_or_foreign_checkpoint_is_one_sentence(tmp_path: Path, prior: Path) -> None:
    where = ("--checkpoint-dir", str(tmp_path / "state"))
    process = start(tmp_path, prior, *where)
    wait_for(process, "gaussians: 1/")
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    (tmp_path / "chair.glb").write_bytes(b"an older prop")

    for options, words in (
        (("--seed", "6"), "another job (seed: there 5, here 6)"),
        (("--negative", "blue"), "another job (negative"),
    ):
        assert_refused(start(tmp_path, prior, *where, "--resume", *options), words)
    state = tmp_path / "state" / "gaussians.pt"
    state.write_bytes(state.read_bytes()[:-200])
    assert_refused(start(tmp_path, prior, *where, "--resume"), "corrupt")
    assert (tmp_path / "chair.glb").read_bytes() == b"an older prop"


def assert_refused(process: subprocess.Popen[str], words: str) -> None:
    code, out, err = finish(process)
    assert (code, out) == (2, ""), err
    assert len(err.splitlines()) == 1 and err.startswith("propsmith: ") and words in err
