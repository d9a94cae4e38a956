"""Prompts -> the embedded prior's closed vocabulary: what it knows, and what it doesn't.

In: a `Prompt` and the prior's text encoder. Out: tokens for cross-attention, and the words that
were left out, for the user to be told. No table maps one look to another.
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.guidance.prop_conditioning import MAX_WORDS, WordTextEncoder
from backend.prompt.parse import Prompt

# Words that carry no looks: not knowing them is no news to the user.
SILENT_WORDS = frozenset(
    {"a", "an", "the", "of", "with", "and", "or", "in", "on", "at", "to", "by", "for", "from"}
    | {"its", "it", "is", "that", "this", "made", "one", "some", "very"}
)


def known_words(
    prompt: Prompt, encoder: WordTextEncoder
) -> tuple[list[tuple[str, float]], list[str]]:
    """The prompt's words as the vocabulary has them, with weights, and those it has not.

    A word that isn't known as it stands is tried without its plural ending, and nothing more.
    Known words beyond MAX_WORDS have no place left and count as ignored.
    """
    known: list[tuple[str, float]] = []
    ignored: list[str] = []
    for word, weight in prompt.weighted_words:
        form = next((w for w in (word, *_singulars(word)) if w in encoder.index), None)
        if form is not None and len(known) < MAX_WORDS:
            known.append((form, weight))
        elif form is not None or word not in SILENT_WORDS:
            ignored.append(word)
    return known, ignored


def _singulars(word: str) -> list[str]:
    """What a plural may stand for: "boxes" -> "boxe", "box"; "berries" -> "berry"."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return []
    return [word[:-1], word.removesuffix("es"), word.removesuffix("ies") + "y"]


def encode_words(encoder: WordTextEncoder, words: list[tuple[str, float]]) -> Tensor:
    """Weighted known words -> (1, MAX_WORDS, size); a weight moves a word's row off the empty's."""
    with torch.no_grad():
        empty = encoder(torch.tensor([encoder.tokenize([])]))
        rows = encoder(torch.tensor([encoder.tokenize([word for word, _ in words])]))
    scales = torch.ones(rows.shape[1])
    scales[: len(words)] = torch.tensor([weight for _, weight in words])
    return empty + scales[:, None] * (rows - empty)


def examples(encoder: WordTextEncoder, count: int = 8) -> str:
    """Some of the vocabulary, for messages."""
    words = sorted(w for w in encoder.index if w not in SILENT_WORDS)
    return ", ".join(words[:: max(1, len(words) // count)][:count])
