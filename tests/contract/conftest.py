"""The triangle rasterisers that every contract test of triangles runs against."""

from __future__ import annotations

import pytest
import torch
from triangle_scenes import Rasteriser

from backend.render import triangles_cpu, triangles_torch

RASTERISERS = {
    "kernels-cpu": Rasteriser(triangles_cpu, "cpu"),
    "torch-cpu": Rasteriser(triangles_torch, "cpu"),
    "torch-cuda": Rasteriser(triangles_torch, "cuda"),
}


@pytest.fixture(params=RASTERISERS)
def draw(request: pytest.FixtureRequest) -> Rasteriser:
    """Every one of ours."""
    return _on_its_device(request.param)


@pytest.fixture(params=["torch-cpu", "torch-cuda"])
def torch_draw(request: pytest.FixtureRequest) -> Rasteriser:
    """Those that are compared with the CPU kernels."""
    return _on_its_device(request.param)


def _on_its_device(name: str) -> Rasteriser:
    if name == "torch-cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here: the torch rasteriser ran on the CPU alone")
    return RASTERISERS[name]
