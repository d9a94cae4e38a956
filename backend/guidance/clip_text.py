"""Prompts -> CLIP hidden states, with weights on their segments.

In: a CLIP tokenizer and text model (Radford et al. 2103.00020, as Stable Diffusion uses them) and
`Prompt`s. Out: (P, 77, D). A weight scales how far its tokens' rows lie from the empty prompt's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.guidance.components import load_text_model, load_tokenizer
from backend.prompt.parse import Prompt

logger = logging.getLogger(__name__)


@torch.no_grad()
def encode_prompts(
    tokenizer: Any, text_model: Any, prompts: list[Prompt]
) -> Float[Tensor, "P L D"]:
    """The last hidden states (final norm applied), one row of L tokens a prompt."""
    ids, scales = _tokens(tokenizer, text_model, prompts)
    return _weighted(text_model(input_ids=ids).last_hidden_state.float(), scales)


@torch.no_grad()
def encode_with_pooled(
    tokenizer: Any, text_model: Any, prompts: list[Prompt]
) -> tuple[Float[Tensor, "P L D"], Float[Tensor, "P E"]]:
    """The hidden states of the last layer but one, without the final norm, and the text's one
    vector, as SDXL (2307.01952, section 2.1) and SD3 use them. Weights are the tokens' alone."""
    ids, scales = _tokens(tokenizer, text_model, prompts)
    output = text_model(input_ids=ids, output_hidden_states=True)
    pooled = output.text_embeds if "text_embeds" in output else output.pooler_output
    return _weighted(output.hidden_states[-2].float(), scales), pooled[1:].float()


def encode_clips(
    folder: Path, kinds: Mapping[str, Any], prompts: list[Prompt]
) -> tuple[Float[Tensor, "P L D"], list[Tensor]]:
    """Hidden states of several text encoders side by side, and the vectors (P, E) of each.

    kinds: the class of each encoder by its folder's name, "text_encoder" or "text_encoder_2"; its
    tokenizer lies beside it."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    hidden, pooled = [], []
    for name, kind in kinds.items():
        place = folder / name.replace("text_encoder", "tokenizer")
        tokenizer = load_tokenizer(CLIPTokenizer, place)
        rows, vectors = encode_with_pooled(tokenizer, load_text_model(kind, folder / name), prompts)
        hidden.append(rows)
        pooled.append(vectors)
    return torch.cat(hidden, -1), pooled


def _tokens(tokenizer: Any, text_model: Any, prompts: list[Prompt]) -> tuple[Tensor, Tensor]:
    """Token ids and their weights, the empty prompt's in front."""
    length = text_model.config.max_position_embeddings
    tokenized = [_tokenize(tokenizer, prompt, length) for prompt in [Prompt(()), *prompts]]
    ids = torch.tensor([ids for ids, _ in tokenized], device=text_model.device)
    return ids, torch.tensor([scales for _, scales in tokenized], device=text_model.device)


def _weighted(hidden: Tensor, scales: Tensor) -> Tensor:
    empty, rows = hidden[:1], hidden[1:]
    return empty + scales[1:, :, None] * (rows - empty)


def _tokenize(tokenizer: Any, prompt: Prompt, length: int) -> tuple[list[int], list[float]]:
    """Token ids between the start and end tokens, padded to `length`; each one's weight."""
    ids: list[int] = []
    scales: list[float] = []
    for segment in prompt.segments:
        tokens = tokenizer(segment.text, add_special_tokens=False)["input_ids"]
        ids += tokens
        scales += [segment.weight] * len(tokens)
    room = length - 2
    if len(ids) > room:
        logger.warning("the prompt has %d tokens; those after %d are left out", len(ids), room)
    ids, scales = ids[:room], scales[:room]
    padding = room - len(ids)
    ids = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
    return ids + [tokenizer.pad_token_id] * padding, [1.0, *scales] + [1.0] * (padding + 1)
