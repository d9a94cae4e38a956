"""What a text encoder reads of a wording that is too long for it, and a sentence about the rest.

In: a wording's tokens, the encoder's room for them. Out: the tokens that are read. Wordings differ
in our own words alone (the side seen, faults), so these are read and the end of the user's makes
room; the published pipelines cut the end of it all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from backend.prompt.parse import Prompt

logger = logging.getLogger(__name__)

TEXTS = ("prompt", "negative prompt")
NAMED = (8, 4)  # words of a long rest: its first and its last
# What tokenizers are asked for: the text's own tokens, and no warning of theirs about the length.
PLAIN = {"add_special_tokens": False, "verbose": False}
_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Token:
    number: int
    weight: float
    own: bool  # of our words rather than the user's


@dataclass(frozen=True)
class Reading:
    """How much an encoder reads of the user's words in one wording."""

    encoder: str  # "CLIP" or "T5"
    tokens: int
    read: int  # the first so many of them
    left_out: str  # the words behind, a long row of them in short; "" where there are none


def fitted(tokens: list[Token], room: int, rivals: list[Token] | None = None) -> list[Token]:
    """At most `room` of them: the user's last ones go, and ours where they alone are too many.

    rivals: the tokens of another wording, with which as many of the user's are to be read.
    """
    left = room - max(sum(token.own for token in some) for some in (tokens, rivals or []))
    users = accumulate(not token.own for token in tokens)  # so many up to each
    kept = [token for token, nth in zip(tokens, users, strict=True) if token.own or nth <= left]
    return kept[:room]


def measured(
    encoder: str, tokenizer: Any, prompt: Prompt, tokens: list[Token], room: int
) -> Reading:
    """tokens: all of the prompt's, before they are `fitted`."""
    whole, read = (sum(not t.own for t in some) for some in (tokens, fitted(tokens, room)))
    left_out = _words_after(read, tokenizer, prompt) if read < whole else ""
    return Reading(encoder, whole, read, left_out)


def _words_after(read: int, tokenizer: Any, prompt: Prompt) -> str:
    """The user's words from the first of which not all tokens are read."""
    text = "".join(segment.text for segment in prompt.segments if not segment.own)
    words = _WORD.findall(text)
    split = tokenizer([word.strip() for word in words], **PLAIN)["input_ids"]
    ends = accumulate(len(tokens) for tokens in split)
    after = [word for word, end in zip(words, ends, strict=True) if end > read] or words[-1:]
    if len(after) > sum(NAMED):
        after = [*after[: NAMED[0]], "... ", *after[-NAMED[1] :]]
    return "".join(after).strip()


def warn_of_cuts(folder: Path, readings: Iterable[tuple[Reading, Reading]]) -> None:
    """One warning for each of TEXTS that is not read whole.

    folder: the prior's. readings: each encoder's, as `texts.of_the_user` gives them.
    """
    for name, of_encoders in zip(TEXTS, zip(*readings, strict=True), strict=True):
        if any(reading.left_out for reading in of_encoders):
            logger.warning("%s", _sentence(name, folder.absolute().name, of_encoders))


def _sentence(name: str, prior: str, readings: Iterable[Reading]) -> str:
    """Encoders of one kind count as the one that reads least."""
    most_first = sorted(readings, key=lambda reading: -reading.read)
    kinds = {reading.encoder: reading for reading in most_first}
    if len(kinds) == 1:
        (only,) = kinds.values()
        return (
            f"The {name} has {only.tokens} tokens; '{prior}' reads the first {only.read}: "
            f"'{only.left_out}' is left out."
        )
    parts = ", ".join(_part(kinds[encoder]) for encoder in sorted(kinds))
    return f"'{prior}' does not read all of the {name}: {parts}."


def _part(reading: Reading) -> str:
    if not reading.left_out:
        return f"{reading.encoder} reads all {reading.tokens} tokens"
    return (
        f"{reading.encoder} reads the first {reading.read} of {reading.tokens} tokens "
        f"('{reading.left_out}' is left out)"
    )
