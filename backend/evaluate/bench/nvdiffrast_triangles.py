"""A peer on CUDA: nvdiffrast called directly, where the user has installed it.

In: a `TriangleScene` on a CUDA device. Out: milliseconds. nvdiffrast is under NVIDIA's
non-commercial licence and no dependency of Propsmith (render/triangles_cuda.py).
"""

from __future__ import annotations

from torch import Tensor

from backend.evaluate.bench.scenes import TriangleScene
from backend.evaluate.bench.timing import Budget, Timing, forward_backward


def measure(scene: TriangleScene, budget: Budget) -> Timing:
    """Raises ImportError where nvdiffrast is absent."""
    import nvdiffrast.torch as dr

    context = dr.RasterizeCudaContext(device=scene.vertices.device)
    faces, size = scene.faces.int().contiguous(), scene.size

    def forward() -> Tensor:
        pos = scene.clip().contiguous()
        raster, _ = dr.rasterize(context, pos, faces, resolution=[size, size])
        image, _ = dr.interpolate(scene.shades()[None].contiguous(), raster, faces)
        return dr.antialias(image.contiguous(), raster, pos, faces).square().sum()

    return forward_backward(forward, [scene.vertices], budget)
