"""Gaussians as parameters: what the optimiser turns, and what the renderer is given.

In: a start (a ball of random points, or an earlier cloud). Out: activated tensors. Activations as
in Kerbl et al. 2023, section 5.1: exp for scales, sigmoid for opacities; colours are view-
independent (spherical harmonics of degree 0) and go through a sigmoid, so they stay in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.neighbours import tree_of

NAMES = ("means", "quats", "log_scales", "opacity_logits", "color_logits")


@dataclass(frozen=True)
class GaussianCloud:
    """N Gaussians in the canonical frame, as `render_gaussians` takes them."""

    means: Float[Tensor, "N 3"]
    quats: Float[Tensor, "N 4"]  # wxyz, unit
    scales: Float[Tensor, "N 3"]  # standard deviations, positive
    opacities: Float[Tensor, "N"]  # [0, 1]
    colors: Float[Tensor, "N 3"]  # sRGB, [0, 1]

    def __len__(self) -> int:
        return len(self.means)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The five first arguments of `render_gaussians`."""
        return self.means, self.quats, self.scales, self.opacities, self.colors


@dataclass(frozen=True)
class StartConfig:
    """A ball of small, faint, greyish Gaussians."""

    count: int = 3000
    radius: float = 0.6  # canonical units; the prop's own bound is 0.9
    opacity: float = 0.1
    grey_spread: float = 0.1  # standard deviation of the colours around middle grey


class GaussianModel:
    """The raw parameters, one tensor each, in `parameters` by the names of `NAMES`."""

    def __init__(self, parameters: dict[str, Tensor]):
        self.parameters = {n: parameters[n].detach().clone().requires_grad_() for n in NAMES}

    @classmethod
    def ball(
        cls, config: StartConfig, generator: torch.Generator, device: torch.device
    ) -> GaussianModel:
        """Points uniform in a ball; scales from the distance to the three nearest neighbours."""
        direction = F.normalize(torch.randn(config.count, 3, generator=generator), dim=-1)
        distance = torch.rand(config.count, 1, generator=generator) ** (1 / 3)
        means = direction * distance * config.radius
        quats = torch.zeros(config.count, 4)
        quats[:, 0] = 1
        cloud = GaussianCloud(
            means=means,
            quats=quats,
            scales=_neighbour_distances(means)[:, None].expand(-1, 3),
            opacities=torch.full((config.count,), config.opacity),
            colors=0.5 + config.grey_spread * torch.randn(config.count, 3, generator=generator),
        )
        return cls.from_cloud(cloud, device)

    @classmethod
    def from_cloud(cls, cloud: GaussianCloud, device: torch.device) -> GaussianModel:
        """Starts where an earlier cloud is."""
        raw = {
            "means": cloud.means,
            "quats": cloud.quats,
            "log_scales": cloud.scales.clamp(min=1e-6).log(),
            "opacity_logits": torch.logit(cloud.opacities, eps=1e-4),
            "color_logits": torch.logit(cloud.colors, eps=1e-3),
        }
        return cls({name: tensor.to(device) for name, tensor in raw.items()})

    def __len__(self) -> int:
        return len(self.parameters["means"])

    @property
    def scales(self) -> Float[Tensor, "N 3"]:
        return self.parameters["log_scales"].exp()

    @property
    def opacities(self) -> Float[Tensor, "N"]:
        return self.parameters["opacity_logits"].sigmoid()

    def activated(self) -> GaussianCloud:
        """Differentiable."""
        raw = self.parameters
        quats = F.normalize(raw["quats"], dim=-1)
        return GaussianCloud(
            raw["means"], quats, self.scales, self.opacities, raw["color_logits"].sigmoid()
        )

    def cloud(self) -> GaussianCloud:
        """Detached."""
        return GaussianCloud(*(t.detach().clone() for t in self.activated().tensors()))


def _neighbour_distances(means: Float[Tensor, "N 3"]) -> Float[Tensor, "N"]:
    """Root mean square distance to the three nearest other points."""
    neighbours = min(4, len(means))
    if neighbours < 2:
        return torch.full((len(means),), 0.1)
    distances, _ = tree_of(means.numpy()).query(means.numpy(), k=neighbours)
    return torch.from_numpy(np.sqrt((distances[:, 1:] ** 2).mean(1))).to(means.dtype)
