"""The part of a tetrahedral grid that a refinement can reach.

In: a grid, its vertices that are free to change, and which vertices are inside at the start. Out:
those vertices that the surface can ever need, numbered anew in the grid's order, and the
tetrahedra that it cuts at a step, as `TetGrid.crossing_tets` gives them and in the same order.

A band holds some fifth of the vertices, so that points, distances and their gradients are short
arrays; and the faces that may be cut are known, so that a step looks at those alone.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from backend.mesh.tet_grid import TetGrid, mixed, tets_around
from backend.render.kernels import kernel
from backend.threads import together


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
        here = grid.points.device.type == "cpu"
        self._arrays = [six.int().contiguous().numpy() for six in self._around] if here else []

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
        if self._arrays:
            return _cut_all(inside.numpy(), self._arrays)
        return torch.cat([tets_around(s[:, mixed(inside[s].unbind())]) for s in self._around])


@kernel
@no_type_check
def _cut(inside, around):
    """tets_around(around[:, mixed(inside[around])])."""
    faces, count = np.empty(around.shape[1] + 1, np.int32), 0
    for f in range(around.shape[1]):
        six = 0
        for k in range(6):
            six += inside[around[k, f]]
        faces[count] = f
        count += (six > 0) & (six < 6)
    tets = np.empty((4 * count, 4), np.int64)
    for edge in range(4):
        for k in range(count):
            row, f = edge * count + k, faces[k]
            tets[row, 0], tets[row, 1] = around[0, f], around[1, f]
            tets[row, 2], tets[row, 3] = around[2 + edge, f], around[2 + (edge + 1) % 4, f]
    return tets


def _cut_all(inside: np.ndarray, around: list[np.ndarray]) -> Int64[Tensor, "T 4"]:
    """The axes' tetrahedra, each axis on a thread, one behind the other."""
    found: list[np.ndarray] = [np.empty((0, 4), np.int64)] * len(around)

    def cut(axis: int) -> None:
        found[axis] = _cut(inside, around[axis])

    together([(cut, axis) for axis in range(len(around))])
    return torch.from_numpy(np.concatenate(found))
