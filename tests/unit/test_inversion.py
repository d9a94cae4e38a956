"""Looks that a picture adds to a prompt: learned, resumed, left alone where the words have them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from backend.cameras import turntable
from backend.errors import Interrupted
from backend.guidance.base import Views
from backend.guidance.inversion import Inversion, InversionConfig, Reworded, prop_color
from backend.guidance.priors import load_prior
from backend.job import Job, RunFiles, new_context
from backend.loop import Progress
from backend.pipeline import generate
from backend.reference.picture import Reference, load_reference
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded

CONFIG = InversionConfig(batch=4)


@pytest.fixture(scope="module")
def green_mug(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    picture = Image.new("RGB", (200, 160), (240, 240, 240))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((125, 55, 165, 105), outline=(20, 120, 30), width=9)
    draw.rectangle((60, 40, 135, 130), fill=(30, 150, 40))
    path = tmp_path_factory.mktemp("picture") / "mug.png"
    picture.save(path)
    return load_reference(path, 10.0)


def inversion(prompt: str, reference: Reference) -> Inversion:
    prior = load_prior("embedded", prompt)
    assert isinstance(prior, Reworded)
    return Inversion(prior, reference, CONFIG, torch.Generator().manual_seed(0))


def from_behind(prior: Reworded) -> torch.Tensor:
    """The mean colour that the prior sees from behind in noise, of what is in the middle, (3,)."""
    noise = torch.randn(4, 48, 16, 16, generator=torch.Generator().manual_seed(1))
    views = Views(turntable(4, 10.0)[[2] * 4], "albedo", torch.full((4, 3), 0.6))
    with torch.no_grad():
        (guess,) = prior.denoise(noise, torch.full((4,), 980), views, ("prompt",))
    return prior.pictures(guess)[:, :, 24:44, 24:44].mean((0, 2, 3))


def test_the_side_that_the_picture_hides_takes_its_colour(green_mug: Reference) -> None:
    learned = inversion("a mug", green_mug)
    red, green, blue = from_behind(learned.prior)
    for index in range(learned.steps):
        learned.step(index)
    assert learned.taken_for() in ("green", "lime", "dark green")
    after = from_behind(learned.prior)
    assert after[1] - after[[0, 2]].max() > green - max(red, blue) + 0.05


def test_a_picture_of_two_colours_is_one_of_them_and_no_mixture(tmp_path) -> None:
    """A red prop with a blue lid, smaller than the prior's: by the denoising error it was grey."""
    picture = Image.new("RGB", (200, 200), (240, 240, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((75, 60, 125, 150), fill=(190, 30, 30))
    draw.rectangle((70, 40, 130, 66), fill=(40, 50, 150))
    picture.save(tmp_path / "backpack.png")
    learned = inversion("a backpack", load_reference(tmp_path / "backpack.png"))
    torch.testing.assert_close(
        learned.color, torch.tensor([190.0, 30, 30]) / 255, atol=0.05, rtol=0
    )
    for index in range(learned.steps):
        learned.step(index)
    assert learned.taken_for() in ("red", "maroon", "orange")


def test_a_prop_s_colour_is_told_from_its_background_s() -> None:
    drawn = torch.Generator().manual_seed(0)
    backgrounds = torch.rand(16, 3, generator=drawn)
    for cover in (0.1, 0.3, 0.9):
        color = torch.tensor([0.7, 0.2, 0.1])
        means = cover * color + (1 - cover) * backgrounds
        means = means + 0.002 * torch.randn(16, 3, generator=drawn)
        torch.testing.assert_close(prop_color(means, backgrounds), color, atol=0.03, rtol=0)


def test_a_colour_that_the_words_name_stays(green_mug: Reference) -> None:
    prior = inversion("a red mug", green_mug).prior
    assert prior.looks == ("",) and torch.equal(prior.said, prior.wordings)


def test_words_as_good_as_any_other_are_left_alone(green_mug: Reference) -> None:
    learned = inversion("a mug", green_mug)
    learned.load_state_dict({"distances": torch.linspace(0.30, 0.26, learned.steps)})
    assert learned.taken_for() == "" and torch.equal(learned.prior.said, learned.prior.wordings[:1])
    learned.load_state_dict({"distances": torch.linspace(0.30, 0.20, learned.steps)})
    assert learned.taken_for() == learned.prior.looks[-1]


def test_taken_up_again_it_says_the_same_to_the_bit(green_mug: Reference) -> None:
    whole = inversion("a mug", green_mug)
    for index in range(12):
        whole.step(index)
    first = inversion("a mug", green_mug)
    for index in range(5):
        first.step(index)
    second = inversion("a mug", green_mug)
    second.load_state_dict(first.state_dict())
    second.generator.set_state(first.generator.get_state())
    assert torch.equal(second.prior.said, first.prior.said)
    for index in range(5, 12):
        second.step(index)
    assert torch.equal(second.prior.said, whole.prior.said)
    assert torch.equal(second.distances, whole.distances)


def test_a_run_stopped_among_the_words_ends_where_the_undisturbed_one_does(
    green_mug: Reference, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write_embedded(tmp_path / "prior")
    index = json.loads((folder / "model_index.json").read_text())
    index["knows"] = {"colours": ["red", "blue"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    picture = tmp_path_factory.getbasetemp() / "green.png"
    Image.new("RGB", (64, 64), (240, 240, 240)).save(picture)
    shown = Image.open(picture)
    ImageDraw.Draw(shown).rectangle((20, 16, 44, 50), fill=(30, 150, 40))
    shown.save(picture)
    config = replace(TINY, gaussians=replace(TINY.gaussians, steps=3))
    job = Job("a chair", prior=str(folder), config=config, image=picture)

    def run(place: Path, resume: bool = False, stop_after: int | None = None) -> bytes:
        place.mkdir(exist_ok=True)
        reached: list[int] = []

        def progress(news: Progress) -> None:
            if news.stage == "picture":
                reached.append(news.step)

        files = RunFiles(place / "prop.glb", place / "checkpoint", resume)
        stop = partial(lambda: stop_after in reached)
        context = new_context(job, torch.device("cpu"), progress, stop)
        return generate(job, files, context).files[0].read_bytes()

    whole = run(tmp_path / "whole")
    for steps in (1, 2):
        with pytest.raises(Interrupted):
            run(tmp_path / "parts", resume=steps > 1, stop_after=steps)
    assert run(tmp_path / "parts", resume=True) == whole


def test_a_prompt_as_long_as_the_prior_reads_has_no_room_for_looks() -> None:
    prior = load_prior("embedded", " ".join(["old", "big", "small", "wooden", "chair"] * 2))
    assert isinstance(prior, Reworded)
    assert prior.looks == ("",) and torch.equal(prior.wordings, prior.said)


def test_the_prompt_as_it_stands_is_the_first_wording() -> None:
    prior = load_prior("embedded", "a mug")
    assert isinstance(prior, Reworded)
    assert len(prior.looks) == len(prior.wordings) > 12
    assert len(set(prior.looks)) == len(prior.looks)
    assert torch.equal(prior.wordings[:1], prior.said)
