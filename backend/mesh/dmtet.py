"""Differentiable marching tetrahedra: signed distances on a tetrahedral grid -> a closed surface.

Follows Shen et al. 2021 (DMTet, arXiv 2111.04276), section 3.1.3: on an edge (a, b) whose ends
have different signs the surface's vertex is v = (a s_b - b s_a) / (s_b - s_a), so gradients reach
both the distances and the positions of the grid. Negative is inside; 0 counts as outside.
The table of cases is derived here from the parity of permutations instead of being written out.
On the CPU, kernels do what the two functions at the end do elsewhere (mesh/marching_cpu.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from backend.mesh import marching_cpu
from backend.mesh.geometry import take
from backend.mesh.types import TriMesh


@dataclass(frozen=True)
class Surface:
    """A mesh and where its vertices come from: vertex v lies on grid edge `edges[v]`."""

    mesh: TriMesh
    edges: Int64[Tensor, "V 2"]
    weights: Float[Tensor, " V"]  # of the edge's second end

    def interpolate(self, attributes: Float[Tensor, "N C"]) -> Float[Tensor, "V C"]:
        """Values at the grid's vertices -> values at the mesh's."""
        first, second = take(attributes, self.edges).unbind(dim=1)
        return first + (second - first) * self.weights[:, None]


def _even(order: tuple[int, ...]) -> bool:
    swaps = sum(order[i] > order[j] for i in range(4) for j in range(i + 1, 4))
    return swaps % 2 == 0


def _case(code: int) -> list[list[tuple[int, int]]]:
    """Triangles of one sign pattern (bit i: vertex i is inside); corners are pairs of vertices.

    With the vertices in an even order that starts with the inside ones, every pattern is one of
    three pictures of a positively oriented tetrahedron.
    """
    inside = {i for i in range(4) if code >> i & 1}
    order = next(p for p in permutations(range(4)) if _even(p) and set(p[: len(inside)]) == inside)
    a, b, c, d = order
    if len(inside) == 1:
        return [[(a, b), (a, c), (a, d)]]
    if len(inside) == 3:
        return [[(a, d), (b, d), (c, d)]]
    if len(inside) == 2:
        return [[(a, c), (a, d), (b, d)], [(a, c), (b, d), (b, c)]]
    return []


def _table() -> tuple[Int64[Tensor, "16 2 3 2"], Int64[Tensor, " 16"]]:
    corners, counts = torch.zeros(16, 2, 3, 2, dtype=torch.int64), []
    for code in range(16):
        triangles = _case(code)
        counts.append(len(triangles))
        for t, triangle in enumerate(triangles):
            corners[code, t] = torch.tensor(triangle)
    return corners, torch.tensor(counts)


_CORNERS, _COUNTS = _table()


def marching_tetrahedra(
    points: Float[Tensor, "N 3"], sdf: Float[Tensor, " N"], tets: Int64[Tensor, "T 4"]
) -> Surface:
    """The surface sdf = 0 inside of `tets`, normals towards positive distances.

    tets have to be positively oriented. Closed wherever the surface stays inside of them; empty
    (no vertices, no faces) where nothing changes sign.
    """
    if tets.device.type == "cpu":
        edges, faces = marching_cpu.march(sdf.detach() < 0, tets, _CORNERS, _COUNTS)
    else:
        edges, faces = _march(sdf.detach() < 0, tets)
    if points.device.type == "cpu" and points.dtype == sdf.dtype == torch.float32:
        return _surface(edges, faces, *marching_cpu.place(points, sdf, edges))
    return _surface(edges, faces, *_place(points, sdf, edges))


def _surface(edges: Tensor, faces: Tensor, vertices: Tensor, weights: Tensor) -> Surface:
    return Surface(TriMesh(vertices, faces), edges, weights)


def _march(inside: Tensor, tets: Tensor) -> tuple[Int64[Tensor, "V 2"], Int64[Tensor, "F 3"]]:
    """As marching_cpu.march."""
    device = tets.device
    codes = (inside[tets] * torch.tensor([1, 2, 4, 8], device=device)).sum(dim=1)
    counts = _COUNTS.to(device)[codes]
    local = torch.cat([_CORNERS.to(device)[codes[counts > t], t] for t in range(2)])
    owner = torch.cat([tets[counts > t] for t in range(2)])
    ends = owner.gather(1, local.reshape(len(owner), 6)).reshape(-1, 2).sort(dim=1).values
    count = len(inside)
    keys, faces = torch.unique(ends[:, 0] * count + ends[:, 1], return_inverse=True)
    return torch.stack([keys // count, keys % count], dim=1), faces.reshape(-1, 3)


def _place(points: Tensor, sdf: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """As marching_cpu.place."""
    a, b = take(points, edges).unbind(dim=1)
    s_a, s_b = take(sdf, edges).unbind(dim=1)
    vertices = (a * s_b[:, None] - b * s_a[:, None]) / (s_b - s_a)[:, None]
    return vertices, s_a / (s_a - s_b)
