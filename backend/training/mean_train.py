"""Training of the mean (guidance/mean_net.py): before the denoiser, at some 25 times the pictures.

`python -m backend.training mean DATA RUN --minutes M` reads the shards at half of their resolution
and leaves RUN/mean.pt: the averaged mean, and the words that it was trained with. With a prior's
folder to start from, its words are held; without one they are trained as well.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from backend.checkpoint import write_state
from backend.errors import InputError
from backend.guidance.mean_net import CHANNELS, SIZE, MeanNet, centred
from backend.training import meanings
from backend.training.meanings import SIZE as MEANING_SIZE
from backend.training.meanings import WordTable
from backend.training.model import build_text_encoder
from backend.training.networks import MEAN_STATE, adopt_words, digest, packed_mean
from backend.training.views import read_tokens, shard_files

log = logging.getLogger(__name__)

BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
SAVED_SECONDS = 240
ZOOM = 0.08  # the middle of the apparent sizes in data.CAMERAS


@dataclass(frozen=True)
class MeanConfig:
    batch: int = 256  # of one gradient's noise, a batch of some 690 has as much as its signal
    learning_rate: float = 1.2e-3
    warmup: int = 100
    ema: float = 0.999
    text_dropout: float = 0.08
    unlearned_words: float = 0.2  # captions read by their words' meanings alone
    shaken_meanings: float = 0.04  # standard deviation an entry, as in train.py
    camera_dropout: float = 0.04  # and half of the pictures without words


class SmallViews:
    """All views of a folder at SIZE x SIZE, times their coverage."""

    def __init__(self, folder: Path, words: list[str]):
        index = {word: i + 1 for i, word in enumerate(words)}
        files = shard_files(folder)
        counts = [_views_in(path) for path in files]
        # Made once: gigabytes of parts to be joined would be held twice.
        self.gbuffers = np.empty((sum(counts), CHANNELS, SIZE, SIZE), np.uint8)
        cameras, tokens, first = [], [], 0
        for path, count in zip(files, counts, strict=True):
            with np.load(path) as shard:
                self.gbuffers[first : first + count] = shrunk(shard["gbuffers"])
                cameras.append(shard["cameras"].astype(np.float32))
                tokens.append(read_tokens(shard["captions"], index))
            first += count
        self.cameras, self.tokens = np.concatenate(cameras), np.concatenate(tokens)

    def batch(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random views: G-buffers (size, 9, 32, 32) in [0, 1], tokens of one wording, cameras."""
        rows = np.sort(rng.integers(len(self.gbuffers), size=size))
        wording = rng.integers(self.tokens.shape[1], size=size)
        tokens = torch.from_numpy(self.tokens[rows, wording].astype(np.int64))
        gbuffers = torch.from_numpy(self.gbuffers[rows]).float() / 255
        return gbuffers, tokens, torch.from_numpy(self.cameras[rows])


def _views_in(path: Path) -> int:
    with np.load(path) as shard:
        return len(shard["up"])


def shrunk(gbuffers: np.ndarray, together: int = 512) -> UInt8[np.ndarray, "n 9 32 32"]:
    """(n, H, W, 9) uint8 -> means of squares of pixels, all but the coverage times it; normals
    of length 1 first, as pictures.py shows them."""
    parts = []
    for start in range(0, len(gbuffers), together):
        some = torch.from_numpy(gbuffers[start : start + together]).permute(0, 3, 1, 2) / 255
        normals = F.normalize(some[:, 3:6] * 2 - 1, dim=1) * 0.5 + 0.5
        shown = torch.cat([some[:, :3], normals, some[:, 6:8]], 1)
        some = torch.cat([shown * some[:, 8:], some[:, 8:]], 1)
        small = F.avg_pool2d(some, some.shape[-1] // SIZE)
        parts.append((small * 255).round().byte().numpy())
    return np.concatenate(parts)


def train_mean(
    data: Path, run: Path, minutes: float, config: MeanConfig, start: Path | None = None
) -> None:
    """Trains for `minutes` of this clock, over which the learning rate falls from its peak; goes on
    from RUN/mean.pt, with another such fall.

    start: a prior's folder whose words a new run holds, and whose mean it begins with.
    Raises InputError where RUN was trained on data with other words, or `minutes` is not above 0.
    """
    if minutes <= 0:
        raise InputError("--minutes must be above 0.")
    run.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    table = meanings.load(data)
    learner = begin(run, table, config, start)
    views = SmallViews(data, table.words)
    began = saved = time.monotonic()
    first = learner.step
    for losses in learner.steps(views, lambda: (time.monotonic() - began) / (60 * minutes)):
        now = time.monotonic()
        if learner.step % 200 == 0:
            rate = (learner.step - first) * config.batch / (now - began)
            loss = float(np.mean(losses[-200:]))
            row = {"step": learner.step, "loss": loss, "images_per_second": rate}
            with (run / "mean.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
        if now - saved > SAVED_SECONDS:
            learner.save(run)
            saved = now
    learner.save(run)


def begin(run: Path, table: WordTable, config: MeanConfig, start: Path | None) -> Learner:
    """The learner of RUN/mean.pt, or a new one."""
    text = build_text_encoder(table.words, table.taught, table.meanings)
    if (run / MEAN_STATE).exists():
        state = torch.load(run / MEAN_STATE, map_location="cpu", weights_only=True)
        if state["words"] != table.words:
            raise InputError(f"'{run}' was trained on data with other words; give it those.")
        text.requires_grad_(not state["held"])
        learner = Learner(MeanNet(**state["config"]), text, table.words, config)
        learner.load_state_dict(state)
        return learner
    mean = None
    if start is not None:
        adopt_words(text, start)
        mean = packed_mean(start)
    text.requires_grad_(start is None)
    began = "" if mean is None else digest(mean)
    # Untrained for it, the seventh version's mean erred by .0303 at one size, .0305 at every.
    mean = MeanNet(zoom=ZOOM) if mean is None else mean.at(ZOOM)
    return Learner(mean, text, table.words, config, began)


class Learner:
    """The mean and the words, where those are trained, with their averages and one optimiser."""

    def __init__(
        self, mean: MeanNet, text: nn.Module, words: list[str], config: MeanConfig, began: str = ""
    ):
        """words: the table's; began: the `digest` of the mean that this one starts from."""
        self.mean, self.text, self.config, self.step = mean.train(), text, config, 0
        self.words, self.began = words, began
        parameters = [*mean.parameters(), *text.parameters()]
        trained = [p for p in parameters if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trained, config.learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.average = {
            part: {k: v.detach().clone() for k, v in net.state_dict().items()}
            for part, net in self._parts()
        }

    def _parts(self) -> tuple[tuple[str, nn.Module], ...]:
        return (("mean", self.mean), ("text", self.text))

    def steps(self, views: SmallViews, elapsed) -> Iterator[list[float]]:
        """Until `elapsed()`, the share of the time, is 1."""
        losses: list[float] = []
        while (share := elapsed()) < 1:
            warm = min(1.0, (self.step + 1) / self.config.warmup)
            fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))
            for group in self.optimiser.param_groups:
                group["lr"] = self.config.learning_rate * warm * fall
            rng = np.random.default_rng((2, self.step))
            g = torch.Generator().manual_seed(self.step)
            loss = mean_loss(
                self.mean, self.text, views.batch(self.config.batch, rng), self.config, g
            )
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.step += 1
            decay = min(self.config.ema, (self.step + 1) / (self.step + 20))
            with torch.no_grad():
                for part, net in self._parts():
                    for name, value in net.state_dict().items():
                        if value.is_floating_point():
                            self.average[part][name].lerp_(value, 1 - decay)
            losses.append(loss.item())
            yield losses

    def load_state_dict(self, state: dict) -> None:
        self.mean.load_state_dict(state["mean"])
        self.text.load_state_dict(state["text"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.step = state["average"], state["step"]
        self.began = state["began"]

    def state_dict(self) -> dict[str, Any]:
        held = not any(p.requires_grad for p in self.text.parameters())
        return {
            "config": self.mean.config, "mean": self.mean.state_dict(), "average": self.average,
            "text": self.text.state_dict(), "optimiser": self.optimiser.state_dict(),
            "step": self.step, "words": self.words, "held": held, "began": self.began,
        }  # fmt: skip

    def save(self, run: Path) -> None:
        again = "give the same command again"
        write_state(run / MEAN_STATE, self.state_dict(), "the mean's training", again)
        log.info("step %d saved", self.step)


def mean_loss(
    mean: MeanNet,
    text: nn.Module,
    batch: tuple[Tensor, Tensor, Tensor],
    config: MeanConfig,
    g: torch.Generator,
) -> Float[Tensor, ""]:
    """Squared error of the mean pictures, in units of a denoiser's (pixels in [-1, 1])."""
    gbuffers, tokens, cameras = batch
    count = len(tokens)

    def keep(dropout: float) -> Tensor:
        return torch.rand(count, 1, generator=g) >= dropout

    worded = keep(config.text_dropout)
    known = keep(config.camera_dropout) & (worded | keep(0.5))
    with torch.autocast("cpu", torch.bfloat16):
        unlearned = ~keep(config.unlearned_words)
        shake = torch.randn(*tokens.shape, MEANING_SIZE, generator=g) * config.shaken_meanings
        words = text(tokens * worded, unlearned, shake)
        found, _ = mean(words, cameras * known)
    return 4 * F.mse_loss(centred(found.float()), centred(gbuffers))
