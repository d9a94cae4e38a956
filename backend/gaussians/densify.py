"""Adding Gaussians where the pictures pull, and dropping those that show nothing.

In: the gradients on projected means, step by step. Out: the model and its optimiser, resized
together. Kerbl et al. 2023, section 5.2: large ones are split in two, small ones cloned, where
the mean length of the 2D gradient is high. We differ in three ways. The scale of a distilled
gradient depends on prior, resolution and guidance scale, so a fixed share with the largest
gradients grows instead of all above a threshold. A clone's opacity is 1 - sqrt(1 - o), which
leaves the picture about as it was (Rota Bulo et al. 2024, "Revising Densification"). Opacities are
never reset: runs are a few hundred steps short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from backend.errors import GenerationError
from backend.gaussians.model import GaussianModel
from backend.gaussians.rotations import rotation_matrices


@dataclass(frozen=True)
class DensifyConfig:
    interval: int = 50  # steps
    stop: float = 0.8  # share of the steps after which nothing is added
    share: float = 0.12  # of the Gaussians that grow at each interval
    max_count: int = 6000
    split_above: float = 0.03  # largest scale from which one is split rather than cloned
    min_opacity: float = 0.02  # fainter ones go
    max_scale: float = 0.3  # larger ones go
    max_radius: float = 1.0  # those further from the origin go


class Densifier:
    """Gathers gradients over an interval, then resizes model and optimiser."""

    def __init__(self, config: DensifyConfig, count: int, device: torch.device):
        self.config = config
        self._reset(count, device)

    def _reset(self, count: int, device: torch.device) -> None:
        self.gradients = torch.zeros(count, device=device)
        self.sightings = torch.zeros(count, device=device)

    def observe(
        self, gradient: Float[Tensor, "B N 2"], radii: Int[Tensor, "B N"], size: int
    ) -> None:
        """gradient: on pixel positions in pictures `size` pixels wide."""
        seen = (radii > 0).to(gradient.dtype)
        # Per half picture rather than per pixel, so that the resolution may change.
        lengths = gradient.norm(dim=-1) * (size / 2)
        self.gradients += (lengths * seen).sum(0)
        self.sightings += seen.sum(0)

    @torch.no_grad()
    def update(
        self,
        model: GaussianModel,
        optimiser: torch.optim.Adam,
        grow: bool,
        generator: torch.Generator,
    ) -> None:
        """Clones, splits (if `grow`) and prunes; raises GenerationError if nothing is left."""
        kept = self._kept(model)
        if not kept.any():
            raise GenerationError(
                "All Gaussians faded away while they were optimised: try another seed, another "
                "wording of the prompt, or a lower guidance scale."
            )
        chosen = self._chosen(model, kept) if grow else kept.new_zeros(0).nonzero()[:, 0]
        large = model.scales[chosen].amax(-1) > self.config.split_above
        split, cloned = chosen[large], chosen[~large]
        children = [_clones(model, cloned), _halves(model, split, generator)]
        _fade(model, cloned)
        kept[split] = False
        added = {name: torch.cat([c[name] for c in children]) for name in model.parameters}
        resize(model, optimiser, torch.nonzero(kept)[:, 0], added)
        self._reset(len(model), model.parameters["means"].device)

    def _kept(self, model: GaussianModel) -> Tensor:
        means, config = model.parameters["means"], self.config
        kept = model.opacities > config.min_opacity
        kept &= model.scales.amax(-1) < config.max_scale
        kept &= means.norm(dim=-1) < config.max_radius
        finite = [torch.isfinite(p.reshape(len(p), -1)).all(-1) for p in model.parameters.values()]
        return kept & torch.stack(finite).all(0)

    def _chosen(self, model: GaussianModel, kept: Tensor) -> Int[Tensor, " M"]:
        """Those with the largest mean gradient, as many as share and cap allow."""
        alive = int(kept.sum())
        count = min(int(alive * self.config.share), max(0, self.config.max_count - alive))
        mean = self.gradients / self.sightings.clamp(min=1)
        mean = torch.where(kept, mean, -1)
        order = torch.argsort(mean, descending=True, stable=True)[:count]
        return torch.sort(order[mean[order] > 0]).values

    def state_dict(self) -> dict[str, Any]:
        return {"gradients": self.gradients.clone(), "sightings": self.sightings.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.gradients = state["gradients"].to(self.gradients.device).clone()
        self.sightings = state["sightings"].to(self.sightings.device).clone()


def _faded(logits: Tensor) -> Tensor:
    """Logits of 1 - sqrt(1 - o): two such layers are as opaque as one of o."""
    return torch.logit(1 - (1 - logits.sigmoid()).sqrt(), eps=1e-4)


def _fade(model: GaussianModel, index: Tensor) -> None:
    logits = model.parameters["opacity_logits"]
    logits[index] = _faded(logits[index])


def _clones(model: GaussianModel, index: Tensor) -> dict[str, Tensor]:
    """Copies in place; the originals' opacities are still to be faded."""
    children = {name: value[index].clone() for name, value in model.parameters.items()}
    children["opacity_logits"] = _faded(children["opacity_logits"])
    return children


def _halves(model: GaussianModel, index: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Two for each, at points drawn from it, scales divided by 1.6."""
    children = {
        name: value[index].repeat_interleave(2, 0) for name, value in model.parameters.items()
    }
    scales = children["log_scales"].exp()
    local = torch.randn(scales.shape, generator=generator).to(scales) * scales
    offsets = (rotation_matrices(children["quats"]) @ local[..., None])[..., 0]
    children["means"] = children["means"] + offsets
    children["log_scales"] = (scales / 1.6).log()
    return children


def resize(
    model: GaussianModel,
    optimiser: torch.optim.Adam,
    kept: Int[Tensor, " K"],
    added: dict[str, Tensor],
) -> None:
    """Model and optimiser with the kept rows, then the added ones, whose moments are zero."""
    for group in optimiser.param_groups:
        name = group["name"]
        old = model.parameters[name]
        new = torch.cat([old.detach()[kept], added[name].detach()]).requires_grad_()
        state = optimiser.state.pop(old, None)
        if state:
            for key in ("exp_avg", "exp_avg_sq"):
                state[key] = torch.cat([state[key][kept], torch.zeros_like(added[name])])
            optimiser.state[new] = state
        group["params"] = [new]
        model.parameters[name] = new
