"""Prompts -> the embedded prior's words: what it knows, what it guesses, and what it doesn't.

In: a `Prompt` and the prior's text encoder. Out: tokens for cross-attention, and the words that
were guessed at or left out, for the user to be told. No table maps one look to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.guidance.word_encoder import MAX_WORDS, RESEMBLANCE, WordTextEncoder
from backend.prompt.parse import Prompt

# Words that carry no looks: not knowing them is no news to the user.
SILENT_WORDS = frozenset(
    {"a", "an", "the", "of", "with", "and", "or", "in", "on", "at", "to", "by", "for", "from"}
    | {"its", "it", "is", "that", "this", "made", "one", "some", "very"}
)


@dataclass(frozen=True)
class Understood:
    """What a text encoder makes of a prompt's words."""

    words: list[tuple[str, float]]  # as the table has them, with weights
    guessed: dict[str, str]  # words that training never saw -> the captions' word they resemble
    ignored: list[str]


def understand(prompt: Prompt, encoder: WordTextEncoder) -> Understood:
    """The prompt's words by what the encoder knows of them.

    A word that isn't known as it stands is tried without its plural ending. One that training
    never saw counts where its meaning resembles a word of the captions (RESEMBLANCE). Words
    beyond MAX_WORDS have no place left and count as ignored.
    """
    found = Understood([], {}, [])
    for word, weight in prompt.weighted_words:
        form, like = _closest(word, encoder)
        if form and len(found.words) < MAX_WORDS:
            found.words.append((form, weight))
            if like != form:
                found.guessed[word] = like
        elif form or word not in SILENT_WORDS:
            found.ignored.append(word)
    return found


def _closest(word: str, encoder: WordTextEncoder) -> tuple[str, str]:
    """The form of `word` that resembles one of the captions' most, and that one; or "", ""."""
    if word in SILENT_WORDS and word not in encoder.vocabulary[: encoder.taught]:
        return "", ""
    forms = {form: encoder.resemblance(form) for form in (word, *_singulars(word))}
    form = max(forms, key=lambda f: forms[f][1])
    like, cosine = forms[form]
    return (form, like) if cosine >= RESEMBLANCE else ("", "")


def _singulars(word: str) -> list[str]:
    """What a plural may stand for: "boxes" -> "boxe", "box"; "berries" -> "berry"."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return []
    return [word[:-1], word.removesuffix("es"), word.removesuffix("ies") + "y"]


def encode_words(encoder: WordTextEncoder, *prompts: list[tuple[str, float]]) -> Tensor:
    """K prompts of weighted known words -> (K, MAX_WORDS, size); a weight moves a word's row off
    the empty prompt's."""
    tokens = [encoder.tokenize([word for word, _ in words]) for words in ([], *prompts)]
    with torch.no_grad():
        empty, rows = encoder(torch.tensor(tokens)).split([1, len(prompts)])
    scales = torch.ones(len(prompts), rows.shape[1], 1)
    for row, words in enumerate(prompts):
        scales[row, : len(words), 0] = torch.tensor([weight for _, weight in words])
    return empty + scales * (rows - empty)


def looks_added(
    words: list[tuple[str, float]], knows: Mapping[str, Sequence[str]], encoder: WordTextEncoder
) -> tuple[tuple[str, ...], Tensor]:
    """Looks that the words could have beside them, "" first, and the encodings (K, MAX_WORDS, size)
    of the words with each: of the colours that a prior knows (its model_index.json), where the
    words name none already and leave room. Materials are not among them: a picture's colours do
    not tell them."""
    said = {word for word, _ in words}
    listed = list(knows.get("colours", ()))
    looks = [""]
    if said.isdisjoint(part for look in listed for part in look.split()):
        looks += [look for look in listed if len(look.split()) + len(words) <= MAX_WORDS]
    worded = [[(part, 1.0) for part in look.split()] + words for look in looks]
    return tuple(looks), encode_words(encoder, *worded)


def examples(encoder: WordTextEncoder, count: int = 8) -> str:
    """Some of the vocabulary, for messages."""
    words = sorted(w for w in encoder.vocabulary[: encoder.taught] if w not in SILENT_WORDS)
    return ", ".join(words[:: max(1, len(words) // count)][:count])
