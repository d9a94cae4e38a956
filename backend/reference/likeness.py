"""How far renders from the reference's camera are from the reference: what stages add to a loss.

DreamGaussian (Tang et al. 2309.16653, section 3.1) adds to the distillation of other views a mean
square of colours and one of opacities at the view that is known. Ours are means over pixels, like
the distillation's, and weigh ten or so of its views.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.reference.picture import Reference


@dataclass(frozen=True)
class LikenessConfig:
    color: float = 20.0  # of the mean squared difference of colours in [0, 1]
    opacity: float = 20.0  # of that of opacities


def likeness(
    images: Float[Tensor, "1 3 N N"],
    opacity: Float[Tensor, "1 1 N N"],
    backgrounds: Float[Tensor, "1 3"],
    reference: Reference,
    config: LikenessConfig,
) -> dict[str, Tensor]:
    """Of a whole picture over a plain background: colours where anything is, and the outline."""
    shown = reference.over(backgrounds, images.shape[-1])
    return {
        "reference": config.color * F.mse_loss(images, shown),
        "outline": outline(opacity, reference, config),
    }


def outline(
    opacity: Float[Tensor, "1 1 N N"], reference: Reference, config: LikenessConfig
) -> Tensor:
    """Of the silhouette alone."""
    return config.opacity * F.mse_loss(opacity, reference.at(opacity.shape[-1])[1][None])


def color_likeness(
    colors: Float[Tensor, "P 3"], pixels: Tensor, size: int, reference: Reference, weight: float
) -> Tensor:
    """Of surface colours at pixels of a picture of size^2: where the reference shows the prop."""
    wanted, opacity = reference.at(size)
    shown = wanted.reshape(3, -1).T[pixels]
    certain = (opacity.reshape(-1)[pixels] > 0.95).to(colors)[:, None]
    difference = (colors - shown).square() * certain
    return weight * difference.sum() / torch.clamp(3 * certain.sum(), min=1.0)
