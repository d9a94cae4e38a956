"""What exporters take: a textured mesh, its size in metres, its name and where it came from.

In: a baked `UVMesh` in the canonical frame. Out: `placed`, its vertices in metres, standing on the
ground with the origin in the middle of its footprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from backend.errors import GenerationError, InputError
from backend.materials.bake import Textures
from backend.mesh.types import UVMesh

MEASURES = ("longest", "height")


@dataclass(frozen=True)
class Config:
    """How big the prop is in the world."""

    size_m: float = 1.0  # metres
    measure: str = "longest"  # which side has that size: "longest" or "height"

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InputError(f"measure must be one of {', '.join(MEASURES)}, not '{self.measure}'.")
        if not self.size_m > 0:
            raise InputError(f"The size must be more than 0 metres, not {self.size_m}.")


@dataclass(frozen=True)
class Asset:
    mesh: UVMesh  # canonical frame, tangents present
    textures: Textures
    name: str  # the prompt; names node, mesh and material
    provenance: dict[str, Any] = field(default_factory=dict)  # plain JSON values
    config: Config = field(default_factory=Config)


def placed(asset: Asset) -> Float[np.ndarray, "V 3"]:
    """World axes (+Z up), metres; the lowest point at z = 0, the footprint's box around x = y = 0.

    Raises GenerationError for an empty or flat shape, or one that isn't finite.
    """
    vertices = asset.mesh.vertices.detach().cpu().double().numpy()
    if len(vertices) == 0 or not np.isfinite(vertices).all():
        raise GenerationError("The mesh to export is empty or has vertices that are not finite.")
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    sides = high - low
    side = sides[2] if asset.config.measure == "height" else sides.max()
    if side <= 0:
        raise GenerationError(f"The mesh to export has no {asset.config.measure} side to measure.")
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return (vertices - base) * (asset.config.size_m / side)
