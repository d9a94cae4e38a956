"""The closest points of a mesh, for baking a fine surface into a coarse one's textures.

In: a mesh, points near it and the side they look to. Out: for each point a face and barycentrics.

Candidates are the faces with the nearest centroids; among those the exact closest point is taken
(Ericson, Real-Time Collision Detection, section 5.1.5). For a mesh of evenly sized triangles that
is the closest point of all.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from backend.mesh.geometry import face_normals, take
from backend.mesh.types import TriMesh
from backend.neighbours import tree_of
from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

CANDIDATES = 8


def closest_points(
    mesh: TriMesh, points: Float[Tensor, "P 3"], normals: Float[Tensor, "P 3"]
) -> tuple[Int64[Tensor, "P"], Float[Tensor, "P 3"]]:
    """(faces, barycentric weights). Faces that look the other way are taken only if no other is
    near: behind a thin wall lies another surface."""
    corners = take(mesh.vertices.detach().cpu(), mesh.faces.cpu())
    candidates = min(CANDIDATES, len(mesh.faces))
    tree = tree_of(corners.mean(dim=1).numpy())
    _, near = tree.query(points.cpu().numpy(), k=candidates, workers=-1)
    faces = np.empty(len(points), np.int64)
    weights = np.empty((len(points), 3), np.float32)
    facing = face_normals(TriMesh(mesh.vertices.detach().cpu(), mesh.faces.cpu()))
    arrays = [t.detach().cpu().float().contiguous().numpy() for t in (points, normals)]
    near = near.reshape(len(points), candidates).astype(np.int64)
    shape = (corners.float().numpy(), facing.float().numpy())
    in_parallel(_pick, len(points), *shape, *arrays, near, faces, weights, in_turn=False)
    return torch.from_numpy(faces).to(points.device), torch.from_numpy(weights).to(points.device)


@helper
@no_type_check
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@helper
@no_type_check
def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@helper
@no_type_check
def _weights_on_triangle(p, a, b, c):
    """Barycentrics of the point of triangle abc that is closest to p."""
    ab, ac = _minus(b, a), _minus(c, a)
    from_a, from_b, from_c = _minus(p, a), _minus(p, b), _minus(p, c)
    d1, d2 = _dot(ab, from_a), _dot(ac, from_a)
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    d3, d4 = _dot(ab, from_b), _dot(ac, from_b)
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    d5, d6 = _dot(ab, from_c), _dot(ac, from_c)
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        t = d1 / max(d1 - d3, 1e-20)
        return 1 - t, t, 0.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        t = d2 / max(d2 - d6, 1e-20)
        return 1 - t, 0.0, t
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 >= d3 and d5 >= d6:
        t = (d4 - d3) / max((d4 - d3) + (d5 - d6), 1e-20)
        return 0.0, 1 - t, t
    total = max(va + vb + vc, 1e-20)
    return va / total, vb / total, vc / total


@kernel
@no_type_check
def _pick(first, end, step, corners, facing, points, normals, near, faces, weights):
    for p in range(first, end, step):
        best = np.inf
        for k in range(near.shape[1]):
            f = near[p, k]
            a, b, c = corners[f, 0], corners[f, 1], corners[f, 2]
            u, v, w = _weights_on_triangle(points[p], a, b, c)
            distance = 0.0
            for i in range(3):
                away = points[p, i] - (u * a[i] + v * b[i] + w * c[i])
                distance += away * away
            if _dot(facing[f], normals[p]) < 0:
                distance += 1e6
            if distance < best:
                best = distance
                faces[p] = f
                weights[p, 0], weights[p, 1], weights[p, 2] = u, v, w
