"""Trains the attribute classifier (evaluate/attributes.py) on renders that no prior has seen.

`python -m backend.training attributes FILE`: draws props of every kind from seeds of their own,
renders and lights them once, and trains for some minutes of processor time on albedo and shaded
pictures of them and their mirror images, on greys as neutral as those that are judged. Some are
blurred and noisy, as samples of a prior are, so that the classifier judges what is drawn and not
how sharply.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.evaluate.attributes import ATTRIBUTES, SIZE, AttributeNet, Labels
from backend.training.data import CAMERAS
from backend.training.examples import Examples, albedo_and_shaded, gbuffers_of, seeded
from backend.training.looks import COLOURS, MATERIALS

log = logging.getLogger(__name__)

UNKNOWN = -1  # a label that the caption would not tell


@dataclass(frozen=True)
class AttributesConfig:
    minutes: float = 4.0  # of processor time, so that a busy machine makes it no worse
    props_per_kind: int = 18
    views_per_prop: int = 3
    batch: int = 64
    learning_rate: float = 3e-3
    side_weight: float = 5.0
    greys: tuple[float, float] = (0.45, 0.75)  # of the backgrounds
    blurred: float = 0.3  # share of the pictures
    noise: float = 0.02  # largest standard deviation
    seed: int = 1


@dataclass(frozen=True)
class Pool:
    """All rendered views, and what they show."""

    albedo: Tensor  # (n, 3, 64, 64) uint8, on black
    lit: Tensor  # likewise
    alpha: Tensor  # (n, 1, 64, 64) uint8
    labels: dict[str, Tensor]  # (n,) places in Labels, or UNKNOWN
    azimuth_deg: Tensor  # (n,)


def train_attributes(file: Path, examples: Examples, config: AttributesConfig) -> AttributeNet:
    """Renders, trains, and writes FILE; the labels are the examples' kinds."""
    labels = Labels(tuple(examples.kinds), tuple(COLOURS), tuple(MATERIALS))
    pool = render_pool(examples, labels, config)
    log.info("%d views of %d kinds", len(pool.alpha), len(labels.kind))
    torch.manual_seed(config.seed)
    net = AttributeNet(labels).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fit(net, pool, config)
    file.parent.mkdir(parents=True, exist_ok=True)
    net.eval().save(file)
    return net


def render_pool(examples: Examples, labels: Labels, config: AttributesConfig) -> Pool:
    """The same number of props of every kind, from random cameras."""
    generator = torch.Generator().manual_seed(config.seed)
    views: list[tuple[Tensor, ...]] = []
    told: dict[str, list[int]] = {a: [] for a in ATTRIBUTES}
    for number, kind in enumerate(labels.kind):
        for index in range(config.props_per_kind):
            prop = examples.sample(kind, seeded(config.seed, number, index))
            cameras = CAMERAS.sample(config.views_per_prop, generator)
            views.append(_views(prop, cameras, generator))
            for attribute, place in places(prop, labels).items():
                told[attribute] += [place] * config.views_per_prop
    albedo, lit, alpha, azimuth_deg = (torch.cat(parts) for parts in zip(*views, strict=True))
    known = {a: torch.tensor(values) for a, values in told.items()}
    return Pool(albedo, lit, alpha, known, azimuth_deg)


def _views(prop, cameras: Cameras, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Albedo, shaded and coverage as bytes, and the azimuths."""
    gbuffers, up = gbuffers_of(prop, cameras)
    black = torch.zeros(len(cameras), 3)
    pair = albedo_and_shaded(gbuffers, up, black, generator)
    albedo, lit = ((images * 255).round().to(torch.uint8) for images in pair)
    return albedo, lit, gbuffers[..., 8:].permute(0, 3, 1, 2), cameras.azimuth_deg


def places(prop, labels: Labels) -> dict[str, int]:
    """What the prop is, as places in `labels`; a figure makes the colour two, so unknown."""
    colour = None if getattr(prop, "figure", None) else prop.colour
    return {
        "kind": labels.kind.index(prop.kind),
        "colour": UNKNOWN if colour is None else labels.colour.index(colour),
        "material": UNKNOWN if prop.material is None else labels.material.index(prop.material),
    }


def fit(net: AttributeNet, pool: Pool, config: AttributesConfig) -> None:
    """For `minutes`, with a learning rate that falls with the time left."""
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=0.05)
    net.train()
    started, step, done = time.process_time(), 0, 0.0
    while done < 1:
        rate = config.learning_rate * min(1.0, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        error = loss(net, pool, config, generator)
        optimiser.zero_grad(set_to_none=True)
        error.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step, done = step + 1, (time.process_time() - started) / (config.minutes * 60)
        if step % 100 == 0:
            log.info("step %d, %.0f %%: loss %.3f", step, done * 100, error.item())


def loss(net: AttributeNet, pool: Pool, config: AttributesConfig, g: torch.Generator) -> Tensor:
    """Cross entropies of what is known of a random batch, and the squared error of the sides."""
    rows = torch.randint(len(pool.alpha), (config.batch,), generator=g)
    shown = torch.rand(config.batch, 1, 1, 1, generator=g) < 0.5
    images = torch.where(shown, pool.lit[rows], pool.albedo[rows]).float() / 255
    low, high = config.greys
    greys = low + (high - low) * torch.rand(config.batch, 1, 1, 1, generator=g)
    images = images + greys * (1 - pool.alpha[rows].float() / 255)
    mirror = torch.rand(config.batch, generator=g) < 0.5
    images = roughened(torch.where(mirror[:, None, None, None], images.flip(-1), images), config, g)
    with torch.autocast("cpu", torch.bfloat16):
        out = net(images.contiguous(memory_format=torch.channels_last))
    azimuth = torch.deg2rad(pool.azimuth_deg[rows]) * torch.where(mirror, -1, 1)
    side = torch.stack([azimuth.sin(), azimuth.cos()], 1)
    total = config.side_weight * F.mse_loss(out["side"].float(), side)
    for attribute in ATTRIBUTES:
        truth = pool.labels[attribute][rows]
        if (truth != UNKNOWN).any():
            total = total + F.cross_entropy(out[attribute].float(), truth, ignore_index=UNKNOWN)
    return total


def roughened(images: Tensor, config: AttributesConfig, generator: torch.Generator) -> Tensor:
    """Some blurred, all a little noisy, none beyond [0, 1]."""
    count = len(images)
    small = int(torch.randint(SIZE // 2, SIZE, (1,), generator=generator))
    blurred = F.interpolate(images, size=(small, small), mode="bilinear", antialias=True)
    blurred = F.interpolate(blurred, size=(SIZE, SIZE), mode="bilinear")
    pick = torch.rand(count, 1, 1, 1, generator=generator) < config.blurred
    amount = torch.rand(count, 1, 1, 1, generator=generator) * config.noise
    noise = torch.randn(images.shape, generator=generator) * amount
    return (torch.where(pick, blurred, images) + noise).clamp(0, 1)
