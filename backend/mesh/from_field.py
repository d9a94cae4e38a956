"""A density grid -> a clean signed-distance grid, ready for the tetrahedral grid.

Goes in: the Gaussians' density (R, R, R) over [-1, 1]^3, indexed [x, y, z], first and last
samples on the faces of the cube. Comes out: signed distances on the same samples, negative inside.

Sums of Gaussians fall off like exp(-r^2), so everything works on the logarithm of density over
threshold: it is close to linear across the surface, where linear interpolation then finds it well
below the size of a voxel. Cleaning: pits are closed, for Gaussians make a shell with thin spots;
crumbs go; sealed cavities (which nobody sees) are filled. Thin parts are thickened (mesh/thin.py)
and pieces joined (mesh/pieces.py). Where the caller knows what cameras see (gaussians/hull.py),
nothing reaches beyond the visible hull, as closing can't fill what can be seen through, and what is
hidden from every camera is solid. The hull then says where the outlines are, and density has only
to tell something from nothing: its threshold falls to `hulled_share` of what it would be alone,
which would cut a thin part off inside of its own outline.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from backend.errors import GenerationError
from backend.mesh.pieces import drop_crumbs, join
from backend.mesh.thin import local_limit, thicken
from backend.neighbours import tree_of

log = logging.getLogger(__name__)

HULL_OPACITY = 0.35  # a thin part is less than opaque at its own edges, so below a half
FAINT_OPACITY = 0.2  # the same where nothing near is opaque: half of what is there, but not less
HIDDEN_DEPTH = 0.05  # canonical units behind the visible surface: half a shell of soft Gaussians
LOOK = 49  # samples an axis of a quick look
_CLIP = 3.0  # in log density: beyond it a voxel is simply in or out


@dataclass(frozen=True)
class Config:
    """How a density grid becomes a solid."""

    threshold: float | None = None  # density of the surface; None: chosen from the histogram
    hulled_share: float = 0.25  # of the chosen threshold, where there is a hull
    smoothing: float = 0.7  # standard deviation of the smoothing, in voxels
    pits: float = 0.1  # canonical units: gaps narrower than this are closed, inside the hull
    closing: int = 1  # voxels by which gaps in a shell are closed before cavities are filled
    keep_share: float = 0.05  # short pieces smaller than this share of the largest one go
    least_radius: float = 0.03  # canonical units: thinner parts are thickened


def sdf_from_density(
    density: Float[Tensor, "R R R"] | Float[np.ndarray, "R R R"],
    config: Config | None = None,
    hull: Float[Tensor, "R R R"] | None = None,
    hidden: Float[Tensor, "R R R"] | None = None,
    watch: Callable[[Float[np.ndarray, "R R R"]], None] = lambda level: None,
) -> Float[Tensor, "R R R"]:
    """Signed distance (canonical units, negative inside) to the surface of the solid in `density`.

    hull: least opacity over all views, on the same samples; the solid lies where it is above
        HULL_OPACITY, or above half of what is near where that is fainter.
    hidden: canonical units behind what the best-placed view sees, on the same samples; the solid
        fills what lies deeper than HIDDEN_DEPTH.
    watch: told the solid, positive inside, as it is worked out.
    Raises GenerationError where nothing reaches the threshold.
    """
    config = config or Config()
    level, threshold = _level(_array(density), config, hull is not None)
    level = _close_pits(level, config.pits)
    if hidden is not None:
        voxels = (np.asarray(hidden, np.float64) - HIDDEN_DEPTH) * (level.shape[0] - 1) / 2
        level = np.maximum(level, np.minimum(voxels, _CLIP))
    if hull is not None:
        level = _inside(level, np.asarray(hull, np.float64))
    watch(level)
    level = drop_crumbs(ndimage.gaussian_filter(level, config.smoothing), config.keep_share)
    watch(level)
    level = join(thicken(level, config.least_radius), None if hull is None else _array(hull))
    watch(level)
    level = _shut_border(_fill(level, config.closing))
    if not (level > 0).any():
        raise GenerationError(_empty(_array(density), threshold))
    log.debug("solid: threshold %.3g, %d voxels", threshold, int((level > 0).sum()))
    return torch.from_numpy(_distances(level).astype(np.float32))


def carved(
    density: Float[Tensor, "R R R"], hull: Float[Tensor, "R R R"], config: Config
) -> Float[np.ndarray, "S S S"]:
    """Where density is, inside of a hull that may still shrink: a quick look, on fewer samples."""
    size = (min(LOOK, len(density)),) * 3
    both = torch.stack([density.cpu(), hull.cpu()])[None]
    fewer, opacity = F.interpolate(both, size, mode="trilinear", align_corners=True)[0]
    level, _ = _level(_array(fewer), config, True)
    return _inside(level, _array(opacity))


def _array(density: Tensor | np.ndarray) -> np.ndarray:
    values = density.detach().cpu() if isinstance(density, Tensor) else density
    return np.asarray(values, np.float64)


def _level(density: np.ndarray, config: Config, hulled: bool) -> tuple[np.ndarray, float]:
    """The logarithm of density over threshold, and the threshold."""
    threshold = _threshold(density, config, hulled)
    level = np.log(np.maximum(density, threshold * 1e-6) / threshold)
    return np.clip(level, -_CLIP, _CLIP), threshold


def _inside(level: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """What of the solid no view denies."""
    limit = local_limit(opacity, FAINT_OPACITY, HULL_OPACITY)
    return np.minimum(level, (opacity - limit) * 2 * _CLIP)


def _threshold(density: np.ndarray, config: Config, hulled: bool) -> float:
    if config.threshold is not None:
        return config.threshold
    return automatic_threshold(density) * (config.hulled_share if hulled else 1.0)


def automatic_threshold(density: Float[np.ndarray, "R R R"]) -> float:
    """Otsu's threshold (1979) on 1 - exp(-density), over the samples that hold anything.

    That is the opacity of a unit's walk through the field: it saturates, so that a dense core
    does not raise the threshold above a thin wall. Raises GenerationError for an empty field.
    """
    top = float(np.nan_to_num(density).max())
    if not np.isfinite(density).all() or top <= 1e-6:
        raise GenerationError(_empty(density, None))
    opacity = 1 - np.exp(-density[density > 1e-3 * min(top, 1.0)])
    counts, edges = np.histogram(opacity, bins=128)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * gap**2)
    return float(-np.log1p(-centres[int(between.argmax())]))


def sample_grid(grid: Float[Tensor, "R R R"], points: Float[Tensor, "P 3"]) -> Float[Tensor, " P"]:
    """Trilinear values of a grid over [-1, 1]^3 (indexed [x, y, z]) at points in it."""
    zyx = points.flip(-1)[None, None, None]  # grid_sample's x is the last axis of the grid
    return F.grid_sample(grid[None, None], zyx, align_corners=True, padding_mode="border").reshape(
        -1
    )


def _close_pits(level: np.ndarray, width: float) -> np.ndarray:
    """Morphological closing by a ball, `width` across, through distance transforms."""
    radius = width / 2 * (level.shape[0] - 1) / 2
    if radius < 0.5 or not (level > 0).any():
        return level
    margin = int(np.ceil(radius)) + 1
    away = ndimage.distance_transform_edt(np.pad(level <= 0, margin, constant_values=True))
    depth = ndimage.distance_transform_edt(away < radius) - radius
    depth = depth[(slice(margin, -margin),) * 3]
    # Voxels are known by their centres: less than this deep may still be the surface itself.
    pit = (level <= 0) & (depth > 0.75)
    return np.where(pit, np.minimum(depth, _CLIP), level)


def _fill(level: np.ndarray, closing: int) -> np.ndarray:
    """Cavities filled; `level` is changed only where that asks for it."""
    solid = level > 0
    closed = solid
    if closing:
        ball = ndimage.generate_binary_structure(3, 1)
        closed = ndimage.binary_closing(np.pad(solid, closing), ball, closing)
        closed = closed[(slice(closing, -closing),) * 3]
    cavities = ndimage.binary_fill_holes(closed) & ~closed
    # One more layer, so that the inner side of the shell goes with the cavity.
    filled = ndimage.binary_dilation(cavities, iterations=closing + 1) & (closed | cavities)
    return np.where(cavities | filled, np.maximum(level, _CLIP / 2), level)


def _shut_border(level: np.ndarray) -> np.ndarray:
    """The cube's faces are outside: a solid that reaches them is cut there and closed."""
    level = level.copy()
    for axis in range(3):
        face = np.moveaxis(level, axis, 0)
        face[[0, -1]] = np.minimum(face[[0, -1]], -_CLIP / 2)
    return level


def _distances(level: np.ndarray) -> np.ndarray:
    """Signed distances from the zero set of `level`.

    Within a voxel of the surface: distance to the plane through the nearest crossing of a grid
    edge, second-order accurate. Beyond two: to that crossing itself. Far away, where only the
    order of magnitude matters: the voxels' own distance transform.
    """
    spacing = 2.0 / (level.shape[0] - 1)
    inside = level > 0
    edt = ndimage.distance_transform_edt
    distance = np.maximum(edt(inside), edt(~inside)) - 0.5
    crossings, normals = _crossings(level, np.stack(np.gradient(level), axis=-1))
    band = np.nonzero(distance < 3)
    samples = np.stack(band, axis=-1)
    exact, nearest = tree_of(crossings).query(samples)
    plane = np.abs(((samples - crossings[nearest]) * normals[nearest]).sum(-1))
    share = np.clip(exact - 1, 0, 1)
    distance[band] = plane * (1 - share) + exact * share
    return np.where(inside, -distance, distance) * spacing


def _crossings(level: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the grid's edges cross zero, in voxels, and unit normals there, both (M, 3)."""
    places, normals = [], []
    for axis in range(3):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        at = np.nonzero((level[low] > 0) != (level[high] > 0))
        first, second = level[low][at], level[high][at]
        along = first / (first - second)
        place = np.stack(at, axis=-1).astype(np.float64)
        place[:, axis] += along
        places.append(place)
        normals.append(slopes[low][at] * (1 - along)[:, None] + slopes[high][at] * along[:, None])
    normal = np.concatenate(normals)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.concatenate(places), normal / np.maximum(length, 1e-12)


def _empty(density: np.ndarray, threshold: float | None) -> str:
    top = float(np.nan_to_num(density).max())
    against = "" if threshold is None else f" and the surface was sought at {threshold:.3g}"
    return (
        f"The shape came out empty: the highest density is {top:.3g}{against}. Try another seed, "
        "more steps, or a prompt that names one object."
    )
