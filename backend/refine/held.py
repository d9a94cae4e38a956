"""Keeps a material field as it started where the mask lets nothing change.

In: a field, a `Body`. Out: the field, its gradients scaled by the weight of the surface nearest to
each lattice corner. The prior then sees the part that stays as it is, and fits the rest to it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from backend.materials.field import MaterialField, SparseLattice
from backend.neighbours import tree_of
from backend.refine.body import Body


def hold(
    field: MaterialField,
    body: Body,
    points: Tensor | None = None,
) -> None:
    """points: (R, 3), where the render vertices are now; None: where they were."""
    if (body.weights == 1).all():
        return
    weights = torch.from_numpy(body.weights[body.welded[body.source[body.shown_of]]])
    places = torch.from_numpy(body.render) if points is None else points.detach().cpu()
    tree = tree_of(places.numpy())
    for level in field.levels:
        lattice = cast(SparseLattice, level)
        _, nearest = tree.query(lattice.corner_points().cpu().numpy(), workers=-1)
        scale = torch.cat([torch.ones(1), weights[torch.from_numpy(nearest)]])
        scale = scale[:, None].to(lattice.features.device)
        lattice.features.register_hook(lambda gradient, scale=scale: gradient * scale)
