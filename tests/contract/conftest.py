"""The triangle rasterisers that every contract test of triangles runs against."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
import torch
from nvdiffrast_rules import NvdiffrastRules
from triangle_scenes import Rasteriser

from backend.render import triangles_cpu, triangles_cuda, triangles_torch

RASTERISERS = {
    "kernels-cpu": Rasteriser(triangles_cpu, "cpu"),
    "torch-cpu": Rasteriser(triangles_torch, "cpu"),
    "torch-cuda": Rasteriser(triangles_torch, "cuda"),
    "nvdiffrast-rules": Rasteriser(triangles_cuda, "cpu", nvdiffrast=True),
    "nvdiffrast": Rasteriser(triangles_cuda, "cuda", nvdiffrast=True),
}


@pytest.fixture(params=RASTERISERS)
def draw(request: pytest.FixtureRequest) -> Rasteriser:
    """Every one: ours, and our adaptor over nvdiffrast and over its rules."""
    if request.param == "nvdiffrast-rules":
        request.getfixturevalue("rules")
    return _on_its_device(request.param)


@pytest.fixture(params=[name for name, one in RASTERISERS.items() if not one.nvdiffrast])
def exact_draw(request: pytest.FixtureRequest) -> Rasteriser:
    """Ours, which know float64."""
    return _on_its_device(request.param)


@pytest.fixture(params=["torch-cpu", "torch-cuda"])
def torch_draw(request: pytest.FixtureRequest) -> Rasteriser:
    """Those that are compared with the CPU kernels."""
    return _on_its_device(request.param)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[NvdiffrastRules]:
    """The adaptor to nvdiffrast, over its rules on the CPU instead."""
    module = NvdiffrastRules()
    monkeypatch.setattr(triangles_cuda, "load", lambda: module)
    triangles_cuda.context.cache_clear()
    yield module
    triangles_cuda.context.cache_clear()


@pytest.fixture
def nvdiffrast() -> Rasteriser:
    return _on_its_device("nvdiffrast")


def _on_its_device(name: str) -> Rasteriser:
    rasteriser = RASTERISERS[name]
    if rasteriser.device == "cuda" and not torch.cuda.is_available():
        pytest.skip(f"no CUDA device here: {name} did not run")
    if name == "nvdiffrast" and importlib.util.find_spec("nvdiffrast") is None:
        pytest.skip("nvdiffrast is not installed: it is optional, its licence is non-commercial")
    return rasteriser
