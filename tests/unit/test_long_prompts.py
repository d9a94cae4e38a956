"""Prompts longer than a text encoder reads: our own words stay, and the user's end makes room."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoTokenizer
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from backend.cameras import turntable
from backend.guidance import clip_text, perp_neg, t5_text, texts
from backend.guidance.base import SIDE_BRANCHES, Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.mvdream import MVDreamConfig
from backend.guidance.priors import load_prior
from backend.guidance.reading import Token, fitted
from backend.guidance.richdreamer import RichDreamerConfig
from backend.prompt.parse import Prompt, parse_negative_prompt, parse_prompt
from tests.every_prior import CONFIGS
from tests.whole_words import LENGTH, LONG, SIXTY_FIVE, folders


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory):
    with folders(tmp_path_factory.mktemp("priors")) as found:
        yield found


@pytest.fixture(scope="module")
def clip_tokenizer(folder_of):
    return CLIPTokenizer.from_pretrained(folder_of("sd15") / "tokenizer")


@pytest.fixture(scope="module")
def t5_tokenizer(folder_of):
    return AutoTokenizer.from_pretrained(folder_of("deepfloyd") / "tokenizer")


def ids_of(tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


@pytest.mark.parametrize("name", ["sd15", "sd21", "sdxl", "sd3", "deepfloyd", "richdreamer"])
def test_the_sides_of_a_long_prompt_differ(name: str, folder_of) -> None:
    prior = load_prior(folder_of(name), LONG, config=CONFIGS.get(name))
    prior = prior.parts["shaded"] if name == "richdreamer" else prior
    encodings = [prior.texts, prior.pooled] if hasattr(prior, "pooled") else [prior.texts]
    wordings = ("prompt", *SIDE_BRANCHES)
    degraded, improved = (
        (name, *(f"{name} {side}" for side in SIDE_BRANCHES)) for name in ("degraded", "improved")
    )
    for rows in encodings:
        for names in (wordings, degraded, improved):
            found = [rows[texts.ROW[name]] for name in names]
            for i, row in enumerate(found):
                assert all((row - other).abs().max() > 1e-4 for other in found[:i]), names[i]


def test_what_follows_mvdreams_and_richdreamers_prompts_is_read(folder_of) -> None:
    def row(prior) -> torch.Tensor:
        return prior.texts[texts.ROW["prompt"]]

    configs = (None, MVDreamConfig(suffix=", iron asset"))
    own, other = (load_prior(folder_of("mvdream"), LONG, config=config) for config in configs)
    assert not torch.allclose(row(own), row(other))
    configs = (None, RichDreamerConfig(suffix=", iron asset"))
    own, other = (load_prior(folder_of("richdreamer"), LONG, config=config) for config in configs)
    for part in ("normal", "albedo"):
        assert not torch.allclose(row(own.parts[part]), row(other.parts[part])), part


def test_what_compares_wordings_goes_on_with_a_long_prompt(folder_of) -> None:
    prior, drawn = load_prior(folder_of("sd15"), LONG), torch.Generator().manual_seed(1)
    views, noisy = Views(turntable(4)), torch.randn(4, 4, 8, 8, generator=drawn)
    timesteps = torch.full((4,), 500)
    with torch.no_grad():
        plain, degraded = prior.denoise(noisy, timesteps, views, ("prompt", "degraded"))
        avoiding = perp_neg.PerpNeg(prior, perp_neg.Config())
        _, avoided = avoiding.denoise(noisy, timesteps, views, ("empty", "prompt"))
    assert (plain - degraded).abs().amax((1, 2, 3)).min() > 1e-5
    assert (plain - avoided).abs().max() > 1e-5
    images = torch.rand(4, 3, 16, 16, generator=drawn).requires_grad_()
    distil(prior, GuidanceConfig("sds-bridge")).loss(images, views, 0.3, drawn).backward()
    assert images.grad is not None and images.grad.abs().max() > 0


def test_clip_reads_the_appended_words_last(clip_tokenizer) -> None:
    whole = ids_of(clip_tokenizer, LONG)
    assert len(whole) == 120
    for wording in texts.wordings(parse_prompt(LONG), Prompt(()))[2:-1]:
        last, most = (
            ids_of(clip_tokenizer, "".join(s.text for s in said.segments if s.own))
            for said in (wording, wording.rival or wording)
        )
        ids, _ = clip_text._tokenize(clip_tokenizer, wording, LENGTH)
        first = whole[: LENGTH - 2 - max(len(last), len(most))]
        read = [clip_tokenizer.bos_token_id, *first, *last, clip_tokenizer.eos_token_id]
        assert ids == read + [clip_tokenizer.pad_token_id] * (LENGTH - len(read))


@pytest.mark.parametrize("words", [40, 58, 116])
def test_what_is_improved_and_degraded_says_as_much_of_the_prompt(words: int, clip_tokenizer):
    said = texts.wordings(parse_prompt("red chair " * (words // 2)), Prompt(()))
    chair = set(ids_of(clip_tokenizer, "red chair"))
    for side in ("", " front", " side", " back", " overhead"):
        ids = [
            clip_text._tokenize(clip_tokenizer, said[texts.ROW[f"{how}{side}"]], LENGTH)[0]
            for how in ("degraded", "improved")
        ]
        read = [sum(number in chair for number in some) for some in ids]
        assert 30 < read[0] == read[1] <= words, side
        assert ids[0] != ids[1]


def test_t5_reads_the_appended_words_last(t5_tokenizer) -> None:
    """The tiny one has a token for each letter, and no room for all that FAULTS says."""
    whole = ids_of(t5_tokenizer, LONG)
    for wording in texts.wordings(parse_prompt(LONG), Prompt(()))[3:7]:
        last = ids_of(t5_tokenizer, wording.text)[len(whole) :]
        ids, _ = t5_text._tokenize(t5_tokenizer, wording, LENGTH)
        assert ids == [*whole[: LENGTH - 1 - len(last)], *last, t5_tokenizer.eos_token_id]


@pytest.mark.parametrize("text", ["a red chair", "a red-oak (iron:1.0) lid, red", SIXTY_FIVE])
def test_what_fits_is_read_as_the_joined_text(text: str, clip_tokenizer, t5_tokenizer) -> None:
    checked = 0
    for wording in texts.wordings(parse_prompt(text), parse_negative_prompt("blurry, dull")):
        longest = max((wording, wording.rival or wording), key=lambda said: len(said.text))
        by_clip, by_t5 = (ids_of(t, wording.text) for t in (clip_tokenizer, t5_tokenizer))
        most, most_t5 = (len(ids_of(t, longest.text)) for t in (clip_tokenizer, t5_tokenizer))
        begin, end = clip_tokenizer.bos_token_id, clip_tokenizer.eos_token_id
        if most <= LENGTH - 2:
            padding = [clip_tokenizer.pad_token_id] * (LENGTH - 2 - len(by_clip))
            ids, _ = clip_text._tokenize(clip_tokenizer, wording, LENGTH)
            assert ids == [begin, *by_clip, end, *padding]
            checked += 1
        if most_t5 <= LENGTH - 1:
            padding = [t5_tokenizer.pad_token_id] * (LENGTH - 1 - len(by_t5))
            ids, _ = t5_text._tokenize(t5_tokenizer, wording, LENGTH)
            assert ids == [*by_t5, t5_tokenizer.eos_token_id, *padding]
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize("encoder", ["clip", "t5"])
def test_a_long_prompt_keeps_its_weights(encoder: str, request) -> None:
    tokenizer = request.getfixturevalue(f"{encoder}_tokenizer")
    tokenize = {"clip": clip_text, "t5": t5_text}[encoder]._tokenize
    prompt = parse_prompt("a (red:1.5) chair " + "(iron:0.5) oak " * 60)
    (plain, weights), (ids, scales) = (
        tokenize(tokenizer, p, LENGTH) for p in (prompt, prompt.followed_by(", side view"))
    )
    behind = len(ids_of(tokenizer, "red, side view")) - len(ids_of(tokenizer, "red")) + 1
    kept = LENGTH - behind
    assert len(ids) == len(scales) == LENGTH and set(scales) == {0.5, 1.0, 1.5}
    assert ids[:kept] == plain[:kept] and scales[:kept] == weights[:kept]
    assert scales[kept:] == [1.0] * behind and ids[-1] == tokenizer.eos_token_id


def test_our_own_words_are_cut_only_where_they_alone_are_too_many() -> None:
    def kept(marks: str, room: int) -> list[int]:
        tokens = [Token(i, 1.0, mark == "o") for i, mark in enumerate(marks)]
        return [token.number for token in fitted(tokens, room)]

    assert kept("ouuuo", 5) == [0, 1, 2, 3, 4]
    assert kept("ouuuo", 3) == [0, 1, 4]
    assert kept("ouuoo", 3) == [0, 3, 4]
    assert kept("uooo", 2) == [1, 2]
    assert kept("", 2) == []
