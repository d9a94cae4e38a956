"""A small classifier of 64-pixel pictures of props: kind, colour, material, and the side seen.

In: shaded or albedo pictures (B, 3, 64, 64) in [0, 1] on any plain background. Out: logits for
each attribute, and the azimuth as a vector (sin, cos) that is shorter where the side can't be
told. It is trained apart from every prior (training/attributes.py), and its weights are one
safetensors file with its labels inside; they do not ship with the product.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.errors import InputError
from backend.guidance.embedded import resize

SIZE = 64
WIDTHS = (24, 48, 96, 192)
ATTRIBUTES = ("kind", "colour", "material")


@dataclass(frozen=True)
class Labels:
    kind: tuple[str, ...]
    colour: tuple[str, ...]
    material: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What the views of one prop say together, and where each seems to be taken from."""

    log_shares: dict[str, Tensor]  # (classes,): mean log probability over the views
    sides: Float[Tensor, "B 2"]  # (sin, cos) of the azimuth of each view, at most about 1 long

    def rank(self, attribute: str, place: int) -> int:
        """How many labels are likelier than the one at `place`."""
        shares = self.log_shares[attribute]
        return int((shares > shares[place]).sum())


class Block(nn.Module):
    """Two 3x3 convolutions, the first one halving, with a way around the second."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.halve = nn.Conv2d(before, after, 3, 2, 1, bias=False)
        self.first = nn.BatchNorm2d(after)
        self.deepen = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.second = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.first(self.halve(x)))
        return F.silu(x + self.second(self.deepen(x)))


class AttributeNet(nn.Module):
    def __init__(self, labels: Labels):
        super().__init__()
        self.labels = labels
        self.stem = nn.Conv2d(12, WIDTHS[0], 3, 1, 1)
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in pairwise(WIDTHS)))
        # Colours are means, kinds are the strongest sign of them.
        self.heads = nn.ModuleDict(
            {a: nn.Linear(2 * WIDTHS[-1], len(getattr(labels, a))) for a in ATTRIBUTES}
        )
        self.side = nn.Linear(2 * WIDTHS[-1], 2)

    def forward(self, images: Float[Tensor, "B 3 64 64"]) -> dict[str, Tensor]:
        """Logits (B, classes) of every attribute, and "side" (B, 2)."""
        x = self.blocks(F.silu(self.stem(F.pixel_unshuffle(images * 2 - 1, 2))))
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return {a: head(pooled) for a, head in self.heads.items()} | {"side": self.side(pooled)}

    @torch.no_grad()
    def read(self, images: Float[Tensor, "B 3 H W"]) -> Reading:
        """Views of one prop, of any square size, taken together."""
        out = self(resize(images.clamp(0, 1), SIZE))
        shares = {a: out[a].log_softmax(-1).mean(0) for a in ATTRIBUTES}
        return Reading(shares, out["side"])

    def save(self, path: Path) -> None:
        metadata = {a: json.dumps(list(getattr(self.labels, a))) for a in ATTRIBUTES}
        save_file({k: v.contiguous() for k, v in self.state_dict().items()}, path, metadata)


def load_attributes(path: Path) -> AttributeNet:
    """Raises InputError where there is no such file."""
    if not path.is_file():
        raise InputError(
            f"There is no attribute classifier '{path}': train one with "
            "`python -m backend.training attributes FILE`."
        )
    with safe_open(path, "pt") as file:
        labels = {a: tuple(json.loads(text)) for a, text in (file.metadata() or {}).items()}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    net = AttributeNet(Labels(**labels))
    net.load_state_dict(state)
    return net.eval()
