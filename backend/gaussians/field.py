"""A cloud of Gaussians as fields: density on a grid, colour at points.

In: a `GaussianCloud`. Out: density(x) = sum_i opacity_i exp(-1/2 (x - m_i)^T S_i^-1 (x - m_i)), as
DreamGaussian (Tang et al. 2023, section 3.2) samples it before meshing, and the colours around a
point weighted by the same terms. The grid is for mesh/from_field.py: indexed [x, y, z], first and
last samples on the faces of the cube.

Each thread owns slabs of constant x and goes through the Gaussians in order, so sums do not depend
on the threads. Along z a Gaussian is a parabola in the exponent: the part of a row where it counts
is found in closed form, and the values there by two multiplications a sample.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from backend.gaussians.model import GaussianCloud
from backend.gaussians.rotations import rotation_matrices
from backend.neighbours import tree_of
from backend.render.kernels import helper, kernel
from backend.threads import in_parallel

_NEGLIGIBLE = 1e-5  # of density: a Gaussian ends where it adds less
_NEIGHBOURS = 24
FEW = 8  # neighbours for a quick look: a third of the time, and colours that look the same


@torch.no_grad()
def density_grid(
    cloud: GaussianCloud, resolution: int, extent: float = 1.0, min_scale: float | None = None
) -> Float[Tensor, "R R R"]:
    """Density over [-extent, extent]^3 at `resolution` samples an axis, float32 on the CPU.

    min_scale: standard deviations are raised to it, lest thin Gaussians fall between samples;
    None is half the distance of two samples.
    """
    spacing = 2 * extent / (resolution - 1)
    floor = spacing / 2 if min_scale is None else min_scale
    covariances = _covariances(cloud, floor)
    arrays = (t.double().cpu().contiguous().numpy() for t in (cloud.means, cloud.opacities))
    means, opacities = arrays
    inverses = torch.linalg.inv(covariances).numpy()
    sides = torch.diagonal(covariances, dim1=1, dim2=2).sqrt().contiguous().numpy()
    cells = (means + extent) / spacing  # in samples from the first
    grid = np.zeros((resolution, resolution, resolution), np.float32)
    gaussians = (cells, inverses * spacing**2, sides / spacing, opacities)
    in_parallel(_splat, resolution, *gaussians, grid)
    return torch.from_numpy(grid)


@torch.no_grad()
def colors_at(
    cloud: GaussianCloud,
    points: Float[Tensor, "P 3"],
    chunk: int = 16384,
    neighbours: int = _NEIGHBOURS,
) -> Float[Tensor, "P 3"]:
    """Mean colour of the Gaussians around each point, weighted by what each adds to density.

    Defined everywhere: weights are relative, so a point in the void takes after the Gaussians
    whose ellipsoids reach closest. A grey 0.5 for an empty cloud.
    """
    if len(cloud) == 0:
        return torch.full_like(points, 0.5)
    inverses = torch.linalg.inv(_covariances(cloud, 1e-3))
    means, colors = cloud.means.double().cpu(), cloud.colors.double().cpu()
    log_opacities = cloud.opacities.double().cpu().clamp(min=1e-6).log()
    tree = tree_of(means.numpy())
    found = []
    for part in points.double().cpu().split(chunk):
        index = _nearest(tree, part, min(neighbours, len(cloud)))
        d = part[:, None] - means[index]
        squared = torch.einsum("pki,pkij,pkj->pk", d, inverses[index], d)
        weights = torch.softmax(log_opacities[index] - 0.5 * squared, dim=-1)
        found.append((weights[..., None] * colors[index]).sum(1))
    result = torch.cat(found) if found else means.new_zeros(0, 3)
    return result.to(points)


def _nearest(tree: cKDTree, points: Tensor, count: int) -> Tensor:
    _, index = tree.query(points.numpy(), k=count)
    return torch.from_numpy(np.asarray(index, np.int64).reshape(len(points), count))


def _covariances(cloud: GaussianCloud, min_scale: float) -> Float[Tensor, "N 3 3"]:
    """float64, on the CPU."""
    axes = rotation_matrices(cloud.quats.double().cpu())
    axes = axes * cloud.scales.double().cpu().clamp(min=min_scale)[:, None, :]
    return axes @ axes.transpose(1, 2)


@helper
@no_type_check
def _add_row(row, inverse, dx, dy, centre_z, opacity, reach):
    """Adds one Gaussian to the samples of one row along z where it counts."""
    a = inverse[2, 2]
    b = inverse[0, 2] * dx + inverse[1, 2] * dy
    c = inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy
    least = c - b * b / a
    if least >= reach:
        return
    middle, half = centre_z - b / a, np.sqrt((reach - least) / a)
    first = int(max(np.ceil(middle - half), 0.0))
    last = int(min(np.floor(middle + half), row.size - 1.0))
    if last < first:
        return
    dz = first - centre_z
    value = opacity * np.exp(-0.5 * (a * dz * dz + 2 * b * dz + c))
    # value(z + 1) / value(z), and the ratio of two such ratios, which is constant.
    ratio, bend = np.exp(-(a * dz + b) - 0.5 * a), np.exp(-a)
    for z in range(first, last + 1):
        row[z] += value
        value *= ratio
        ratio *= bend


@kernel
@no_type_check
def _splat(first_x, end_x, step, cells, inverses, sides, opacities, grid):
    """Fills slabs of grid (R, R, R), zeros, from means, inverse covariances and extents in units
    of a sample."""
    resolution = grid.shape[0]
    slab = np.empty((resolution, resolution))
    for x in range(first_x, end_x, step):
        for y in range(resolution):
            for z in range(resolution):
                slab[y, z] = 0.0
        for n in range(cells.shape[0]):
            if not opacities[n] > _NEGLIGIBLE:
                continue
            reach = 2 * np.log(opacities[n] / _NEGLIGIBLE)
            dx = x - cells[n, 0]
            if abs(dx) > np.sqrt(reach) * sides[n, 0]:
                continue
            wide = np.sqrt(reach) * sides[n, 1]
            low = int(max(np.ceil(cells[n, 1] - wide), 0.0))
            high = int(min(np.floor(cells[n, 1] + wide), resolution - 1.0))
            for y in range(low, high + 1):
                dy = y - cells[n, 1]
                _add_row(slab[y], inverses[n], dx, dy, cells[n, 2], opacities[n], reach)
        for y in range(resolution):
            for z in range(resolution):
                grid[x, y, z] = slab[y, z]
