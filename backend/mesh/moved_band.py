"""Where a band's vertices are and how far from the surface, from what the refinement learns.

In: a coarse lattice of changes, a change and an offset for each free vertex. Out: all the band's
vertices and their distances, in canonical units; differentiable in all three. On the CPU numba
kernels do it, elsewhere and in float64 plain torch.

Only vertices near the surface have a gradient on their distance, so the lattice's is added up over
those alone; on one thread, so in one order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from backend.mesh.from_field import sample_grid
from backend.mesh.geometry import take
from backend.render.kernels import helper, kernel
from backend.threads import in_parallel


def lattice_corners(cells: int) -> Float[Tensor, "P 3"]:
    """The corners of a lattice over [-1, 1]^3, in its order."""
    axis = torch.linspace(-1, 1, cells + 1)
    return torch.cartesian_prod(axis, axis, axis)


def on_the_finest(
    levels: Sequence[Float[Tensor, "_ _ _"]], corners: Sequence[Float[Tensor, "_ 3"]]
) -> Float[Tensor, "S S S"]:
    """Lattices, coarse to fine, added up on the finest; corners: of all but the first.

    A coarse one's interpolation is linear inside of a finer one's cells where these divide its own,
    so that the sum has to be looked up once.
    """
    total = levels[0]
    for finer, where in zip(levels[1:], corners, strict=True):
        total = finer + sample_grid(total, where).reshape(finer.shape)
    return total


@dataclass(frozen=True)
class MovedBand:
    """What stays the same from step to step; distances in cells, the rest in canonical units."""

    points: Float[Tensor, "K 3"]  # of the band, at rest
    base: Float[Tensor, " K"]  # distances at the start
    free: Int64[Tensor, " M"]  # which of the band's vertices may change
    held: Bool[Tensor, " M"]  # of the free ones, those whose distance changes by `least` at most
    cell: float
    reach: float  # of an offset, along each axis
    least: float

    @property
    def places(self) -> Float[Tensor, "M 3"]:
        return take(self.points, self.free)

    def __call__(
        self,
        levels: Float[Tensor, "S S S"],
        fine: Float[Tensor, " M"],
        offsets: Float[Tensor, "M 3"],
    ) -> tuple[Float[Tensor, "K 3"], Float[Tensor, " K"]]:
        """levels: over [-1, 1]^3, indexed [x, y, z]; offsets: any numbers, bent to `reach`."""
        if fine.device.type == "cpu" and fine.dtype == torch.float32:
            return _Moved.apply(levels, fine, torch.tanh(offsets), self)
        moved = self.places + self.reach * torch.tanh(offsets)
        change = sample_grid(levels, self.places) + fine
        change = torch.where(self.held, self.least * torch.tanh(change / self.least), change)
        distances = take(self.base, self.free) + change
        points = self.points.index_copy(0, self.free, moved)
        return points, self.base.index_copy(0, self.free, distances) * self.cell


@helper
@no_type_check
def _cell(coordinate, cells):
    """Lowest corner of the coordinate's cell along one axis, and where in the cell it lies."""
    place = min(max((coordinate + 1) * (cells * 0.5), 0.0), np.float64(cells))
    corner = min(int(place), cells - 1)
    return corner, place - corner


@helper
@no_type_check
def _weight(k, x, y, z):
    """Of a cell's corner k, whose bits say which end of each axis it is at."""
    weight = (x if k & 4 else 1 - x) * (y if k & 2 else 1 - y)
    return weight * (z if k & 1 else 1 - z)


@kernel
@no_type_check
def _move(
    first, end, step, levels, fine, bent, free, held, cell, reach, least, points, sdf, slopes
):
    """points and sdf come in as at rest; slopes (M,) are those of sdf by the change, in cells."""
    for m in range(first, end, step):
        v = free[m]
        x, along_x = _cell(points[v, 0], levels.shape[0] - 1)
        y, along_y = _cell(points[v, 1], levels.shape[1] - 1)
        z, along_z = _cell(points[v, 2], levels.shape[2] - 1)
        change = np.float64(fine[m])
        for k in range(8):
            weight = _weight(k, along_x, along_y, along_z)
            change += weight * levels[x + (k >> 2), y + ((k >> 1) & 1), z + (k & 1)]
        slope = cell
        if held[m]:
            share = math.tanh(change / least)
            change, slope = least * share, cell * (1 - share * share)
        sdf[v] += cell * change
        slopes[m] = slope
        for c in range(3):
            points[v, c] += reach * bent[m, c]


@kernel
@no_type_check
def _move_back(first, end, step, v_points, v_sdf, free, reach, slopes, v_fine, v_bent):
    for m in range(first, end, step):
        v_fine[m] = v_sdf[free[m]] * slopes[m]
        for c in range(3):
            v_bent[m, c] = v_points[free[m], c] * reach


@kernel
@no_type_check
def _spread(places, free, v_fine, v_levels):
    """Adds each vertex's gradient to the corners of its cell."""
    for m in range(free.shape[0]):
        g = np.float64(v_fine[m])
        if g == 0:
            continue
        v = free[m]
        x, along_x = _cell(places[v, 0], v_levels.shape[0] - 1)
        y, along_y = _cell(places[v, 1], v_levels.shape[1] - 1)
        z, along_z = _cell(places[v, 2], v_levels.shape[2] - 1)
        for k in range(8):
            weight = _weight(k, along_x, along_y, along_z)
            v_levels[x + (k >> 2), y + ((k >> 1) & 1), z + (k & 1)] += weight * g


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [t.detach().contiguous().numpy() for t in tensors]


class _Moved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, levels: Tensor, fine: Tensor, bent: Tensor, band: MovedBand) -> Any:
        points, sdf = band.points.clone(), band.base * band.cell
        slopes = np.empty(len(fine), np.float32)
        given = _arrays(levels, fine, bent, band.free, band.held)
        sizes = (band.cell, band.reach, band.least)
        out = (points.numpy(), sdf.numpy(), slopes)
        in_parallel(_move, len(fine), *given, *sizes, *out, in_turn=False)
        ctx.band, ctx.slopes, ctx.shape = band, slopes, levels.shape
        return points, sdf

    @staticmethod
    def backward(ctx: Any, v_points: Tensor, v_sdf: Tensor) -> Any:
        band, free = ctx.band, ctx.band.free.numpy()
        v_fine, v_bent = np.empty(len(free), np.float32), np.empty((len(free), 3), np.float32)
        given = (*_arrays(v_points, v_sdf), free, band.reach, ctx.slopes)
        in_parallel(_move_back, len(free), *given, v_fine, v_bent, in_turn=False)
        v_levels = np.zeros(ctx.shape)
        _spread(band.points.numpy(), free, v_fine, v_levels)
        out = (v_levels.astype(np.float32), v_fine, v_bent)
        return (*(torch.from_numpy(array) for array in out), None)
