"""The two mesh containers that travel between the stages, and what previews show in between.

All are in the canonical frame of shared/conventions.py; faces wind counter-clockwise seen from
outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class TriMesh:
    """A bare triangle surface."""

    vertices: Float[Tensor, "V 3"]
    faces: Int64[Tensor, "F 3"]

    def to(self, device: torch.device | str) -> TriMesh:
        return TriMesh(self.vertices.to(device), self.faces.to(device))

    def detach(self) -> TriMesh:
        return TriMesh(self.vertices.detach(), self.faces)


@dataclass(frozen=True)
class PaintedMesh:
    """A surface with a colour at each vertex, for looking at."""

    mesh: TriMesh
    colors: Float[Tensor, "V 3"]  # sRGB, [0, 1]


@dataclass(frozen=True)
class PaintedLevel:
    """A solid that has no mesh yet, for looking at."""

    level: Float[np.ndarray, "R R R"]  # over [-1, 1]^3, indexed [x, y, z]; positive inside
    color_at: Callable[[Float[Tensor, "P 3"]], Float[Tensor, "P 3"]]  # sRGB, [0, 1]


@dataclass
class UVMesh:
    """A triangle surface with an atlas; vertices are split where charts meet.

    uvs are glTF's: in [0, 1], u to the right, v = 0 at the TOP row of the image. tangents are
    glTF's too: unit xyz along +u, w = +1 or -1 so that bitangent = w * cross(normal, tangent).
    """

    vertices: Float[Tensor, "V 3"]
    faces: Int64[Tensor, "F 3"]
    normals: Float[Tensor, "V 3"]
    uvs: Float[Tensor, "V 2"]
    tangents: Float[Tensor, "V 4"] | None = None
    charts: int = 0

    def to(self, device: torch.device | str) -> UVMesh:
        tangents = None if self.tangents is None else self.tangents.to(device)
        return UVMesh(
            self.vertices.to(device),
            self.faces.to(device),
            self.normals.to(device),
            self.uvs.to(device),
            tangents,
            self.charts,
        )

    @property
    def surface(self) -> TriMesh:
        return TriMesh(self.vertices, self.faces)
