"""Averaged weights of a run -> a prior folder in diffusers' layout, half precision.

A run's table of words holds those of all captions that there could be. A run on some of the kinds
leaves the others' vectors as they began, so pack counts the captions that were trained on: words
that they lack keep their meaning alone, and only kinds that they name are called known.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.guidance.base import DOMAINS
from backend.guidance.mean_net import MEAN, MeanNet
from backend.guidance.word_encoder import WordTextEncoder
from backend.training import imported_kinds, meanings, props
from backend.training.adjectives import FIGURES, FINISHES
from backend.training.looks import COLOURS, MATERIALS
from backend.training.model import FOLD, IMAGE_SIZE, build_scheduler
from backend.training.networks import Networks

MODEL_INDEX = {
    "_class_name": "PropPriorPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDPMScheduler"],
    "text_encoder": ["backend.guidance.word_encoder", "WordTextEncoder"],
    "fold": FOLD,
    "image_size": IMAGE_SIZE,
    "domains": list(DOMAINS),
    "guidance_scale": 5.0,
}


LEAST_VIEWS = 20  # that name a word, before it counts as learned
LEAST_VIEWS_OF_KIND = 200  # likewise a kind: a shape needs more views than a colour


def pack(run: Path, folder: Path, data: Path) -> None:
    """Writes `folder`/{model_index.json, unet, scheduler, text_encoder, mean} from `run`/state.pt,
    the last where the run has one.

    data: what the run was trained on, for the words that it saw.
    """
    state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
    mean = MeanNet(**state["mean"]) if state.get("mean") else None
    nets = Networks(meanings.load(run), mean)
    nets.load_state_dict(state["average"])
    nets.half()
    unet: Any = nets.unet
    folder.mkdir(parents=True, exist_ok=True)
    unet.save_pretrained(folder / "unet")
    build_scheduler().save_pretrained(folder / "scheduler")
    captions = captions_of(data)
    encoder = with_taught(nets.text, words_of(captions))
    encoder.half().save_pretrained(folder / "text_encoder")
    parts = dict(MODEL_INDEX)
    shutil.rmtree(folder / MEAN, ignore_errors=True)
    if mean is not None:
        mean.save_pretrained(folder / MEAN)
        parts[MEAN] = ["backend.guidance.mean_net", "MeanNet"]
    content = {**parts, "training_steps": state["step"], "knows": knows(captions)}
    text = json.dumps(content, indent=1)
    (folder / "model_index.json").write_text(text + "\n")


def captions_of(data: Path) -> Counter[str]:
    """How many views of the shards have each caption; every wording of a view counts."""
    found: Counter[str] = Counter()
    for shard in sorted(data.glob("shard-*.npz")):
        with np.load(shard) as arrays:
            found.update(caption.decode() for row in arrays["captions"] for caption in row)
    return found


def words_of(captions: Counter[str]) -> set[str]:
    views: Counter[str] = Counter()
    for caption, count in captions.items():
        views.update(dict.fromkeys(caption.split(), count))
    return {word for word, count in views.items() if count >= LEAST_VIEWS}


def with_taught(encoder: WordTextEncoder, seen: set[str]) -> WordTextEncoder:
    """The encoder with the words of `seen` first; the others of the table keep their meaning."""
    taught = [w for w in encoder.vocabulary[: encoder.taught] if w in seen]
    words = taught + [w for w in encoder.vocabulary if w not in seen]
    rows = torch.tensor([0] + [encoder.index[w] for w in words])
    table = None if encoder.meanings is None else encoder.meanings[rows[1:]]
    if table is None:
        words, rows = taught, rows[: len(taught) + 1]
    config = {**encoder.config, "taught": len(taught)}
    fresh = WordTextEncoder(words, meanings=table, **config)
    state = encoder.state_dict()
    state["words.weight"] = state["words.weight"][rows[: len(taught) + 1]]
    if table is not None:
        state["meanings"] = state["meanings"][rows]
    fresh.load_state_dict(state)
    return fresh


def knows(captions: Counter[str]) -> dict[str, list[str]]:
    """What the captions name, for users to read: kinds, colours, materials, other looks."""
    kinds = {*props.KINDS, *imported_kinds.KINDS} - set(imported_kinds.HELD_OUT)
    lists = {
        "kinds": kinds,
        "colours": COLOURS,
        "materials": MATERIALS,
        "looks": [*FINISHES, *FIGURES],
    }
    least = {"kinds": LEAST_VIEWS_OF_KIND}
    return {k: _named(names, captions, least.get(k, LEAST_VIEWS)) for k, names in lists.items()}


def _named(names: Iterable[str], captions: Counter[str], least: int) -> list[str]:
    """Those that `least` views name; "rocking horse" names no horse."""
    views: Counter[str] = Counter()
    patterns = {name: f" {name} " for name in names}
    for caption, count in captions.items():
        text = f" {caption} "
        found = [pattern for pattern in patterns.values() if pattern in text]
        longest = [p for p in found if not any(p in other for other in found if other != p)]
        views.update(dict.fromkeys(longest, count))
    return sorted(name for name, pattern in patterns.items() if views[pattern] >= least)
