"""Differentiable measures of a triangle mesh: normals, area, volume, edges.

Rows are gathered with index_select and summed with index_add everywhere: on the CPU, the
gradient of plain `x[index]` adds with atomics in whatever order the threads come, so two runs of
one seed would differ.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from backend.mesh import kernels_cpu, surface_cpu
from backend.mesh.types import TriMesh


def take(rows: Tensor, index: Tensor) -> Tensor:
    """rows[index] along the first axis, for an index of any shape, with a reproducible gradient."""
    return rows.index_select(0, index.reshape(-1)).reshape(*index.shape, *rows.shape[1:])


def face_cross(mesh: TriMesh) -> Float[Tensor, "F 3"]:
    """Outward normals as long as twice the face's area."""
    a, b, c = take(mesh.vertices, mesh.faces).unbind(dim=1)
    return torch.linalg.cross(b - a, c - a)


def face_normals(mesh: TriMesh) -> Float[Tensor, "F 3"]:
    """Unit normals; zero for faces without area."""
    return F.normalize(face_cross(mesh), dim=-1, eps=1e-12)


def vertex_normals(mesh: TriMesh) -> Float[Tensor, "V 3"]:
    """Smooth unit normals: face normals averaged with their areas as weights."""
    if surface_cpu.takes(mesh.vertices):
        return surface_cpu.vertex_normals(mesh.vertices, mesh.faces)
    cross = face_cross(mesh).repeat_interleave(3, dim=0)
    total = torch.zeros_like(mesh.vertices).index_add(0, mesh.faces.reshape(-1), cross)
    return F.normalize(total, dim=-1, eps=1e-12)


def area(mesh: TriMesh) -> Tensor:
    return face_cross(mesh).norm(dim=-1).sum() / 2


def volume(mesh: TriMesh) -> Tensor:
    """Signed volume; positive for a closed surface whose normals point outwards."""
    corners = take(mesh.vertices, mesh.faces)
    return (corners[:, 0] * face_cross(mesh)).sum() / 6


def unique_edges(faces: Int64[Tensor, "F 3"]) -> Int64[Tensor, "E 2"]:
    """Every edge once, lower index first."""
    if faces.device.type == "cpu":
        return kernels_cpu.edges_and_pairs(faces)[0]
    keys, size = _edge_keys(faces)
    keys = torch.unique(keys)
    return torch.stack([keys // size, keys % size], dim=1)


def _edge_keys(faces: Int64[Tensor, "F 3"]) -> tuple[Int64[Tensor, " 3*F"], int]:
    """One integer for the edge after each corner, lower index * size + higher index; and size.

    Sorting integers takes a small part of the time that torch.unique takes over rows.
    """
    size = int(faces.max()) + 1 if len(faces) else 1
    following = faces.roll(-1, dims=1)
    keys = torch.minimum(faces, following) * size + torch.maximum(faces, following)
    return keys.reshape(-1), size


def face_pairs(faces: Int64[Tensor, "F 3"]) -> Int64[Tensor, "P 2"]:
    """Pairs of faces that share an edge; edges of one or of three and more faces are left out."""
    if faces.device.type == "cpu":
        return kernels_cpu.edges_and_pairs(faces)[1]
    if len(faces) == 0:
        return faces.new_zeros(0, 2)
    keys, order = torch.sort(_edge_keys(faces)[0], stable=True)
    same = keys[1:] == keys[:-1]
    alone = torch.ones(1, dtype=torch.bool, device=faces.device)
    starts = same & torch.cat([alone, ~same[:-1]]) & torch.cat([~same[1:], alone])
    first = torch.nonzero(starts)[:, 0]
    return torch.stack([order[first], order[first + 1]], dim=1) // 3


def euler_characteristic(mesh: TriMesh) -> int:
    """V - E + F over the vertices that faces use; 2 - 2 x genus for each closed piece."""
    used = len(torch.unique(mesh.faces))
    return used - len(unique_edges(mesh.faces)) + len(mesh.faces)
