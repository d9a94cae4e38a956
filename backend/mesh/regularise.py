"""Smoothness terms for a surface under optimisation; every one returns a scalar.

The Laplacian and the sign term follow nvdiffrec (Munkberg et al. 2022, "Extracting Triangular 3D
Models, Materials, and Lighting From Images", section 8.4 and equation 2), normal consistency is
Magic3D's (Lin et al. 2023, section 4.2), the eikonal term IGR's (Gropp et al. 2020, equation 2)
taken over tetrahedra, where a linear field's gradient is constant.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from backend.mesh import kernels_cpu, surface_cpu
from backend.mesh.dmtet import Surface
from backend.mesh.geometry import face_normals, face_pairs, take, unique_edges
from backend.mesh.types import TriMesh


def uniform_laplacian(mesh: TriMesh) -> Float[Tensor, "V 3"]:
    """Mean of the neighbours minus the vertex; zero for vertices without any."""
    edges = unique_edges(mesh.faces)
    ends, others = torch.cat([edges, edges.flip(1)]).unbind(dim=1)
    total = torch.zeros_like(mesh.vertices).index_add(0, ends, take(mesh.vertices, others))
    ones = torch.ones_like(ends, dtype=total.dtype)
    degree = torch.zeros(len(mesh.vertices), dtype=total.dtype, device=total.device)
    degree = degree.index_add(0, ends, ones)[:, None]
    return torch.where(degree > 0, total / degree.clamp(min=1) - mesh.vertices, 0.0)


def laplacian_loss(mesh: TriMesh, base: TriMesh | None = None) -> Tensor:
    """Mean squared Laplacian, or that of its change against `base`, which has the same faces."""
    if base is None and len(mesh.vertices) and surface_cpu.takes(mesh.vertices):
        return surface_cpu.laplacian(mesh.vertices, mesh.faces)
    now = uniform_laplacian(mesh)
    before = 0.0 if base is None else uniform_laplacian(base)
    return (now - before).square().sum(dim=-1).mean()


def normal_consistency(mesh: TriMesh) -> Tensor:
    """Mean of 1 - cos between the normals of faces that share an edge; 0 when flat, at most 2."""
    if surface_cpu.takes(mesh.vertices):
        return surface_cpu.normal_consistency(mesh.vertices, mesh.faces)
    normals = take(face_normals(mesh), face_pairs(mesh.faces))
    return (1 - (normals[:, 0] * normals[:, 1]).sum(dim=-1)).mean()


def sign_agreement(surface: Surface, sdf: Float[Tensor, " N"], cell: float) -> Tensor:
    """Cross-entropy that pulls both ends of every crossing edge to each other's sign.

    It thins out floaters and sheets. Distances count in cells, as the logits' scale.
    """
    values = take(sdf, surface.edges) / cell
    wanted = (values.detach().flip(1) >= 0).to(values.dtype)
    return F.binary_cross_entropy_with_logits(values, wanted)


def eikonal(
    points: Float[Tensor, "N 3"], sdf: Float[Tensor, " N"], tets: Int64[Tensor, "T 4"]
) -> Tensor:
    """Mean (|grad sdf| - 1)^2 over `tets`: keeps distances distances, so steps keep their size."""
    if len(tets) and points.device.type == "cpu" and points.dtype == torch.float32:
        return kernels_cpu.eikonal(points, sdf, tets)
    corners, values = take(points, tets), take(sdf, tets)
    a, b, c = (corners[:, 1:] - corners[:, :1]).unbind(dim=1)
    # The gradient g solves [a b c]^T g = differences; its inverse has the cross products as rows.
    normals = torch.stack([torch.linalg.cross(x, y) for x, y in ((b, c), (c, a), (a, b))], dim=1)
    determinant = (a * normals[:, 0]).sum(dim=-1, keepdim=True)
    differences = values[:, 1:] - values[:, :1]
    gradient = (normals * differences[:, :, None]).sum(dim=1) / determinant
    return (gradient.norm(dim=-1) - 1).square().mean()
