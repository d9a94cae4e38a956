"""Prompts at the door, weights, and the wording for each side."""

import pytest
import torch

from backend.errors import InputError
from backend.prompt.parse import parse_negative_prompt, parse_prompt, split_words
from backend.prompt.views import VIEW_WORDS, view_weights, view_wordings


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "!!! ...", "(:1.2)"])
def test_a_prompt_without_words_is_refused(text):
    with pytest.raises(InputError, match="no words"):
        parse_prompt(text)


def test_too_long_and_control_characters_are_refused():
    with pytest.raises(InputError, match="1001 characters"):
        parse_prompt("a" * 1001)
    with pytest.raises(InputError, match="control characters"):
        parse_prompt("a chair\x00")


def test_normalisation_and_words():
    prompt = parse_prompt("  A  Moss-covered\nbaker's  OVEN, cafe\u0301 ")
    assert prompt.text == "A Moss-covered baker's OVEN, caf\u00e9"
    assert prompt.words == ("a", "moss", "covered", "baker", "oven", "caf\u00e9")
    assert split_words("椅子 3 legs") == ["椅子", "3", "legs"]


def test_weights_are_parsed_and_brackets_leave_the_text():
    prompt = parse_prompt("a (rusty iron:1.3) lantern")
    assert prompt.text == "a rusty iron lantern"
    assert prompt.weighted_words == (("a", 1), ("rusty", 1.3), ("iron", 1.3), ("lantern", 1))


def test_plain_brackets_and_colons_are_text():
    assert parse_prompt("a chair (old)").text == "a chair (old)"
    assert parse_prompt("style: gothic chair").text == "style: gothic chair"


@pytest.mark.parametrize("weight", ["much", "-1", "9", "nan", ""])
def test_bad_weights_are_refused(weight):
    with pytest.raises(InputError, match="weight"):
        parse_prompt(f"a (red:{weight}) chair")


def test_a_negative_prompt_may_be_empty():
    assert parse_negative_prompt(" ").segments == ()
    assert parse_negative_prompt("blurry").words == ("blurry",)


def test_view_weights_at_and_between_the_named_sides():
    azimuth = torch.tensor([0.0, 90, -90, 180, 45, -135, 360, 10])
    elevation = torch.tensor([0.0, 0, 60, 0, 0, 0, 0, 61])
    expected = torch.tensor(
        [
            [1, 0, 0, 0],
            [0, 1, 0, 0],
            [0, 1, 0, 0],
            [0, 0, 1, 0],
            [0.5, 0.5, 0, 0],
            [0, 0.5, 0.5, 0],
            [1, 0, 0, 0],
            [0, 0, 0, 1],
        ]
    )
    torch.testing.assert_close(view_weights(azimuth, elevation), expected)


def test_view_weights_are_continuous_around_the_prop_and_sum_to_one():
    azimuth = torch.linspace(-400, 400, 4001)
    weights = view_weights(azimuth, torch.zeros_like(azimuth))
    torch.testing.assert_close(weights.sum(-1), torch.ones(len(azimuth)))
    assert (weights >= 0).all()
    assert (weights[1:] - weights[:-1]).abs().max() < 0.003  # 0.2 degrees of 90


def test_wordings_keep_the_prompts_weights():
    wordings = view_wordings(parse_prompt("a (red:1.5) chair"))
    assert [w.text for w in wordings] == [f"a red chair, {words}" for words in VIEW_WORDS]
    assert ("red", 1.5) in wordings[0].weighted_words


def test_words_of_our_own_are_told_from_the_users():
    side = view_wordings(parse_prompt("A (red:1.5) chair"))[1].followed_by(", hazy").lowered()
    marked = [(segment.text, segment.weight) for segment in side.segments if segment.own]
    assert marked == [(", side view", 1.0), (", hazy", 1.0)]
    assert [s.text for s in side.segments if not s.own] == ["a ", "red", " chair"]
