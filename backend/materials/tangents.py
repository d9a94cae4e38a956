"""Tangents for normal maps, as MikkTSpace defines them (Mikkelsen 2008), one per vertex.

In: a `UVMesh` whose vertices are split along UV seams. Out: (V, 4) for glTF's TANGENT.

A triangle's tangent is the direction of growing u; at a vertex those of its triangles are
projected into the vertex normal's plane, normalised, and averaged with their corner angles as
weights. MikkTSpace would also split vertices where mirrored charts meet; an atlas without mirrored
charts, as xatlas makes it, has none.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.mesh.geometry import take
from backend.mesh.types import UVMesh


def vertex_tangents(mesh: UVMesh) -> Float[Tensor, "V 4"]:
    """Unit tangents along +u, perpendicular to the normals; w is the sign for the bitangent.

    The bitangent, w * cross(normal, tangent), points up in the image, against glTF's v: that is
    the green axis of an OpenGL-style normal map.
    """
    corners, uvs = take(mesh.vertices, mesh.faces).double(), take(mesh.uvs, mesh.faces).double()
    (e1, e2), (d1, d2) = _edges(corners), _edges(uvs)
    # v grows downwards in glTF; the turn of a chart is judged with v upwards.
    turn = d2[:, 0] * d1[:, 1] - d1[:, 0] * d2[:, 1]
    along = e2 * d1[:, 1:] - e1 * d2[:, 1:]
    along = F.normalize(along * torch.sign(turn)[:, None], dim=-1)
    weights = _corner_angles(corners)
    normals = take(mesh.normals, mesh.faces).double()
    flat = along[:, None] - (along[:, None] * normals).sum(-1, keepdim=True) * normals
    pulled = F.normalize(flat, dim=-1) * weights[..., None]
    index, count = mesh.faces.reshape(-1), len(mesh.vertices)
    total = pulled.new_zeros(count, 3).index_add(0, index, pulled.reshape(-1, 3))
    signs = (weights * torch.sign(turn)[:, None]).reshape(-1)
    sign = signs.new_zeros(count).index_add(0, index, signs)
    tangent = _perpendicular(total, mesh.normals.double())
    w = torch.where(sign < 0, -1.0, 1.0)
    return torch.cat([tangent, w[:, None]], dim=-1).float()


def _edges(corners: Tensor) -> tuple[Tensor, Tensor]:
    return corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]


def _corner_angles(corners: Float[Tensor, "F 3 3"]) -> Float[Tensor, "F 3"]:
    ahead = F.normalize(corners.roll(-1, dims=1) - corners, dim=-1)
    behind = F.normalize(corners.roll(1, dims=1) - corners, dim=-1)
    return torch.acos((ahead * behind).sum(-1).clamp(-1, 1))


def _perpendicular(tangents: Tensor, normals: Tensor) -> Tensor:
    """Unit and perpendicular to the normals; any such direction where the UVs gave none."""
    smallest = F.one_hot(normals.abs().argmin(dim=-1), 3).to(normals)
    spare = torch.linalg.cross(normals, smallest)
    found = tangents - (tangents * normals).sum(-1, keepdim=True) * normals
    missing = found.norm(dim=-1, keepdim=True) < 1e-9
    return F.normalize(torch.where(missing, spare, found), dim=-1)
