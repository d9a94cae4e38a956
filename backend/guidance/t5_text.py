"""Prompts -> T5 hidden states (Raffel et al. 1910.10683), as DeepFloyd IF and SD3 use them.

In: a folder with tokenizer and encoder, `Prompt`s, a length. Out: (P, L, D). A weight scales how
far its tokens' rows lie from the empty prompt's. The encoder runs in bfloat16, as T5 was
trained: the published one has 4.7 billion numbers, 19 GB of main memory in fp32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.errors import PriorError
from backend.guidance.components import load_text_model, load_tokenizer
from backend.prompt.parse import Prompt


def encode_t5(
    encoder: Path, tokenizer: Path, prompts: list[Prompt], length: int, masked: bool
) -> Float[Tensor, "P L D"]:
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
def _encode(tokenizer: Any, model: Any, prompts: list[Prompt], length: int, masked: bool) -> Tensor:
    tokenized = [_tokenize(tokenizer, prompt, length) for prompt in [Prompt(()), *prompts]]
    ids = torch.tensor([ids for ids, _ in tokenized])
    scales = torch.tensor([scales for _, scales in tokenized])
    lengths = torch.tensor([_used(row, tokenizer.pad_token_id) for row, _ in tokenized])
    mask = (torch.arange(length) < lengths[:, None]).long() if masked else None
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    empty, rows = hidden[:1], hidden[1:]
    return empty + scales[1:, :, None] * (rows - empty)


def _used(ids: list[int], padding: int) -> int:
    return sum(token != padding for token in ids)


def _tokenize(tokenizer: Any, prompt: Prompt, length: int) -> tuple[list[int], list[float]]:
    """Token ids and the end token, padded or cut to `length`; each one's weight.

    The text is read whole, as its pieces depend on the spaces around them; a token has the weight
    of the segment that its last character lies in.
    """
    read = tokenizer(prompt.text, add_special_tokens=False, return_offsets_mapping=True)
    by_character = [s.weight for s in prompt.segments for _ in s.text]
    scales = [by_character[max(0, end - 1)] for _, end in read["offset_mapping"]]
    ids = [*read["input_ids"][: length - 1], tokenizer.eos_token_id]
    scales = [*scales[: length - 1], 1.0]
    padding = length - len(ids)
    return ids + [tokenizer.pad_token_id] * padding, scales + [1.0] * padding
