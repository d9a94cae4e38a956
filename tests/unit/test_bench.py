"""`propsmith bench` really run, and its parts; how fast anything is, is not tested."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from backend.evaluate.bench import guards, peers, run, sds_steps, silhouettes
from backend.evaluate.bench.scenes import GaussianScene, TriangleScene, globe
from backend.evaluate.bench.tile_loop import tile_loop
from backend.evaluate.bench.timing import Budget, fastest_ms, forward_backward
from backend.render.gaussians import render_gaussians

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
MEASURED = (
    *("gaussians_5k_128_4v_vs_tile_loop", "silhouette_gradient_50k", "pairs_vectorised"),
    *("pairs_exponent", "compile_seconds", "load_seconds", "sds_step_over_prior"),
    *(f"sds_step_over_prior_{stage}" for stage in ("gaussians", "geometry", "materials")),
)
WHERE_A_PEER_IS = ("triangles_50k_256_vs_mitsuba", "gaussians_5k_128_4v_vs_taichi")


@pytest.mark.slow
def test_a_quick_run_ends_with_one_line_of_finite_figures() -> None:
    command = [sys.executable, "-m", "backend.cli", "bench", "--quick", "--json"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *table, last = finished.stdout.splitlines()
    figures = json.loads(last)
    for key in MEASURED:
        assert math.isfinite(figures[key]) and figures[key] > 0, key
    for key in WHERE_A_PEER_IS:
        value = figures[key]
        assert (value is None and figures["notes"]) or (math.isfinite(value) and value > 0), key
    missed = [line for line in table if "MISSED" in line]  # on a busy machine
    assert len(missed) == len(figures["guards_missed"])
    assert figures["silhouette_gradient_50k"] == pytest.approx(1, abs=0.03)
    assert any("tile loop" in line for line in table)
    assert {row["by"] for row in figures["rows"]} >= {"propsmith", "tile loop"}


def test_the_tile_loop_draws_what_we_draw() -> None:
    """A peer that does less would be no peer. It does not end opaque pixels; here are none."""
    scene = GaussianScene.make(200, 32, 2, CPU)
    viewmats, Ks = scene.cameras.viewmats, scene.intrinsics
    ours = render_gaussians(*scene.inputs, viewmats, Ks, 32, 32).colors
    theirs = tile_loop(*scene.inputs, viewmats, Ks, 32)
    assert theirs.abs().max() > 0.1
    torch.testing.assert_close(theirs, ours, atol=1e-3, rtol=0)
    weights = torch.rand(ours.shape, generator=torch.Generator().manual_seed(1))
    gradients = [torch.autograd.grad((p * weights).sum(), scene.inputs) for p in (ours, theirs)]
    for one, other in zip(*gradients, strict=True):
        assert float((one - other).norm() / one.norm()) < 1e-2


def test_passes_alone_are_those_of_the_step() -> None:
    asked = []

    class Prior:
        def encode(self, images: torch.Tensor, generator: object) -> torch.Tensor:
            asked.append(("encode", images.requires_grad))
            return images * 2

        def predict_x0(self, noisy: torch.Tensor, scale: float) -> torch.Tensor:
            asked.append(("predict", scale))
            return noisy

    watched = sds_steps._Watched(Prior())
    picture = torch.ones(2, requires_grad=True)
    latents = watched.encode(picture, None)
    watched.predict_x0(latents, scale=3.0)
    latents.sum().backward()
    assert torch.equal(picture.grad, torch.full((2,), 2.0))
    watched.passes_alone()
    step, alone = [("encode", True), ("predict", 3.0)], [("encode", False), ("predict", 3.0)]
    assert asked == step + alone

    asked.clear()
    watched.encode(picture, None)
    watched.predict_x0(latents, scale=3.0)
    watched.predict_x0(latents, scale=4.0)  # another draw of noise on the same pictures
    watched.passes_alone()
    draws = [("predict", 3.0), ("predict", 4.0)]
    assert asked == [("encode", True), *draws, ("encode", False), *draws]


def test_the_globe_is_closed_and_about_as_large_as_asked() -> None:
    vertices, faces = globe(5000)
    assert abs(len(faces) - 5000) < 250
    torch.testing.assert_close(vertices.norm(dim=-1), torch.full((len(vertices),), 0.8))
    assert int(faces.max()) == len(vertices) - 1


@pytest.mark.parametrize("count", [200, 5000])
def test_silhouettes_of_a_globe_are_recovered(count: int) -> None:
    assert silhouettes.recovered_share(count, CPU) == pytest.approx(1, abs=0.03)


def test_a_peer_that_is_absent_or_fails_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = [peers.SceneName("triangles", 200, 32)]
    absent = peers.Peer("no_such_renderer", "triangles", "cpu", "nowhere", True)
    assert peers.run_peer(absent, scenes, CPU, Budget(0.1, 1)) == (
        {},
        "no_such_renderer is not installed: pip install 'propsmith[bench]'",
    )
    broken = peers.Peer("json", "triangles", "cpu", "json.tool", True)  # has no `measure`
    timings, note = peers.run_peer(broken, scenes, CPU, Budget(0.1, 1))
    assert timings == {} and note.startswith("json did not run: AttributeError")


def test_a_peer_without_a_cuda_toolkit_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch raises an OSError where a peer's kernels would be compiled."""
    fault = "def measure(scene, budget): raise OSError('CUDA_HOME is not set.\\nSet it')\n"
    (tmp_path / "peer_without_a_toolkit.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    peer = peers.Peer("nvdiffrast", "triangles", "cpu", "peer_without_a_toolkit", False)
    scenes = [peers.SceneName("triangles", 200, 32)]
    assert peers.run_peer(peer, scenes, CPU, Budget(0.1, 1)) == (
        {},
        "nvdiffrast did not run: CUDA_HOME is not set.",
    )


@pytest.mark.parametrize(
    ("vectorised", "exponent", "missed"),
    [
        (12.0, 0.6, []),
        (3.0, 1.1, []),
        (1.2, 0.6, ["pairs_vectorised"]),
        (12.0, 1.4, ["pairs_exponent"]),
        (math.nan, math.nan, ["pairs_vectorised", "pairs_exponent"]),
    ],
)
def test_a_guard_that_is_missed_is_told(
    monkeypatch: pytest.MonkeyPatch, vectorised: float, exponent: float, missed: list[str]
) -> None:
    found = guards.Guards(vectorised, exponent, 150.0)
    monkeypatch.setattr(guards, "measure", lambda _: found)
    report, shown = run.Report("CPU", 2), []
    run._guards(run.Plan.make(True), report, shown.append)
    assert report.as_json()["guards_missed"] == missed
    assert sum("MISSED" in line for line in shown) == len(missed)


def test_scenes_have_gradients_and_a_loss() -> None:
    for inputs, forward in (
        ((g := GaussianScene.make(50, 16, 1, CPU)).inputs, g.ours()),
        ([(t := TriangleScene.make(200, 32, CPU)).vertices], t.ours()),
    ):
        forward().backward()
        assert all(bool(tensor.grad.any()) for tensor in inputs)


def test_a_first_call_that_compiles_for_long_is_left_out() -> None:
    calls = []

    def slow_at_first() -> torch.Tensor:
        if not calls:
            time.sleep(0.2)  # far more than the budget
        calls.append(1)
        return leaf.sum()

    leaf = torch.ones(3, requires_grad=True)
    timing = forward_backward(slow_at_first, [leaf], Budget(0.0, 5))
    assert timing.forward_ms < 200 and timing.repeats == 1 and len(calls) == 2
    calls.clear()
    assert fastest_ms(slow_at_first, Budget(0.0, 5)) < 200
    assert len(calls) == 2
