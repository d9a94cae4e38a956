"""Tiny priors whose CLIP has a token for each of WORDS, as the published one has for most words.

In: a folder. Out: `folder_of`, by name the folder of one of every_prior.WRITERS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from backend.guidance import texts
from backend.prompt.parse import split_words
from backend.prompt.views import VIEW_WORDS
from tests import tiny_models
from tests.every_prior import WRITERS
from tests.tiny_models import write_json

LENGTH = 77
OURS = (*VIEW_WORDS, "asset the albedo of", texts.FAULTS, texts.VIRTUES, texts.POOR)
WORDS = ("red", "chair", "iron", "oak", "lid", *split_words(" ".join(OURS)))
TAIL = "iron oak lid"
LONG = "red chair " * 58 + "red " + TAIL  # 120 words
SIXTY_FIVE = "red " * 64 + "chair"


@contextmanager
def folders(root: Path) -> Iterator[Callable[[str], Path]]:
    write = tiny_models.write_tokenizer

    def write_more(folder: Path, *options: Any, **named: Any) -> dict[str, int]:
        return _add_words(folder, list(write(folder, *options, **named)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_models, "write_tokenizer", write_more)
        yield cache(lambda name: WRITERS[name](root / name))


def _add_words(folder: Path, tokens: list[str]) -> dict[str, int]:
    """A tokenizer that builds words up from their beginnings, and knows its length as published
    ones do; the two special tokens stay the last."""
    merges = list(dict.fromkeys(merge for word in WORDS for merge in _merges(word)))
    more = [*(c + end for c in "3-" for end in ("", "</w>")), *(m.replace(" ", "") for m in merges)]
    vocabulary = {
        token: i for i, token in enumerate(dict.fromkeys([*tokens[:-2], *more, *tokens[-2:]]))
    }
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    config = folder / "tokenizer_config.json"
    write_json(config, {**json.loads(config.read_text()), "model_max_length": LENGTH})
    return vocabulary


def _merges(word: str) -> list[str]:
    """Those of "red": "r e", "re d</w>"."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    return [f"{''.join(pieces[:i])} {pieces[i]}" for i in range(1, len(pieces))]
