"""The shards of a folder in memory, and random batches of their views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from backend.guidance.word_encoder import MAX_WORDS
from backend.training.meanings import WordTable


class Views:
    """The shards of a folder in memory; new ones are picked up while training."""

    def __init__(self, folder: Path, table: WordTable):
        self.folder = folder
        self.index = {word: i + 1 for i, word in enumerate(table.words)}
        self.seen: set[Path] = set()
        self.arrays: list[dict[str, np.ndarray]] = []
        self.refresh()

    def refresh(self) -> None:
        for path in shard_files(self.folder):
            if path not in self.seen:
                self.seen.add(path)
                with np.load(path) as shard:
                    arrays = {k: shard[k] for k in ("gbuffers", "cameras", "up")}
                    self.arrays.append(
                        arrays | {"tokens": read_tokens(shard["captions"], self.index)}
                    )

    def batch(self, size: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """`size` random views; one wording each."""
        shard = rng.integers(len(self.arrays), size=size)
        row = rng.random(size)
        pairs = [(s, int(r * len(self.arrays[s]["up"]))) for s, r in zip(shard, row, strict=True)]
        out = {
            name: np.stack([self.arrays[s][name][r] for s, r in pairs]) for name in self.arrays[0]
        }
        wording = rng.integers(out["tokens"].shape[1], size=size)
        out["tokens"] = out["tokens"][np.arange(size), wording].astype(np.int64)
        return {name: torch.from_numpy(a) for name, a in out.items()}


def shard_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*.npz"))


def read_tokens(captions: np.ndarray, index: dict[str, int]) -> np.ndarray:
    """(n, W) bytes -> (n, W, MAX_WORDS) uint16; words that `index` lacks are left out."""
    texts, place = np.unique(captions, return_inverse=True)
    rows = np.zeros((len(texts), MAX_WORDS), np.uint16)
    for row, text in zip(rows, texts, strict=True):
        known = [index[w] for w in text.decode().split() if w in index]
        row[: len(known)] = known[:MAX_WORDS]
    return rows[place.reshape(captions.shape)]
