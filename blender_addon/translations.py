"""The add-on's texts in other languages, one file of languages/ each.

In: a file LANGUAGE.txt of pairs of lines, an English text and below it the other. Out: Blender
shows that one to users of the language. A text that is missing stays English; a test finds every
literal that is shown, and says which the files lack.

Sentences with values in them ("'chair' has no faces") reach the panel as plain text, through
exceptions, properties and the wire. `told` finds the text that one was made from, "'{}' has no
faces", and translates that.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

FOLDER = Path(__file__).parent / "languages"
CONTEXTS = ("*", "Operator")  # Blender looks up operators' names in a context of their own


def n_(text: str) -> str:
    """Marks a literal that is translated where it is drawn."""
    return text


def read_texts(path: Path) -> dict[str, str]:
    """English -> the other. Raises ValueError for a line that has no partner."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line]
    return dict(zip(lines[::2], lines[1::2], strict=True))


def tables() -> dict[str, dict[tuple[str, str], str]]:
    """As bpy.app.translations.register wants them."""
    return {
        path.stem: {
            (context, text): other
            for context in CONTEXTS
            for text, other in read_texts(path).items()
        }
        for path in sorted(FOLDER.glob("*.txt"))
    }


def told(sentence: str) -> str:
    """The user's language, of a sentence that may have values in it."""
    if (found := rpt_(sentence)) != sentence:
        return found
    for text, pattern in _patterns():
        if rpt_(text) != text and (match := pattern.fullmatch(sentence)):
            return rpt_(text).format(*map(told, match.groups()))
    return sentence


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Of the texts that take values, those first that say most."""
    texts = {text for path in FOLDER.glob("*.txt") for text in read_texts(path) if "{}" in text}
    order = sorted(texts, key=lambda text: (-len(text), text))
    return [
        (text, re.compile("(.+?)".join(map(re.escape, text.split("{}"))), re.DOTALL))
        for text in order
    ]


def register() -> None:
    bpy.app.translations.register(__package__, tables())


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
