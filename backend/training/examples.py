"""Props to judge with: of a given kind, colour and material, from seeds that no shard has.

Kinds that training holds out are here too: whoever judges must know them. An imported kind has
few models, so what is new about its props here is their looks and views, not their shapes.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.errors import InputError
from backend.training.data import DataConfig, imported_models, render_prop
from backend.training.imported import ImportedModel
from backend.training.imported_kinds import HELD_OUT
from backend.training.imported_props import ImportedProp, sample_imported
from backend.training.pictures import shade
from backend.training.props import KINDS, Prop, sample_prop

SEED = 0x5EED  # first number of every seed here; shards have single numbers
TRIES = 4000


class Examples:
    """Draws props of either source, every kind as often as it is asked for.

    known: only these kinds, and the names that training holds out; None: all there are.
    """

    def __init__(self, config: DataConfig, known: frozenset[str] | None = None):
        self.models: dict[str, list[ImportedModel]] = {}
        for model in imported_models(config)[0]:
            self.models.setdefault(model.kind, []).append(model)
        self.procedural = set(config.kinds)
        every = sorted(self.procedural | set(self.models))
        # Whole names that training never sees: those that are nobody's procedural kind either.
        self.unseen = [k for k in every if k in HELD_OUT and k not in KINDS]
        self.kinds = [k for k in every if known is None or k in known or k in self.unseen]

    def sample(self, kind: str, rng: np.random.Generator) -> Prop | ImportedProp:
        """A prop of `kind`, of any form; of both sources alike where both have it."""
        models = self.models.get(kind, [])
        if models and (kind not in self.procedural or rng.random() < 0.5):
            return sample_imported(models[int(rng.integers(len(models)))], rng)
        return sample_prop(kind, rng)

    def like(
        self, kind: str, colour: str | None, material: str | None, rng: np.random.Generator
    ) -> Prop | ImportedProp | None:
        """A prop that was asked to have these looks and no figure; None where chance has none."""
        for _ in range(TRIES):
            prop = self.sample(kind, rng)
            wanted = (colour is None or prop.colour == colour) and (
                material is None or prop.material == material
            )
            if wanted and getattr(prop, "figure", None) is None:
                return prop
        return None

    def has_by_nature(self, kind: str, colour: str) -> bool:
        """Whether an imported model of the kind is of that colour as it is."""
        return any(model.colour == colour for model in self.models.get(kind, []))


def kinds_known_by(folder: Path) -> frozenset[str]:
    """The kinds that a prior of ours says it knows (training/pack.py).

    Raises InputError for a prior that makes no such list.
    """
    index = json.loads((folder / "model_index.json").read_text())
    try:
        return frozenset(index["knows"]["kinds"])
    except KeyError as error:
        raise InputError(f"The prior in '{folder}' has no list of the kinds it knows.") from error


def seeded(*numbers: int) -> np.random.Generator:
    """A generator that no shard can have had."""
    return np.random.default_rng((SEED, *numbers))


def gbuffers_of(prop: Prop | ImportedProp, cameras: Cameras) -> tuple[Tensor, Tensor]:
    """G-buffers (B, 64, 64, 9) uint8 and world up (B, 3) in view space."""
    up = cameras.viewmats[:, :3, 2] * torch.tensor([1.0, -1.0, -1.0])
    return torch.from_numpy(render_prop(prop, cameras)), up


def albedo_and_shaded(
    gbuffers: Tensor, up: Tensor, backgrounds: Float[Tensor, "B 3"], generator: torch.Generator
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B 3 H W"]]:
    """The two domains that show colours, under random lights, on the given backgrounds."""
    g = gbuffers.float() / 255
    albedo, roughness, metallic, alpha = g[..., :3], g[..., 6:7], g[..., 7:8], g[..., 8:]
    normal = F.normalize(g[..., 3:6] * 2 - 1, dim=-1)
    lit = shade(albedo, normal, roughness, metallic, up, generator)
    behind = backgrounds[:, None, None] * (1 - alpha)
    pair = [(image * alpha + behind).permute(0, 3, 1, 2) for image in (albedo, lit)]
    return pair[0], pair[1]
