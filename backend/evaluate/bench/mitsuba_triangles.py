"""A peer: Mitsuba 3's projective integrator on the triangles' scene, gradients to the vertices.

In: a `TriangleScene`. Out: milliseconds. `direct_projective` (Zhang et al. 2023, "Projective
Sampling for Differentiable Rendering of Geometry") with 4 samples a pixel, a white diffuse globe
under a distant lamp. Its LLVM mode needs LLVM's shared library on the system. Mitsuba is an
optional extra: pip install 'propsmith[bench]'.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch

from backend.evaluate.bench.scenes import LIGHT, TriangleScene
from backend.evaluate.bench.timing import Budget, Timing

SAMPLES = 4


def measure(scene: TriangleScene, budget: Budget) -> Timing:
    """Raises ImportError where Mitsuba is absent, RuntimeError where LLVM is."""
    import drjit as dr
    import mitsuba as mi

    mi.set_variant("llvm_ad_rgb")
    dr.set_thread_count(torch.get_num_threads())
    mi.set_log_level(mi.LogLevel.Error)
    world = _scene(mi, scene)
    parameters = mi.traverse(world)
    name = "globe.vertex_positions"
    integrator = mi.load_dict({"type": "direct_projective"})
    forwards: list[float] = []
    backwards: list[float] = []
    end = time.perf_counter() + budget.seconds
    while len(forwards) < 3 or (time.perf_counter() < end and len(forwards) <= budget.repeats):
        vertices = mi.Float(parameters[name])
        dr.enable_grad(vertices)
        parameters[name] = vertices
        dr.eval(vertices)
        dr.sync_thread()
        start = time.perf_counter()
        parameters.update()
        seed = mi.UInt32(len(forwards))
        image = mi.render(world, parameters, integrator=integrator, spp=SAMPLES, seed=seed)
        loss = dr.sum(image * image, axis=None)
        dr.eval(loss)
        dr.sync_thread()
        middle = time.perf_counter()
        dr.backward(loss)
        dr.eval(dr.grad(vertices))
        dr.sync_thread()
        forwards.append((middle - start) * 1e3)
        backwards.append((time.perf_counter() - middle) * 1e3)
    # The first two compile: the second one's kernels know that the scene has changed.
    return Timing(min(forwards[2:]), min(backwards[2:]), len(forwards) - 2)


def _scene(mi: Any, scene: TriangleScene) -> Any:
    mesh = mi.Mesh("globe", len(scene.vertices), len(scene.faces), has_vertex_normals=True)
    values = mi.traverse(mesh)
    values["vertex_positions"] = scene.vertices.detach().cpu().numpy().ravel()
    values["faces"] = scene.faces.cpu().numpy().astype("uint32").ravel()
    values.update()
    position = scene.cameras.positions[0].tolist()
    camera = {
        "type": "perspective",
        "fov": float(scene.cameras.fov_y_deg[0]),
        "to_world": mi.ScalarTransform4f().look_at(origin=position, target=[0, 0, 0], up=[0, 0, 1]),
        "film": {
            "type": "hdrfilm",
            "width": scene.size,
            "height": scene.size,
            "rfilter": {"type": "box"},
            "sample_border": True,
        },
    }
    lamp = {
        "type": "directional",
        "direction": [-value for value in LIGHT],
        "irradiance": {"type": "rgb", "value": 2 * math.pi},  # a mesh reflects half
    }
    return mi.load_dict({"type": "scene", "globe": mesh, "sensor": camera, "lamp": lamp})
