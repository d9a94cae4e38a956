"""Prompts -> CLIP hidden states, with weights on their segments.

In: a CLIP tokenizer and text model (Radford et al. 2103.00020, as Stable Diffusion uses them) and
`Prompt`s. Out: (P, 77, D), and how much of each prompt is read (reading.py). A weight scales how
far its tokens' rows lie from the empty prompt's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.components import load_text_model, load_tokenizer
from backend.guidance.reading import PLAIN, Reading, Token, fitted, measured
from backend.guidance.texts import once
from backend.prompt.parse import Prompt

ENDS = 2  # the start token and the end token


@torch.no_grad()
def encode_prompts(
    tokenizer: Any, text_model: Any, prompts: list[Prompt]
) -> tuple[Float[Tensor, "P L D"], list[Reading]]:
    """The last hidden states (final norm applied), one row of L tokens a prompt."""
    several, places = once(prompts)
    ids, scales, readings = _tokens(tokenizer, text_model, several)
    rows = _weighted(text_model(input_ids=ids).last_hidden_state.float(), scales)
    return rows[places], [readings[place] for place in places]


@torch.no_grad()
def encode_with_pooled(
    tokenizer: Any, text_model: Any, prompts: list[Prompt]
) -> tuple[Float[Tensor, "P L D"], Float[Tensor, "P E"], list[Reading]]:
    """The hidden states of the last layer but one, without the final norm, and the text's one
    vector, as SDXL (2307.01952, section 2.1) and SD3 use them. Weights are the tokens' alone."""
    several, places = once(prompts)
    ids, scales, readings = _tokens(tokenizer, text_model, several)
    output = text_model(input_ids=ids, output_hidden_states=True)
    pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
    rows = _weighted(output.hidden_states[-2].float(), scales)
    return rows[places], pooled[1:][places].float(), [readings[place] for place in places]


def encode_clips(
    folder: Path, kinds: Mapping[str, Any], prompts: list[Prompt]
) -> tuple[Float[Tensor, "P L D"], list[Tensor], list[list[Reading]]]:
    """Hidden states of several text encoders side by side; the vectors (P, E) and readings of each.

    kinds: the class of each encoder by its folder's name, "text_encoder" or "text_encoder_2"; its
    tokenizer lies beside it."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    hidden, pooled, readings = [], [], []
    for name, kind in kinds.items():
        place = folder / name.replace("text_encoder", "tokenizer")
        tokenizer = load_tokenizer(CLIPTokenizer, place)
        model = load_text_model(kind, folder / name)
        rows, vectors, read = encode_with_pooled(tokenizer, model, prompts)
        hidden.append(rows)
        pooled.append(vectors)
        readings.append(read)
    return torch.cat(hidden, -1), pooled, readings


def _tokens(
    tokenizer: Any, text_model: Any, prompts: list[Prompt]
) -> tuple[Tensor, Tensor, list[Reading]]:
    """Token ids and their weights, the empty prompt's in front; how much is read of the others."""
    length = text_model.config.max_position_embeddings
    tokenized = [_tokenize(tokenizer, prompt, length) for prompt in [Prompt(()), *prompts]]
    ids = torch.tensor([ids for ids, _ in tokenized], device=text_model.device)
    scales = torch.tensor([scales for _, scales in tokenized], device=text_model.device)
    room = length - ENDS
    readings = [measured("CLIP", tokenizer, p, _split(tokenizer, p), room) for p in prompts]
    return ids, scales, readings


def _weighted(hidden: Tensor, scales: Tensor) -> Tensor:
    empty, rows = hidden[:1], hidden[1:]
    return empty + scales[1:, :, None] * (rows - empty)


def _tokenize(tokenizer: Any, prompt: Prompt, length: int) -> tuple[list[int], list[float]]:
    """Token ids between the start and end tokens, padded to `length`; each one's weight."""
    rivals = _split(tokenizer, prompt.rival) if prompt.rival else None
    tokens = fitted(_split(tokenizer, prompt), length - ENDS, rivals)
    padding = length - ENDS - len(tokens)
    ids = [tokenizer.bos_token_id, *(token.number for token in tokens), tokenizer.eos_token_id]
    scales = [1.0, *(token.weight for token in tokens), 1.0]
    return ids + [tokenizer.pad_token_id] * padding, scales + [1.0] * padding


def _split(tokenizer: Any, prompt: Prompt) -> list[Token]:
    return [
        Token(number, segment.weight, segment.own)
        for segment in prompt.segments
        for number in tokenizer(segment.text, **PLAIN)["input_ids"]
    ]
