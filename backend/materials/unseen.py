"""Materials where no camera looks: continued from what is seen, not left to chance.

In: a mesh, values at its vertices, the cameras that the materials were distilled from. Out: the
values again, those of vertices that no camera saw well replaced.

Nothing judges the underside of a barrel: what stands there is what the Gaussians happened to have,
in blotches. The smoothest continuation of the seen colours takes their place: the membrane (Laplace
equation) over the surface that Perez et al. 2003, "Poisson image editing", section 2, fill
selections of a picture with.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.sparse import coo_matrix, csr_matrix, diags, identity
from scipy.sparse.linalg import splu
from torch import Tensor

from backend.cameras import Cameras
from backend.materials.views import look_at_surface
from backend.mesh.geometry import vertex_normals
from backend.mesh.types import TriMesh

LEAST_COSINE = 0.3  # between the normal and the view: flatter, a prior of 64 pixels sees stripes
_PULL = 1e-5  # towards the values that were there: decides where a whole piece is unseen
_TOGETHER = 8  # views rasterised at a time


@torch.no_grad()
def well_seen(mesh: TriMesh, cameras: Cameras, size: int = 384) -> Bool[Tensor, " V"]:
    """Vertices of faces that at least one camera, with `size` pixels, does not see aslant."""
    normals = vertex_normals(mesh)
    best = torch.full((len(mesh.faces),), -1.0, device=mesh.vertices.device)
    for first in range(0, len(cameras), _TOGETHER):
        group = cameras[slice(first, first + _TOGETHER)]
        seen = look_at_surface(mesh, normals, group, size)
        cosines = (seen.normals * seen.towards).sum(-1)
        faces = seen.raster[..., 3].reshape(-1)[seen.pixels].long() - 1
        best.scatter_reduce_(0, faces, cosines, "amax")
    known = torch.zeros(len(mesh.vertices), dtype=torch.bool, device=mesh.vertices.device)
    known[mesh.faces[best > LEAST_COSINE].reshape(-1)] = True
    return known


def continued(
    values: Float[Tensor, "V C"], mesh: TriMesh, known: Bool[Tensor, " V"]
) -> Float[Tensor, "V C"]:
    """`values` with those that are not known solved from the Laplace equation over the edges.

    All unknown, or none: the values as they are.
    """
    if bool(known.all()) or not bool(known.any()):
        return values
    held = known.cpu().numpy()
    given = values.cpu().double().numpy()
    laplacian = _laplacian(mesh.faces.cpu().numpy(), len(held))
    rows = laplacian[~held]
    system = rows[:, ~held] + _PULL * identity(int((~held).sum()))
    right = _PULL * given[~held] - rows[:, held] @ given[held]
    solved = splu(system.tocsc()).solve(right)
    out = values.clone()
    out[~known] = torch.from_numpy(solved).to(out)
    return out


def _laplacian(faces: np.ndarray, count: int) -> csr_matrix:
    """Degree minus adjacency, each edge with weight 1 whatever number of faces it has."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([ends, ends[:, ::-1]])
    links = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), (count, count)).tocsr()
    links.data[:] = 1
    return (diags(np.asarray(links.sum(1))[:, 0]) - links).tocsr()
