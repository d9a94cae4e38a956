"""Bad input at the command line: one sentence, exit code 2, nothing written, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.cli_parser import build_parser, join_negative_values

ROOT = Path(__file__).parents[2]


def run_cli(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cwd / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def assert_refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1, run.stderr
    for word in words:
        assert word in run.stderr


BAD_ARGUMENTS = {
    "no command": ([], ["COMMAND"]),
    "unknown command": (["make", "a chair"], ["make"]),
    "no output": (["generate", "a chair"], ["--output"]),
    "empty prompt": (["generate", "  ", "-o", "x.glb"], ["prompt is empty"]),
    "other format": (["generate", "a chair", "-o", "x.obj"], ["x.obj", ".glb"]),
    "unknown option": (["generate", "a chair", "-o", "x.glb", "--colour", "red"], ["--colour"]),
    "abbreviated option": (["generate", "a chair", "-o", "x.glb", "--pre", "draft"], ["--pre"]),
    "no folder": (["generate", "a chair", "-o", "none/x.glb"], ["none", "does not exist"]),
    "file as folder": (["generate", "a chair", "-o", "kept.glb/x.glb"], ["does not exist"]),
    "folder as file": (["generate", "a chair", "-o", "folder.glb"], ["is a folder"]),
    "too long a name": (["generate", "a chair", "-o", "x" * 300 + ".glb"], ["too long"]),
    "too long a folder": (
        ["generate", "a chair", "-o", "x.glb", "--checkpoint-dir", "c" * 300],
        ["too long"],
    ),
    "report on a file": (
        ["generate", "a chair", "-o", "x.glb", "--report", "kept.glb"],
        ["--report", "not a folder"],
    ),
    "checkpoints in a file": (
        ["generate", "a chair", "-o", "x.glb", "--checkpoint-dir", "kept.glb/c"],
        ["--checkpoint-dir", "not a folder"],
    ),
    "nothing at all": (["generate", "-o", "x.glb"], ["nothing to make", "--image"]),
    "a picture's height": (
        ["generate", "a chair", "-o", "x.glb", "--image-elevation", "20"],
        ["--image-elevation", "--image."],
    ),
    "nothing to resume": (
        ["generate", "a chair", "-o", "x.glb", "--resume"],
        ["no checkpoint to resume"],
    ),
}

BAD_VALUES = [
    ("--preset", "ultra"),
    ("--seed", "-1"),
    ("--seed", "1.5"),
    ("--seed", "nine"),
    ("--seed", str(2**63)),
    ("--device", "tpu"),
    ("--elevation", "-10:91"),
    ("--elevation", "-95"),
    ("--elevation", "50:-10"),
    ("--azimuth", "1:2:3"),
    ("--azimuth", "north"),
    ("--azimuth", "nan"),
    ("--distance", "1.2"),
    ("--distance", "3:19.5"),
    ("--distance", "inf"),
    ("--fov", "0"),
    ("--fov", "40:120"),
    ("--favour", "45"),
    ("--texture-size", "0"),
    ("--faces", "many"),
    ("--height", "0"),
    ("--prior", "no-such-prior"),
    ("--prior", "."),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder.glb").mkdir()
    (tmp_path / "kept.glb").write_bytes(b"an older prop")
    return tmp_path


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_arguments_end_in_one_sentence(name: str, folder: Path) -> None:
    arguments, words = BAD_ARGUMENTS[name]
    before = listing(folder)
    assert_refused(run_cli(*arguments, cwd=folder), *words)
    assert listing(folder) == before


@pytest.mark.parametrize(("option", "value"), BAD_VALUES)
def test_bad_values_end_in_one_sentence_that_quotes_them(
    option: str, value: str, folder: Path
) -> None:
    before = listing(folder)
    run = run_cli("generate", "a chair", "-o", "kept.glb", option, value, cwd=folder)
    assert_refused(run, f"'{value}'")
    assert listing(folder) == before


def test_a_folder_that_takes_no_files_is_found_before_the_work(folder: Path) -> None:
    # /proc refuses new files even to root, whom permission bits don't stop.
    if not Path("/proc/self").exists():
        pytest.skip("needs Linux's /proc")
    assert_refused(run_cli("generate", "a chair", "-o", "/proc/x.glb", cwd=folder), "/proc")


def test_cuda_without_a_gpu_is_refused(folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    before = listing(folder)
    run = run_cli("generate", "a chair", "-o", "kept.glb", "--device", "cuda", cwd=folder)
    assert_refused(run, "cuda")
    assert listing(folder) == before


def test_ranges_and_single_values_parse_also_below_zero() -> None:
    words = "generate chair -o x.glb --elevation -10:50 --azimuth -90 --favour -30:-5 --fov 40"
    parsed = build_parser().parse_args(join_negative_values(words.split()))
    assert parsed.elevation == (-10, 50)
    assert parsed.azimuth == (-90, -90)
    assert parsed.favour == (-30, -5)
    assert parsed.fov == (40, 40)
    assert parsed.distance is None


def test_a_prompt_may_start_with_a_dash_after_two_dashes() -> None:
    words = ["generate", "-o", "x.glb", "--", "-1 chair"]
    assert build_parser().parse_args(join_negative_values(words)).prompt == "-1 chair"


def test_help_lists_every_option_and_version_answers(folder: Path) -> None:
    text = run_cli("generate", "--help", cwd=folder).stdout
    options = (
        "--preset --seed --negative --prior --device --azimuth --elevation --distance --fov "
        "--favour --checkpoint-dir --resume --report --json --texture-size --faces --height"
    )
    assert all(option in text for option in options.split())
    import backend

    assert run_cli("--version", cwd=folder).stdout == f"propsmith {backend.__version__}\n"
