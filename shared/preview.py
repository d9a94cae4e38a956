"""Meshes as they cross the wire: positions in 16 bits, and what has not changed left out.

In: float arrays at the worker; `Mesh` messages at the client. Out: the message's arrays, and on the
other side whole float arrays again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .digest import digest_of
from .errors import bad
from .messages import Mesh

OFFSET, SCALE = -1.0, 2 / 65535  # the canonical cube in 65536 steps


def quantise(positions: np.ndarray) -> np.ndarray:
    """(V, 3) float in [-1, 1] -> u2; what lies outside is moved to the cube's face."""
    steps = np.subtract(positions, OFFSET, dtype=np.float32)
    steps *= 1 / SCALE
    np.rint(steps, out=steps)
    if steps.size and not (steps.min() >= 0 and steps.max() <= 65535):  # two cheap questions
        np.fmax(steps, 0, out=steps)  # which also turns what is no number into 0
        np.fmin(steps, 65535, out=steps)
    return steps.astype("<u2")


def dequantise(steps: np.ndarray, offset: float, scale: float) -> np.ndarray:
    """(V, 3) u2 -> (V, 3) f4."""
    positions = steps.astype(np.float32)
    positions *= np.float32(scale)
    positions += np.float32(offset)
    return positions


def narrow(faces: np.ndarray, vertices: int) -> np.ndarray:
    """Indices in the smallest type that holds them."""
    return faces.astype("<u2" if vertices <= 1 << 16 else "<u4")


def topology_of(faces: np.ndarray, uvs: np.ndarray | None = None) -> str:
    """16 hex digits: equal where faces and uvs are."""
    return digest_of(faces) if uvs is None else digest_of(faces, uvs)


@dataclass
class MeshView:
    """What a client shows of a job: `apply` each Mesh, then read the arrays."""

    positions: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    colors: np.ndarray | None = None  # (V, 3) u1, sRGB
    faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.uint16))
    uvs: np.ndarray | None = None  # (V, 2) f4
    topology: str = ""

    def apply(self, mesh: Mesh) -> bool:
        """Takes over what the message brings; whether the topology changed (rebuild, don't move).

        Raises WireError for a mesh that does not fit together; the view is then as before.
        """
        changed = mesh.topology != self.topology
        faces = mesh.faces if mesh.faces is not None else self.faces
        count = mesh.vertices
        if changed and (mesh.faces is None or mesh.positions is None):
            raise bad("A mesh of a new topology came without its faces or positions.")
        if changed and faces.size and int(faces.max()) >= count:
            raise bad(f"A face names vertex {int(faces.max())} of {count}.")
        arrays = (mesh.positions, mesh.colors, mesh.uvs)
        if any(a is not None and len(a) != count for a in arrays):
            raise bad("A mesh came with arrays of another number of vertices.")
        if changed:
            self.faces, self.uvs, self.colors = faces, mesh.uvs, None
            self.topology = mesh.topology
        if mesh.positions is not None:
            self.positions = dequantise(mesh.positions, mesh.offset, mesh.scale)
        if mesh.colors is not None:
            self.colors = mesh.colors
        return changed
