"""A packed prior claims the words that it was trained on, and keeps the others' meanings."""

from __future__ import annotations

from collections import Counter

import torch

from backend.guidance.word_encoder import WordTextEncoder
from backend.training.pack import (
    LEAST_VIEWS,
    LEAST_VIEWS_OF_KIND,
    knows,
    with_taught,
    words_of,
)

MANY = LEAST_VIEWS_OF_KIND


def test_words_that_were_trained_on_come_first_and_give_the_same_tokens() -> None:
    torch.manual_seed(0)
    table = torch.randint(-127, 127, (6, 8), dtype=torch.int8)
    words = ["anchor", "chair", "lantern", "red", "seat", "tower"]
    before = WordTextEncoder(words, size=16, heads=2, layers=1, taught=4, meanings=table).eval()
    after = with_taught(before, {"red", "chair"}).eval()
    assert after.taught == 2
    assert set(after.vocabulary) == set(words) and after.vocabulary[:2] == ["chair", "red"]
    with torch.no_grad():
        for prompt in (["red", "chair"], ["seat"], []):
            old, new = (e(torch.tensor([e.tokenize(prompt)])) for e in (before, after))
            assert torch.equal(old, new)
        # A word that no caption had is what its meaning alone makes of it.
        alone = before(torch.tensor([before.tokenize(["lantern"])]), torch.tensor([[True]]))
        assert torch.equal(after(torch.tensor([after.tokenize(["lantern"])])), alone)
    assert after.resemblance("lantern")[0] in ("chair", "red")


def test_a_closed_vocabulary_loses_the_words_that_it_never_saw() -> None:
    after = with_taught(WordTextEncoder(["anchor", "chair"], size=16, heads=2, layers=1), {"chair"})
    assert after.vocabulary == ["chair"] and after.meanings is None


def test_only_what_enough_views_name_is_known() -> None:
    captions = Counter(
        {
            "a red rocking horse": MANY,
            "a wooden chair": MANY // 2,
            "an old chair": MANY - MANY // 2,
            "a blue lantern": MANY - 1,
            "a teal anchor": LEAST_VIEWS - 1,
        }
    )
    found = knows(captions)
    assert found["kinds"] == ["chair", "rocking horse"]
    assert found["colours"] == ["blue", "red"]
    assert {"chair", "lantern"} <= words_of(captions) and "anchor" not in words_of(captions)
