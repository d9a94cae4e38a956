"""The text encoder: words of the captions, words that only have a meaning, and strangers."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from backend.guidance.word_encoder import MAX_WORDS, WordTextEncoder
from backend.guidance.words import understand
from backend.prompt.parse import parse_prompt

WORDS = ["chair", "red", "settle", "quark", "the"]  # the first two are the captions'


@pytest.fixture
def encoder() -> WordTextEncoder:
    """ "settle" means almost what "chair" does; "quark" nothing like either."""
    torch.manual_seed(0)
    unit = torch.eye(16)
    rows = torch.stack([unit[0], unit[1], F.normalize(unit[0] + 0.4 * unit[2], dim=0), *unit[3:5]])
    meanings = (rows * 127).round().to(torch.int8)
    return WordTextEncoder(WORDS, size=16, heads=2, layers=1, taught=2, meanings=meanings).eval()


def test_words_are_understood_by_their_meaning(encoder) -> None:
    found = understand(parse_prompt("the red settles of quark zorp"), encoder)
    assert found.words == [("red", 1.0), ("settle", 1.0)]
    assert found.guessed == {"settles": "chair"}
    assert found.ignored == ["quark", "zorp"]


def test_without_the_learned_vector_a_near_word_reads_like_the_captions_own(encoder) -> None:
    rows = torch.tensor([encoder.tokenize([word]) for word in ("chair", "settle", "quark")])
    with torch.no_grad():
        chair, settle, quark = encoder(rows, unlearned=torch.ones(3, 1, dtype=torch.bool))[:, 0]
        learned = encoder(rows)[:, 0]
    assert (chair - settle).norm() < 0.6 * (chair - quark).norm()
    torch.testing.assert_close(learned[1:], torch.stack([settle, quark]))
    assert not torch.allclose(learned[0], chair)


def test_padding_has_no_meaning(encoder) -> None:
    empty = torch.zeros(1, MAX_WORDS, dtype=torch.long)
    shake = torch.ones(1, MAX_WORDS, 16)
    torch.testing.assert_close(encoder(empty, shake=shake), encoder(empty))


def test_saved_and_loaded_it_is_the_same(encoder, tmp_path) -> None:
    encoder.save_pretrained(tmp_path)
    again = WordTextEncoder.from_pretrained(tmp_path)
    assert again.vocabulary == WORDS and again.taught == 2
    tokens = torch.tensor([encoder.tokenize(["red", "settle"])])
    torch.testing.assert_close(again(tokens), encoder(tokens))
    assert again.resemblance("settle")[0] == "chair"


def test_a_closed_vocabulary_guesses_nothing(tmp_path) -> None:
    WordTextEncoder(["chair"], size=16, heads=2, layers=1).save_pretrained(tmp_path)
    encoder = WordTextEncoder.from_pretrained(tmp_path)
    found = understand(parse_prompt("a stool chair"), encoder)
    assert found.words == [("chair", 1.0)] and found.ignored == ["stool"] and not found.guessed
