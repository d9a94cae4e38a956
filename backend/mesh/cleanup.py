"""The raw surface -> one that can be shipped: closed, consistently wound, smooth, small enough.

In: a TriMesh, usually what the geometry stage returns. Out: a TriMesh whose every edge is shared
by exactly two faces that run along it in opposite directions, normals outwards.

Crumbs and the walls of sealed cavities go, holes are filled, Taubin's filter (1995, "A Signal
Processing Approach to Fair Surface Design", section 4) takes the marching pattern off without
shrinking, and quadric decimation (Garland & Heckbert 1997, by fast-simplification) brings the
number of faces down. Smoothing before unwrapping also spares the atlas its slivers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import fast_simplification
import numpy as np
import torch
import trimesh
from scipy import sparse
from scipy.sparse import csgraph

from backend.errors import GenerationError
from backend.mesh.types import TriMesh

log = logging.getLogger(__name__)

_PASS_BAND = 0.1  # Taubin's k_PB: frequencies below it are kept


@dataclass(frozen=True)
class Config:
    target_faces: int = 16_000  # at most; fewer where the raw surface has fewer
    smoothing: int = 6  # pairs of Taubin's steps
    keep_share: float = 0.05  # pieces with less than this share of the largest one's volume go

    def __post_init__(self) -> None:
        if not 100 <= self.target_faces <= 1_000_000:
            raise ValueError(f"target_faces must be 100 to 1,000,000, not {self.target_faces}")


@dataclass(frozen=True)
class Health:
    """What a look at a mesh's edges says."""

    vertices: int
    faces: int
    pieces: int
    open_edges: int  # directed edges without their reverse: holes, or faces wound the wrong way
    crowded_edges: int  # directed edges used more than once
    volume: float

    @property
    def closed(self) -> bool:
        return self.open_edges == 0 and self.crowded_edges == 0 and self.volume > 0


def clean(mesh: TriMesh, config: Config | None = None) -> TriMesh:
    """The whole clean-up. Raises GenerationError where nothing solid remains."""
    config = config or Config()
    device = mesh.vertices.device
    vertices = mesh.vertices.detach().cpu().numpy().astype(np.float64)
    vertices, faces = drop_degenerate(vertices, mesh.faces.cpu().numpy())
    if len(faces) and not inspect(vertices, faces).closed:
        vertices, faces = close(vertices, faces)
    vertices, faces = keep_solids(vertices, faces, config.keep_share)
    vertices = taubin(vertices, faces, config.smoothing)
    vertices, faces = decimate(vertices, faces, config.target_faces)
    health = inspect(vertices, faces)
    log.info("clean mesh: %s", health)
    if not health.closed:
        log.warning("the cleaned mesh is not closed: %s", health)
    return TriMesh(
        torch.from_numpy(vertices.astype(np.float32)).to(device),
        torch.from_numpy(faces.astype(np.int64)).to(device),
    )


def inspect(vertices: np.ndarray, faces: np.ndarray) -> Health:
    """vertices (V, 3), faces (F, 3) -> its health."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    size = len(vertices) + 1
    there, uses = np.unique(edges[:, 0] * size + edges[:, 1], return_counts=True)
    back = np.unique(edges[:, 1] * size + edges[:, 0])
    pieces = len(np.unique(_pieces(len(vertices), faces)[faces[:, 0]])) if len(faces) else 0
    return Health(
        vertices=len(vertices),
        faces=len(faces),
        pieces=pieces,
        open_edges=len(np.setxor1d(there, back)),
        crowded_edges=int((uses > 1).sum()),
        volume=float(_face_volumes(vertices, faces).sum()),
    )


def drop_degenerate(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Welds vertices that coincide, drops faces that lose a corner by that and unused vertices.

    Marching leaves such faces where a grid vertex lies exactly on the surface. Welding collapses
    an edge there, which may pinch the surface; then the unwelded one, closed as it is, is better.
    """
    _, first, index = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    welded = first[index.reshape(-1)][faces]
    distinct = (welded != np.roll(welded, 1, axis=1)).all(axis=1)
    result = _compact(vertices, welded[distinct])
    pinched = len(faces) and inspect(vertices, faces).closed and not inspect(*result).closed
    return _compact(vertices, faces) if pinched else result


def close(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Winds faces consistently and outwards, and fills holes as far as they can be."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    trimesh.repair.fix_winding(mesh)
    trimesh.repair.fill_holes(mesh)
    rounds = 0
    while not mesh.is_watertight and rounds < 3:
        _fan_over_holes(mesh)
        rounds += 1
    trimesh.repair.fix_normals(mesh, multibody=True)
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces)


def _fan_over_holes(mesh: trimesh.Trimesh) -> None:
    """Joins every loop of open edges to a new vertex in its middle."""
    edges = np.asarray(mesh.edges)
    size = len(mesh.vertices)
    key, back = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    rim = edges[~np.isin(key, back)]
    if len(rim) == 0:
        return
    ends = np.unique(rim)
    local = np.searchsorted(ends, rim)
    graph = sparse.coo_matrix((np.ones(len(rim)), local.T), shape=(len(ends), len(ends)))
    count, loop = csgraph.connected_components(graph, directed=False)
    sums = np.stack([np.bincount(loop, mesh.vertices[ends][:, a], count) for a in range(3)], -1)
    centres = sums / np.bincount(loop, minlength=count)[:, None]
    fan = np.column_stack([rim[:, 1], rim[:, 0], size + loop[local[:, 0]]])
    mesh.vertices = np.concatenate([mesh.vertices, centres])
    mesh.faces = np.concatenate([mesh.faces, fan])


def keep_solids(
    vertices: np.ndarray, faces: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pieces that enclose at least `share` of the largest volume; cavities' walls enclose less
    than nothing."""
    if len(faces) == 0:
        raise GenerationError("There is no surface to clean: try another seed or more steps.")
    piece = _pieces(len(vertices), faces)[faces[:, 0]]
    volumes = np.bincount(piece, _face_volumes(vertices, faces))
    if volumes.max() <= 0:
        raise GenerationError("The surface encloses no volume: try another seed or more steps.")
    kept = volumes >= share * volumes.max()
    return _compact(vertices, faces[kept[piece]])


def taubin(vertices: np.ndarray, faces: np.ndarray, pairs: int) -> np.ndarray:
    """`pairs` of shrinking and growing steps with uniform weights."""
    if pairs == 0 or len(faces) == 0:
        return vertices
    shrink = 0.5
    grow = 1 / (_PASS_BAND - 1 / shrink)
    graph = _adjacency(len(vertices), faces)
    mean = sparse.diags(1 / np.maximum(graph.sum(axis=1).A1, 1)) @ graph
    for _ in range(pairs):
        for factor in (shrink, grow):
            vertices = vertices + factor * (mean @ vertices - vertices)
    return vertices


def decimate(vertices: np.ndarray, faces: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `target` faces where that can be had without opening a closed surface."""
    if len(faces) <= target:
        return vertices, faces
    closed = inspect(vertices, faces).closed
    source = vertices.astype(np.float32), faces.astype(np.int32)
    # Eagerness first; the gentler settings take another order and may avoid a pinch.
    for eagerness in (7, 5, 3):
        points, triangles = fast_simplification.simplify(
            *source, target_count=target, agg=eagerness
        )
        fewer = drop_degenerate(points.astype(np.float64), triangles.astype(np.int64))
        if not closed or inspect(*fewer).closed:
            return fewer
    repaired = close(*fewer)
    if inspect(*repaired).closed:
        return repaired
    log.warning("decimation to %d faces would open the surface; it keeps %d", target, len(faces))
    return vertices, faces


def _adjacency(count: int, faces: np.ndarray) -> sparse.csr_matrix:
    rows = np.concatenate([faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()])
    columns = np.concatenate([faces[:, [1, 2, 0]].ravel(), faces[:, [0, 1, 2]].ravel()])
    graph = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    graph.data[:] = 1
    return graph


def _pieces(count: int, faces: np.ndarray) -> np.ndarray:
    """The number of its connected piece, for each vertex."""
    return csgraph.connected_components(_adjacency(count, faces), directed=False)[1]


def _face_volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return (a * np.cross(b, c)).sum(axis=-1) / 6


def _compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the vertices that no face uses."""
    used, index = np.unique(faces, return_inverse=True)
    return vertices[used], index.reshape(faces.shape).astype(np.int64)
