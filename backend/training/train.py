"""The training loop: resumable, averaged weights (EMA), a line in RUN/log.jsonl every 50 steps.

`python -m backend.training train DATA RUN --minutes M` goes on from RUN/state.pt where there is
one. Seeds are fixed by the step number: on the same shards, a resumed run draws what it would have.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from backend.checkpoint import write_state
from backend.guidance.mean_net import MeanNet
from backend.guidance.prop_conditioning import condition_vector, fold, network_inputs
from backend.neighbours import flushes_subnormals
from backend.threads import together
from backend.training import meanings
from backend.training.meanings import SIZE as MEANING_SIZE
from backend.training.meanings import WordTable
from backend.training.model import FOLD, build_scheduler, loss_weight
from backend.training.networks import Networks, adopt, adopt_words, load_mean, packed_mean
from backend.training.optimisers import Optimiser
from backend.training.pictures import compose
from backend.training.views import Views

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    batch: int = 48
    learning_rate: float = 5e-4
    warmup: int = 200
    total_steps: int = 20_000  # where the cosine decay ends
    ema: float = 0.999
    text_dropout: float = 0.12
    unlearned_words: float = 0.25  # captions read by their words' meanings alone
    shaken_meanings: float = 0.04  # standard deviation an entry; a unit vector has entries of 0.09
    camera_dropout: float = 0.05
    background_dropout: float = 0.05
    refresh_steps: int = 500  # looks for new shards this often
    device: str = "cpu"


def training_loss(
    nets: Networks,
    batch: dict[str, Tensor],
    alphas: Tensor,
    config: TrainConfig,
    levels: Tensor,
    g: torch.Generator,
) -> Tensor:
    """Weighted squared error of the predicted clean image, DDPM with x-prediction.

    levels: (B,) in [0, 1), each picture's share of the noise schedule.
    """
    device = alphas.device
    images, backgrounds, domain = compose(batch["gbuffers"].to(device), batch["up"].float(), g)
    clean = fold(images, FOLD)
    count = len(clean)
    t = (levels * len(alphas)).long().to(device)
    alpha_bar = alphas[t][:, None, None, None]
    noise = torch.randn(clean.shape, generator=g).to(device)
    noisy = alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * noise

    def keep(dropout: float) -> Tensor:
        return (torch.rand(count, 1, generator=g) >= dropout).to(device)

    text = keep(config.text_dropout)
    # Half of the pictures without words have no camera either: guidance then sharpens both.
    known = keep(config.camera_dropout) & (text | keep(0.5))
    vector = condition_vector(batch["cameras"].float().to(device), backgrounds, domain)
    camera, background, rest = vector.split([11, 4, vector.shape[1] - 15], dim=1)
    background = background * keep(config.background_dropout)
    vector = torch.cat([camera * known, background, rest], 1)
    tokens = batch["tokens"].to(device) * text
    # No cache: it would hand one thread the weights' copies in another thread's graph.
    with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
        unlearned = ~keep(config.unlearned_words)
        shake = torch.randn(*tokens.shape, MEANING_SIZE, generator=g).to(device)
        words = nets.text(tokens, unlearned, shake * config.shaken_meanings)
        noisy, labels = network_inputs(noisy, vector, words, nets.mean)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        predicted = nets.unet(noisy, t, words, class_labels=labels).sample
    error = (predicted.float() - clean).square().mean((1, 2, 3))
    return (error * loss_weight(alpha_bar[:, 0, 0, 0])).mean()


def learning_rate(step: int, config: TrainConfig) -> float:
    warm = min(1.0, (step + 1) / config.warmup)
    progress = min(1.0, step / config.total_steps)
    return config.learning_rate * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * progress)))


def train(
    data: Path,
    run: Path,
    minutes: float,
    config: TrainConfig,
    start: Path | None = None,
    mean: Path | None = None,
) -> None:
    """Trains for `minutes`, or until `config.total_steps`, and leaves RUN/state.pt.

    start: a prior's folder whose weights a new run begins with, as far as they fit, and whose mean
    it holds; mean: a run of mean_train.py, whose mean and words a new run holds instead.
    """
    run.mkdir(parents=True, exist_ok=True)
    device = torch.device(config.device)
    torch.set_flush_denormal(True)
    table = meanings.load(data)
    state = {}
    if (run / "state.pt").exists():
        state = torch.load(run / "state.pt", map_location=device, weights_only=True)
    nets = begin(table, state, start, mean).to(device)
    nets = nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = {k: v.detach().clone() for k, v in nets.state_dict().items()}
    optimiser = Optimiser(nets, config.learning_rate)
    first = 0
    if state:
        optimiser.load_state_dict(state["optimiser"])
        average, first = state["average"], state["step"]
        if first >= config.total_steps:
            log.info("trained already: %d steps", first)
            return
    alphas = build_scheduler().alphas_cumprod.to(device)
    views = Views(data, table)
    started = saved = time.monotonic()
    for step, losses in _steps(nets, average, optimiser, alphas, views, config, first):
        now = time.monotonic()
        if step % 50 == 0:
            rate = (step - first) * config.batch / (now - started)
            row = {"step": step, "loss": float(np.mean(losses[-50:])), "images_per_second": rate}
            with (run / "log.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
        done = now - started > minutes * 60 or step >= config.total_steps
        if done or now - saved > 240:
            _save(run, table, nets, optimiser, average, step)
            saved = now
        if done:
            return


def _steps(nets, average, optimiser, alphas, views, config, first) -> Iterator[tuple[int, list]]:
    losses: list[float] = []
    for step in range(first, 10**9):
        rng = np.random.default_rng((1, step))
        optimiser.set_rate(learning_rate(step, config))
        loss = _slopes(nets, views.batch(config.batch, rng), alphas, config, step)
        nn.utils.clip_grad_norm_(nets.parameters(), 1.0)
        optimiser.step()
        decay = min(config.ema, (step + 1) / (step + 20))
        with torch.no_grad():
            for name, value in nets.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - decay)
        losses.append(loss)
        if step % config.refresh_steps == 0:
            views.refresh()
        yield step + 1, losses


def _slopes(
    nets: Networks, batch: dict[str, Tensor], alphas: Tensor, config: TrainConfig, step: int
) -> float:
    """Adds the loss' gradients; returns the loss.

    On a CPU the halves of the batch go beside each other, each on half of the threads: they meet
    once a step, instead of at every operator's end, where a thread that other work has delayed
    keeps the others waiting. What is drawn does not depend on the number of threads.
    """
    count, threads = len(batch["tokens"]), torch.get_num_threads()
    middle = count if alphas.device.type != "cpu" else (count + 1) // 2
    halves = [rows for rows in (slice(0, middle), slice(middle, count)) if rows.start < rows.stop]
    levels = even_levels(count, torch.Generator().manual_seed(3 * step))
    flushes, found = flushes_subnormals(), [0.0] * len(halves)

    def part(number: int, rows: slice, threads: int) -> None:
        before = flushes_subnormals()  # this, and the number of threads, is every thread's own
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushes)
        try:
            g = torch.Generator().manual_seed(3 * step + 1 + number)
            some = {name: tensor[rows] for name, tensor in batch.items()}
            with torch.enable_grad():
                loss = training_loss(nets, some, alphas, config, levels[rows], g)
                loss = loss * ((rows.stop - rows.start) / count)
                loss.backward()
            found[number] = loss.item()
        finally:
            torch.set_flush_denormal(before)

    share = max(1, threads // len(halves))
    try:
        together([(part, number, rows, share) for number, rows in enumerate(halves)])
    finally:
        torch.set_num_threads(threads)
    return sum(found)


def even_levels(count: int, g: torch.Generator) -> Tensor:
    """(count,) in [0, 1), evenly spread from a random start: the gradient varies less than with
    levels that are each drawn by themselves."""
    return (torch.rand(1, generator=g) + torch.arange(count) / count) % 1


def begin(table: WordTable, state: dict, start: Path | None, mean: Path | None) -> Networks:
    """The networks of a checkpoint, or those of a new run."""
    if state:
        found = MeanNet(**state["mean"]) if state.get("mean") else None
        nets = Networks(table, found)
        nets.load_state_dict(state["nets"])
        return nets
    if mean is not None:
        nets = load_mean(mean, table)
    else:
        packed = None if start is None else packed_mean(start)
        nets = Networks(table, packed)
        if start is not None and packed is not None:
            adopt_words(nets.text, start)
    if start is not None:
        adopt(nets, start)
    return nets


def _save(
    run: Path, table: WordTable, nets: Networks, optimiser, average: dict[str, Tensor], step: int
) -> None:
    meanings.save(table, run)
    state = {"nets": nets.state_dict(), "optimiser": optimiser.state_dict()}
    state["mean"] = {} if nets.mean is None else nets.mean.config
    state |= {"average": average, "step": step}
    write_state(run / "state.pt", state, "the training", "give the same command again")
    log.info("step %d saved", step)
