"""The colours of a surface that moves, while its shape is refined.

In: a grid's vertices, and a function that knows the colour of any point; surfaces cut from that
grid. Out: sRGB colours at the surfaces' vertices, differentiable in where these lie on their edges.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from backend.mesh.dmtet import Surface


class ColorCache:
    """Values stay with their vertices; asked for once each, and only near the surface."""

    def __init__(self, points: Float[Tensor, "K 3"], color_at: Callable[[Tensor], Tensor]):
        self.points, self.color_at = points, color_at
        self.values = torch.full_like(points, float("nan"))

    @torch.no_grad()
    def on(self, surface: Surface) -> Float[Tensor, "V 3"]:
        needed = torch.zeros(len(self.values), dtype=torch.bool, device=self.values.device)
        needed[surface.edges.reshape(-1)] = True
        missing = torch.nonzero(needed & self.values[:, 0].isnan())[:, 0]
        if len(missing):
            self.values[missing] = self.color_at(self.points[missing]).to(self.values).clamp(0, 1)
        return surface.interpolate(self.values)

    def peek(self, surface: Surface) -> Float[Tensor, "V 3"]:
        """The same for a look in between: grey where nobody has asked yet."""
        colors = surface.interpolate(self.values)
        return torch.where(colors.isnan(), 0.5, colors)
