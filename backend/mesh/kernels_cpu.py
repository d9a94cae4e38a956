"""What the refinement asks of a mesh at every step, as numba kernels for the CPU.

In: tetrahedra with distances at their corners; triangles. Out: the eikonal term with its gradient;
the edges and the faces that share one. mesh/regularise.py and mesh/geometry.py say what these are
and have them in plain torch, which is what runs on other devices.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from backend.render.kernels import kernel
from backend.render.triangles_edges import edge_table
from backend.threads import in_parallel


@kernel
@no_type_check
def _eikonal(first, end, step, points, sdf, tets, terms, pulls):
    """Each tetrahedron's (|g| - 1)^2, and what its gradient is made of.

    The rows of E being the edges from the first corner, E g = d. With w = E^-T dterm/dg, the
    gradient on d is w and that on E is -w g^T: pulls (T, 6) are w and g.
    """
    for t in range(first, end, step):
        o, p, q, r = tets[t, 0], tets[t, 1], tets[t, 2], tets[t, 3]
        x, y, z = np.float64(points[o, 0]), np.float64(points[o, 1]), np.float64(points[o, 2])
        ax, ay, az = points[p, 0] - x, points[p, 1] - y, points[p, 2] - z
        bx, by, bz = points[q, 0] - x, points[q, 1] - y, points[q, 2] - z
        cx, cy, cz = points[r, 0] - x, points[r, 1] - y, points[r, 2] - z
        # Cross products of two edges each: the rows of E's inverse, times its determinant.
        ux, uy, uz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        vx, vy, vz = cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax
        wx, wy, wz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        inverse = 1 / (ax * ux + ay * uy + az * uz)
        start = np.float64(sdf[o])
        da, db, dc = (
            (sdf[p] - start) * inverse,
            (sdf[q] - start) * inverse,
            (sdf[r] - start) * inverse,
        )
        gx, gy, gz = (
            ux * da + vx * db + wx * dc, uy * da + vy * db + wy * dc, uz * da + vz * db + wz * dc,
        )  # fmt: skip
        length = np.sqrt(gx * gx + gy * gy + gz * gz)
        terms[t] = (length - 1) * (length - 1)
        pull = 2 * (length - 1) / length * inverse if length > 0 else 0.0
        pulls[t, 0] = (ux * gx + uy * gy + uz * gz) * pull
        pulls[t, 1] = (vx * gx + vy * gy + vz * gz) * pull
        pulls[t, 2] = (wx * gx + wy * gy + wz * gz) * pull
        pulls[t, 3], pulls[t, 4], pulls[t, 5] = gx, gy, gz


@kernel
@no_type_check
def _scatter(tets, pulls, factor, v_points, v_sdf):
    """On one thread, so in one order."""
    for t in range(tets.shape[0]):
        gx, gy, gz = pulls[t, 3], pulls[t, 4], pulls[t, 5]
        total = 0.0
        for k in range(3):
            v, w = tets[t, k + 1], pulls[t, k] * factor
            total += w
            v_sdf[v] += w
            v_points[v, 0] -= w * gx
            v_points[v, 1] -= w * gy
            v_points[v, 2] -= w * gz
        v = tets[t, 0]
        v_sdf[v] -= total
        v_points[v, 0] += total * gx
        v_points[v, 1] += total * gy
        v_points[v, 2] += total * gz


class _Eikonal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, points, sdf, tets):
        count = len(tets)
        terms = np.empty(count)
        pulls = np.empty((count, 6), np.float32)
        arrays = [t.detach().contiguous().numpy() for t in (points, sdf, tets)]
        in_parallel(_eikonal, count, *arrays, terms, pulls, in_turn=False)
        ctx.state = (arrays[2], pulls)
        ctx.shapes = (points.shape, sdf.shape)
        return torch.tensor(terms.mean(), dtype=points.dtype)

    @staticmethod
    def backward(ctx, grad):
        tets, pulls = ctx.state
        v_points, v_sdf = (torch.zeros(shape) for shape in ctx.shapes)
        factor = float(grad) / max(1, len(tets))
        _scatter(tets, pulls, factor, v_points.numpy(), v_sdf.numpy())
        return v_points, v_sdf, None


def eikonal(
    points: Float[Tensor, "N 3"], sdf: Float[Tensor, " N"], tets: Int64[Tensor, "T 4"]
) -> Tensor:
    """Mean of (|grad sdf| - 1)^2; float32 on the CPU, tets not empty."""
    return _Eikonal.apply(points, sdf, tets)


def edges_and_pairs(
    faces: Int64[Tensor, "F 3"],
) -> tuple[Int64[Tensor, "E 2"], Int64[Tensor, "P 2"]]:
    """Every edge once, lower vertex first, and the two faces of each edge that has just two."""
    edges, owners = edge_table(
        faces.int().contiguous().numpy(), int(faces.max()) + 1 if len(faces) else 0
    )
    first = edges[edges[:, 3] - edges[:, 2] == 2, 2]
    pairs = np.abs(owners[np.stack([first, first + 1], axis=1)]) - 1
    return torch.from_numpy(edges[:, :2]).long(), torch.from_numpy(pairs).long()
