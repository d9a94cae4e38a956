"""Prompts -> T5 hidden states (Raffel et al. 1910.10683), as DeepFloyd IF and SD3 use them.

In: a folder with tokenizer and encoder, `Prompt`s, a length. Out: (P, L, D), and how much of each
prompt is read (reading.py). A weight scales how far its tokens' rows lie from the empty prompt's.
The encoder runs in bfloat16, as T5 was trained: the published one has 4.7 billion numbers, 19 GB of
main memory in fp32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.errors import PriorError
from backend.guidance.components import load_text_model, load_tokenizer
from backend.guidance.reading import PLAIN, Reading, Token, fitted, measured
from backend.guidance.texts import once
from backend.prompt.parse import Prompt


def encode_t5(
    encoder: Path, tokenizer: Path, prompts: list[Prompt], length: int, masked: bool
) -> tuple[Float[Tensor, "P L D"], list[Reading]]:
    """masked: padding isn't attended to (IF); SD3 attends to it."""
    from transformers import AutoTokenizer
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    return _encode(
        load_tokenizer(_Readable(AutoTokenizer), tokenizer),
        load_text_model(T5EncoderModel, encoder, torch.bfloat16),
        prompts,
        length,
        masked,
    )


class _Readable:
    """A tokenizer's class whose want of sentencepiece is told in one sentence."""

    def __init__(self, kind: Any):
        self.kind = kind

    def from_pretrained(self, folder: Path, **options: Any) -> Any:
        try:
            return self.kind.from_pretrained(folder, **options)
        except ImportError as error:
            raise PriorError(
                f"Reading the tokenizer in '{folder}' needs sentencepiece and protobuf: "
                "pip install 'propsmith[t5]'."
            ) from error


@torch.no_grad()
def _encode(
    tokenizer: Any, model: Any, prompts: list[Prompt], length: int, masked: bool
) -> tuple[Tensor, list[Reading]]:
    several, places = once(prompts)
    tokenized = [_tokenize(tokenizer, prompt, length) for prompt in [Prompt(()), *several]]
    ids = torch.tensor([ids for ids, _ in tokenized])
    scales = torch.tensor([scales for _, scales in tokenized])
    lengths = torch.tensor([_used(row, tokenizer.pad_token_id) for row, _ in tokenized])
    mask = (torch.arange(length) < lengths[:, None]).long() if masked else None
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    empty, rows = hidden[:1], hidden[1:]
    readings = [measured("T5", tokenizer, p, _split(tokenizer, p), length - 1) for p in several]
    rows = empty + scales[1:, :, None] * (rows - empty)
    return rows[places], [readings[place] for place in places]


def _used(ids: list[int], padding: int) -> int:
    return sum(token != padding for token in ids)


def _tokenize(tokenizer: Any, prompt: Prompt, length: int) -> tuple[list[int], list[float]]:
    """Token ids and the end token, padded or cut to `length`; each one's weight."""
    rivals = _split(tokenizer, prompt.rival) if prompt.rival else None
    tokens = fitted(_split(tokenizer, prompt), length - 1, rivals)
    padding = length - 1 - len(tokens)
    ids = [*(token.number for token in tokens), tokenizer.eos_token_id]
    scales = [*(token.weight for token in tokens), 1.0]
    return ids + [tokenizer.pad_token_id] * padding, scales + [1.0] * padding


def _split(tokenizer: Any, prompt: Prompt) -> list[Token]:
    """The text is read whole, as its pieces depend on the spaces around them; a token is of the
    segment that its last character lies in."""
    read = tokenizer(prompt.text, return_offsets_mapping=True, **PLAIN)
    by_character = [segment for segment in prompt.segments for _ in segment.text]
    segments = [by_character[max(0, end - 1)] for _, end in read["offset_mapping"]]
    return [
        Token(number, segment.weight, segment.own)
        for number, segment in zip(read["input_ids"], segments, strict=True)
    ]
