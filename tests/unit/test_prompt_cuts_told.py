"""What a prior does not read of a prompt is named, once for all its text encoders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backend.guidance.priors import PRIORS, load_prior
from backend.guidance.reading import Reading, warn_of_cuts
from backend.guidance.stable_diffusion import StableDiffusionConfig
from tests.every_prior import CONFIGS
from tests.whole_words import LENGTH, LONG, SIXTY_FIVE, TAIL, folders

ROOM = LENGTH - 2
SIDE, SUFFIX, PREFIX = 3, 4, 3  # tokens of ", front view", ", 3d asset" and "the albedo of"
READERS = [name for name, entry in PRIORS.items() if name != "embedded" and not entry.sees_image]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory):
    with folders(tmp_path_factory.mktemp("priors")) as found:
        yield found


@pytest.fixture
def said(folder_of, caplog: pytest.LogCaptureFixture):
    """Loads a prior; what it warns of."""

    def load(name: str, *prompts: str, config=None) -> list[str]:
        caplog.clear()
        load_prior(folder_of(name), *prompts, config=config or CONFIGS.get(name))
        return [r.getMessage() for r in caplog.records if r.name.startswith("backend")]

    return load


def sentence(name: str, count: int, text: str = LONG, about: str = "prompt") -> str:
    words = text.split()
    after = words[count:]
    rest = " ".join(after if len(after) <= 12 else [*after[:8], "...", *after[-4:]])
    has = f"The {about} has {len(words)} tokens"
    return f"{has}; '{name}' reads the first {count}: '{rest}' is left out."


@pytest.mark.parametrize("name", READERS)
def test_a_long_prompt_is_told_of_once(name: str, said, capfd) -> None:
    (line,) = said(name, LONG)
    assert f"'{name}'" in line and f"{TAIL}'" in line
    assert "Token indices" not in capfd.readouterr().err  # the tokenizer's own warning


@pytest.mark.parametrize("name", ["sd15", "sd21", "sdxl", "mvdream", "richdreamer"])
def test_what_is_read_whole_is_not_told_of(name: str, said) -> None:
    assert not said(name, SIXTY_FIVE, SIXTY_FIVE)


def test_a_short_prompt_is_read_whole_by_t5(said) -> None:
    assert not said("deepfloyd", "a red chair", "blurry") and not said("sd3", "a red chair")


@pytest.mark.parametrize(
    "name, read",
    [
        ("sd15", ROOM - SIDE),
        ("sdxl", ROOM - SIDE),
        ("mvdream", ROOM - SUFFIX),
        ("richdreamer", ROOM - SUFFIX - PREFIX),  # the albedo model, which reads least
    ],
)
def test_the_sentence_counts_the_users_words(name: str, read: int, said) -> None:
    assert said(name, LONG) == [sentence(name, read)]


def test_rows_that_are_not_asked_do_not_count(said) -> None:
    plain = StableDiffusionConfig(view_wording=False)
    assert said("sd15", LONG, config=plain) == [sentence("sd15", ROOM)]
    exactly = "red " * ROOM
    assert not said("sd15", exactly, config=plain)
    assert said("sd15", exactly) == [sentence("sd15", ROOM - SIDE, exactly)]


def test_the_negative_prompt_has_a_sentence_of_its_own(said) -> None:
    unwanted = "red " * 80 + TAIL
    about = sentence("sdxl", ROOM, unwanted, "negative prompt")
    assert said("sdxl", "red chair", unwanted) == [about]
    assert said("sdxl", LONG, unwanted) == [sentence("sdxl", ROOM - SIDE), about]


def test_weights_are_not_part_of_what_is_named(said) -> None:
    text = "red " * 70 + "(iron oak:1.3), (lid:0.5)"
    (line,) = said("sd15", text)  # the comma is a token, and "oak," is not read whole
    assert line == "The prompt has 74 tokens; 'sd15' reads the first 72: 'oak, lid' is left out."


def test_encoders_that_cut_differently_share_a_sentence(said) -> None:
    """The tiny T5 has a token for every letter."""
    (line,) = said("sd3", "red " * 20 + TAIL)
    begin = "'sd3' does not read all of the prompt: CLIP reads all 23 tokens, T5 reads the first "
    assert line.startswith(begin) and line.endswith(f"{TAIL}' is left out).")
    (line,) = said("sd3", LONG)
    assert "CLIP reads the first 72 of 120 tokens ('red" in line and ", T5 reads the first " in line
    assert not said("sd3", SIXTY_FIVE, config=replace(CONFIGS["sd3"], t5=False))


def test_encoders_of_one_kind_count_as_the_one_that_reads_least(caplog) -> None:
    nothing = Reading("CLIP", 0, 0, "")
    warn_of_cuts(Path("here"), [(Reading("CLIP", 9, n, "lid"), nothing) for n in (8, 7, 8)])
    assert caplog.messages == [
        "The prompt has 9 tokens; 'here' reads the first 7: 'lid' is left out."
    ]
