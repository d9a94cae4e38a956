"""The prompt, checked at the door. No torch here.

In: what the user typed, for example "a (rusty:1.3) iron lantern". Out: `Prompt`: the text in
segments of equal weight, and its words. A weight scales how far a segment moves the text's
encoding away from an empty prompt's; 1 is plain, 0 takes the segment's own tokens away. What an
encoder has let other tokens know of it stays, and so does the one vector of a whole text that SDXL
and Stable Diffusion 3 read beside the tokens.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from backend.errors import InputError

MAX_CHARACTERS = 1000
MAX_WEIGHT = 3.0

# Letters or digits of any script, with an apostrophe allowed inside ("baker's").
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_WEIGHTED = re.compile(r"\(([^()]*?):\s*([^():]*)\)")
_BETWEEN = re.compile(r"[^\S ]+| {2,}")


@dataclass(frozen=True)
class Segment:
    """A run of text that carries one weight."""

    text: str
    weight: float = 1.0
    own: bool = False  # Propsmith's words rather than the user's: read where there is room for few


@dataclass(frozen=True)
class Prompt:
    """A normalised prompt. An empty tuple of segments is the empty (negative) prompt."""

    segments: tuple[Segment, ...]
    rival: Prompt | None = None  # where it leaves less room for the user's words, that is taken

    @property
    def text(self) -> str:
        """The prompt without its weights' brackets, single-spaced."""
        return "".join(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word, _ in self.weighted_words)

    @property
    def weighted_words(self) -> tuple[tuple[str, float], ...]:
        """Lower-case words in order, each with its segment's weight."""
        return tuple((w, s.weight) for s in self.segments for w in split_words(s.text))

    def followed_by(self, text: str) -> Prompt:
        """This prompt with words of our own behind it, at weight 1."""
        return Prompt((*self.segments, Segment(text, own=True)))

    def lowered(self) -> Prompt:
        """This prompt in lower case."""
        lower = tuple(replace(s, text=s.text.lower()) for s in self.segments)
        return Prompt(lower, self.rival and self.rival.lowered())


def split_words(text: str) -> list[str]:
    """Lower-case words; hyphens part them, and a possessive's 's is dropped."""
    words = (m.group().lower().replace("\u2019", "'") for m in _WORD.finditer(text))
    return [word.removesuffix("'s") for word in words]


def parse_prompt(text: str) -> Prompt:
    """Raises InputError where there is nothing to make, or a weight can't be read."""
    prompt = _parse(text, "prompt")
    if not prompt.words:
        raise InputError(
            f"The prompt {_shown(text)} has no words; "
            'describe one prop, for example "a red wooden chair".'
        )
    return prompt


def parse_negative_prompt(text: str) -> Prompt:
    """As `parse_prompt`, but it may be empty."""
    return _parse(text, "negative prompt")


def _parse(text: str, name: str) -> Prompt:
    text = _normalise(text, name)
    segments, end = [], 0
    for match in _WEIGHTED.finditer(text):
        segments.append(Segment(text[end : match.start()]))
        segments.append(Segment(match.group(1), _weight(match.group(2), name)))
        end = match.end()
    segments.append(Segment(text[end:]))
    return Prompt(tuple(segment for segment in segments if segment.text))


def _normalise(text: str, name: str) -> str:
    """NFC, one space between words, none at the ends."""
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"The {name} has {len(text)} characters; {MAX_CHARACTERS} are the most, "
            "and a short one works better."
        )
    text = _BETWEEN.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise InputError(f"The {name} {_shown(text)} has control characters; remove them.")
    return text


def _weight(text: str, name: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= MAX_WEIGHT:
        raise InputError(
            f"The weight '{text}' in the {name} must be a number from 0 to {MAX_WEIGHT:g}, "
            'as in "(rusty:1.3)".'
        )
    return weight


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
