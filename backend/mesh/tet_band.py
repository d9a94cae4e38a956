"""The part of a tetrahedral grid that a refinement can reach.

In: a grid, its vertices that are free to change, and which vertices are inside at the start. Out:
those vertices that the surface can ever need, numbered anew in the grid's order, and the
tetrahedra that it cuts at a step, as `TetGrid.crossing_tets` gives them and in the same order.

A band holds some fifth of the vertices, so that points, distances and their gradients are short
arrays; and the faces that may be cut are known, so that a step looks at those alone.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from backend.mesh.tet_grid import TetGrid, mixed, tets_around


class TetBand:
    """`members` (K,) are indices into the grid's vertices, ascending; `points` (K, 3) theirs."""

    def __init__(self, grid: TetGrid, free: Bool[Tensor, " N"], inside: Bool[Tensor, " N"]):
        around = [self._reachable(grid, axis, free, inside) for axis in range(3)]
        used = free.clone()
        used[torch.cat([six.reshape(-1) for six in around])] = True
        self.members: Int64[Tensor, " K"] = torch.nonzero(used)[:, 0]
        self.points: Float[Tensor, "K 3"] = grid.points[self.members]
        self._number = used.cumsum(0) - 1
        self._around = [self._number[six] for six in around]

    @staticmethod
    def _reachable(grid: TetGrid, axis: int, free: Tensor, inside: Tensor) -> Tensor:
        """Faces with a free vertex, and those that the surface passes and always will."""
        some_free = torch.stack(grid.six(axis, free)).any(0)
        return grid.around(axis, some_free | mixed(grid.six(axis, inside)))

    def numbers(self, vertices: Int64[Tensor, " M"]) -> Int64[Tensor, " M"]:
        """The grid's vertices -> the band's; they have to be members."""
        return self._number[vertices]

    def crossing_tets(self, sdf: Float[Tensor, " K"]) -> Int64[Tensor, "T 4"]:
        """Positively oriented tetrahedra around the faces where the sign of `sdf` changes."""
        inside = sdf.detach() < 0
        return torch.cat([tets_around(s[:, mixed(inside[s].unbind())]) for s in self._around])
