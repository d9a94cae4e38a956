"""gsplat is compiled once, before pytest's workers; the end of a run tells what no GPU has run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests import gpu_half

ROOT = Path(__file__).parents[2]
STAND_IN = "open({log!r}, 'a').write('compiled\\n')"
TORCH = "class cuda:\n    is_available = staticmethod(lambda: {device})\n"
SKIPPED = """
import pytest
@pytest.mark.skipif(True, reason="no CUDA device here: one")
@pytest.mark.parametrize("number", range(3))
def test_first(number): pass
def test_second(): pytest.skip("nvdiffrast is not installed")
def test_third(): pytest.skip("Not about it")
"""


def stand_ins(folder: Path, device: bool) -> Path:
    """A torch with or without a device, and a gsplat that logs its compiling; the log."""
    log = folder / "log"
    (folder / "gsplat" / "cuda").mkdir(parents=True)
    for package in ("gsplat", "gsplat/cuda"):  # or the installed one would come first
        (folder / package / "__init__.py").touch()
    (folder / "gsplat" / "cuda" / "_backend.py").write_text(STAND_IN.format(log=str(log)))
    (folder / "torch.py").write_text(TORCH.format(device=device))
    return log


@pytest.mark.parametrize("device", [False, True])
def test_gsplat_is_compiled_where_there_is_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: bool
) -> None:
    log = stand_ins(tmp_path, device)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    gpu_half.compile_gsplat()
    assert log.exists() == device


def test_nothing_happens_without_gsplat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    gpu_half.compile_gsplat()


def test_a_run_compiles_once_and_says_what_it_skipped(tmp_path: Path) -> None:
    """With two workers, which bring the skipped tests' reports."""
    log = stand_ins(tmp_path, True)
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(SKIPPED)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    finished = subprocess.run(
        [*command, "-p", "no:jaxtyping", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert log.read_text() == "compiled\n", finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    start = lines.index("4 test(s) of the GPU paths DID NOT RUN:")
    assert [line.split(maxsplit=1) for line in lines[start + 1 : start + 3]] == [
        ["3", "no CUDA device here: one"],
        ["1", "nvdiffrast is not installed"],
    ]
    assert "Not about it" not in "".join(lines[start:])


def test_nothing_is_said_where_all_ran() -> None:
    assert gpu_half.not_run(["libfaketime is not installed"]) == []
