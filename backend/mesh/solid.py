"""From Gaussians to the solid that the tetrahedral grid begins with, seen while it is made.

In: a `GaussianCloud`. Out: signed distances over [-1, 1]^3. Density says where something is
(gaussians/field.py), cameras all around where nothing can be (gaussians/hull.py), and
from_field.py makes a closed solid of both. A watcher sees the shape carved and closed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float
from torch import Tensor

from backend.gaussians.field import FEW, colors_at, density_grid
from backend.gaussians.hull import visible_space
from backend.gaussians.model import GaussianCloud
from backend.loop import Watch, nobody
from backend.mesh import from_field
from backend.mesh.types import PaintedLevel


def solid_of(
    cloud: GaussianCloud, resolution: int, config: from_field.Config, watch: Watch = nobody
) -> Float[Tensor, "R R R"]:
    """Canonical units, negative inside; `resolution` samples an axis.

    Raises GenerationError where the Gaussians are too faint to be anything.
    """
    color_at = partial(colors_at, cloud, neighbours=FEW)

    def show(level_of: Callable[[], np.ndarray]) -> None:
        watch(lambda: PaintedLevel(level_of(), color_at))

    def carved(opacity: Tensor) -> None:
        show(lambda: from_field.carved(density, opacity, config))

    density = density_grid(cloud, resolution)
    space = visible_space(cloud, resolution, watch=carved)
    seen = (space.opacity, space.depth)
    return from_field.sdf_from_density(density, config, *seen, lambda level: show(lambda: level))
