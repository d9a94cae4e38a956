"""A body-centred cubic lattice of tetrahedra over [-1, 1]^3.

Of the lattices that fill space with copies of one tetrahedron, this is the one whose
tetrahedra are roundest (dihedral angles 60 and 90 degrees), and a vertex has the same 14
neighbours everywhere: the surface cut from it has fewer slivers and no preferred diagonal, unlike
one cut from cubes split in five or six (Labelle & Shewchuk, "Isosurface Stuffing", 2007, section
3, uses the same lattice for that reason).

Vertices are the (R+1)^3 corners of the cubic cells, then their R^3 centres. Each face between two
cells carries four tetrahedra: its four edges, each joined to the two centres. They are never
stored: `crossing_tets` writes down only those that the surface cuts, which is the narrow band at
its narrowest, exact at every step and cheaper than keeping a wider one up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class TetGrid:
    """The lattice at `resolution` cubic cells an axis (at least 3).

    points (N, 3) in [-1, 1], N = (R+1)^3 + R^3; `outer` marks the vertices that have to stay
    outside of the surface for it to close.
    """

    def __init__(self, resolution: int, device: torch.device | str = "cpu"):
        if resolution < 3:
            raise ValueError(f"a tetrahedral grid needs 3 cells an axis or more, not {resolution}")
        self.resolution = R = resolution
        self.cell = 2.0 / R
        self.corners = (R + 1) ** 3
        corner_axis = torch.linspace(-1, 1, R + 1)
        centre_axis = (corner_axis[1:] + corner_axis[:-1]) / 2
        blocks = [
            torch.cartesian_prod(axis, axis, axis).reshape(-1, 3)
            for axis in (corner_axis, centre_axis)
        ]
        self.points: Float[Tensor, "N 3"] = torch.cat(blocks).to(device)
        self.outer: Bool[Tensor, " N"] = torch.cat([_shell(R + 1), _shell(R)]).to(device)

    def __len__(self) -> int:
        return self.points.shape[0]

    def crossing_tets(self, sdf: Float[Tensor, " N"]) -> Int64[Tensor, "T 4"]:
        """Positively oriented tetrahedra around the faces where the sign of `sdf` changes.

        A few of them may lie on one side; marching drops those.
        """
        inside = sdf.detach() < 0
        across = [self.around(axis, mixed(self.six(axis, inside))) for axis in range(3)]
        return torch.cat([tets_around(six) for six in across])

    def six(self, axis: int, values: Tensor) -> list[Tensor]:
        """What `values` (N,) are at the six vertices around each face perpendicular to `axis`.

        Each (R-1, R, R): the face's plane, then its place in it, axes permuted so that `axis` comes
        first. Two centres, then the ring of four corners.
        """
        R = self.resolution
        order = _turned(axis)
        c = values[: self.corners].reshape(R + 1, R + 1, R + 1).permute(order)[1:R]
        m = values[self.corners :].reshape(R, R, R).permute(order)
        return [m[:-1], m[1:], c[:, :-1, :-1], c[:, 1:, :-1], c[:, 1:, 1:], c[:, :-1, 1:]]

    def around(self, axis: int, chosen: Bool[Tensor, "P R R"]) -> Int64[Tensor, "6 M"]:
        """Indices of the six vertices around the chosen faces, in the order of `six`."""
        R, order = self.resolution, _turned(axis)
        plane, j, k = torch.nonzero(chosen).unbind(dim=1)

        def index(a: Tensor, b: Tensor, c: Tensor, size: int) -> Tensor:
            strides = (size * size, size, 1)
            return a * strides[order[0]] + b * strides[order[1]] + c * strides[order[2]]

        centres = [index(plane + step, j, k, R) + self.corners for step in (0, 1)]
        steps = ((0, 0), (1, 0), (1, 1), (0, 1))
        ring = [index(plane + 1, j + dj, k + dk, R + 1) for dj, dk in steps]
        return torch.stack(centres + ring)


def mixed(six: Sequence[Tensor]) -> Tensor:
    """Where some of the six flags are set, but not all."""
    return reduce(torch.bitwise_or, six) & ~reduce(torch.bitwise_and, six)


def tets_around(six: Int64[Tensor, "6 M"]) -> Int64[Tensor, "T 4"]:
    """A face's four tetrahedra: its edges, each joined to the two centres."""
    low, high, *ring = six
    return torch.cat(
        [torch.stack([low, high, ring[i], ring[(i + 1) % 4]], dim=1) for i in range(4)]
    )


def _turned(axis: int) -> tuple[int, int, int]:
    return axis, (axis + 1) % 3, (axis + 2) % 3


def _shell(size: int) -> Bool[Tensor, " n"]:
    """The outermost layer of a cube of size^3 points."""
    shell = torch.ones(size, size, size, dtype=torch.bool)
    shell[1:-1, 1:-1, 1:-1] = False
    return shell.reshape(-1)
