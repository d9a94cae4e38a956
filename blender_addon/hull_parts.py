"""A closed mesh cut into boxes whose convex hulls follow it: approximate convex decomposition.

In: a mesh. Out: the points of each part, whose hulls together cover its surface.

As in V-HACD (Mamou and Ghorbel 2009; Mamou 2016) the solid is seen as small cubes, and the part
whose hull wastes most is cut by the plane along an axis that wastes least, until parts are convex
or there are enough. Ours scores a cut by bounding shapes of 9 directions (18-DOPs, Klosowski et al.
1998) instead of hulls: their measure is a product of extents, cheap and without any hull code. The
hulls themselves are then made of the mesh's surface within each part's box.
"""

from __future__ import annotations

from dataclasses import dataclass

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

CELLS = 28  # along the longest side
CONVEX = 0.08  # a part that wastes less than this share of the whole solid stays in one piece
CUTS = 10  # planes tried along each axis
Box = tuple[np.ndarray, np.ndarray]  # lowest and highest corner, in cells


@dataclass(frozen=True)
class Solid:
    """Occupied cells (N, 3) of whole numbers, and the way back to the mesh's space."""

    cells: np.ndarray
    origin: np.ndarray
    size: float


def split(mesh: bpy.types.Mesh, most: int) -> list[np.ndarray]:
    """Points (n, 3) float of at most `most` parts, in the mesh's own space."""
    solid = solid_of(mesh)
    if len(solid.cells) == 0:
        return [_vertices(mesh)]
    shape = solid.cells.max(axis=0) + 1
    # The outermost boxes reach beyond the grid: rounding must not shave anything off the surface.
    parts: list[tuple[np.ndarray, Box]] = [(solid.cells, (np.full(3, -2), shape + 2))]
    while len(parts) < most:
        wasted = [waste(cells) for cells, _ in parts]
        worst = int(np.argmax(wasted))
        if wasted[worst] < CONVEX * len(solid.cells):
            break
        halves = _cut(*parts[worst])
        if halves is None:
            break
        parts[worst : worst + 1] = halves
    clipped = [_surface_in(mesh, solid, box) for _, box in parts]
    return [points for points in clipped if len(points) >= 4]


def solid_of(mesh: bpy.types.Mesh, cells: int = CELLS) -> Solid:
    """Cells whose middle is inside, by the parity of hits along Z, or that the surface crosses."""
    points = _vertices(mesh)
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max()) / cells or 1.0
    counts = np.maximum(np.ceil((high - low) / size - 1e-9), 1).astype(int)
    tree = BVHTree.FromPolygons(points.tolist(), [tuple(p.vertices) for p in mesh.polygons])
    found = []
    for x, y in np.ndindex(counts[0], counts[1]):
        # A touch off the middle, so that rays miss the edges of symmetric meshes.
        start = low + size * np.array([x + 0.5013, y + 0.4987, 0.0])
        start[2] = low[2] - size
        for begin, end in _spans(tree, start, float(high[2] + size)):
            first, last = ((np.array([begin, end]) - low[2]) / size).astype(int)
            found += [(x, y, z) for z in range(max(first, 0), min(last, counts[2] - 1) + 1)]
    return Solid(np.array(sorted(set(found)), int).reshape(-1, 3), low, size)


def waste(cells: np.ndarray) -> float:
    """How many cells' volumes the bounding shape of the cells has beyond them."""
    return max(0.0, _bound(cells) - len(cells))


def volume(mesh: bpy.types.Mesh) -> float:
    work = bmesh.new()
    work.from_mesh(mesh)
    inside = work.calc_volume()
    work.free()
    return inside


def _bound(cells: np.ndarray) -> float:
    """Volume of the box around the cells, less what slanted planes along its 12 edges cut off.

    Each pair of axes gives an octagon in its plane; the share of its rectangle that it fills
    counts for that pair. Exact for prisms; good enough to compare cuts by.
    """
    low, high = cells.min(axis=0), cells.max(axis=0) + 1
    sides = (high - low).astype(float)
    bound = float(sides.prod())
    for a, b in ((0, 1), (0, 2), (1, 2)):
        area = sides[a] * sides[b]
        cut = 0.0
        for sign_a, sign_b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            corner = np.where([sign_a > 0, sign_b > 0], high[[a, b]], low[[a, b]])
            outer = cells[:, [a, b]] + (np.array([sign_a, sign_b]) > 0)
            leg = ((corner - outer) * (sign_a, sign_b)).sum(axis=1).min()
            cut += leg * leg / 2
        bound *= max(0.0, 1 - cut / area)
    return bound


def _cut(cells: np.ndarray, box: Box) -> list[tuple[np.ndarray, Box]] | None:
    """The two halves by the best plane; None where there is none."""
    best, chosen = np.inf, None
    low, high = cells.min(axis=0), cells.max(axis=0) + 1
    for axis in range(3):
        planes = np.unique(np.linspace(low[axis] + 1, high[axis] - 1, CUTS).round().astype(int))
        for plane in planes[(planes > low[axis]) & (planes < high[axis])]:
            below = cells[:, axis] < plane
            if below.all() or not below.any():
                continue
            cost = _bound(cells[below]) + _bound(cells[~below])
            if cost < best:
                best, chosen = cost, (axis, int(plane), below)
    if chosen is None:
        return None
    axis, plane, below = chosen
    upper, lower = box[1].copy(), box[0].copy()
    upper[axis] = lower[axis] = plane
    return [(cells[below], (box[0], upper)), (cells[~below], (lower, box[1]))]


def _surface_in(mesh: bpy.types.Mesh, solid: Solid, box: Box) -> np.ndarray:
    """Vertices of the mesh's surface, clipped to the box."""
    work = bmesh.new()
    work.from_mesh(mesh)
    for axis in range(3):
        for corner, way in ((box[0], -1.0), (box[1], 1.0)):
            normal = Vector((0, 0, 0))
            normal[axis] = way
            place = Vector(solid.origin + solid.size * corner)
            geometry = [*work.verts, *work.edges, *work.faces]
            bmesh.ops.bisect_plane(
                work, geom=geometry, plane_co=place, plane_no=normal, clear_outer=True
            )
    points = np.array([v.co for v in work.verts if v.link_faces], float).reshape(-1, 3)
    work.free()
    return points


def _spans(tree: BVHTree, start: np.ndarray, top: float) -> list[tuple[float, float]]:
    """Where a ray upwards is inside: pairs of heights. A last hit without a partner is dropped."""
    hits, place, up = [], Vector(start), Vector((0, 0, 1))
    while place.z < top and len(hits) < 256:
        hit = tree.ray_cast(place, up, top - place.z)[0]
        if hit is None:
            break
        hits.append(hit.z)
        place.z = max(hit.z, place.z) + 1e-5 * max(1.0, abs(top))
    return list(zip(hits[::2], hits[1::2], strict=False))


def _vertices(mesh: bpy.types.Mesh) -> np.ndarray:
    places = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", places)
    return places.reshape(-1, 3).astype(np.float64)
