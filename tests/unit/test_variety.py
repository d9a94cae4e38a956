"""Training props that keep to their kind's usual form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.errors import InputError
from backend.training import data
from backend.training.kinds import Uniform
from backend.training.looks import COLOURS, PATTERNS, USUAL_SCALES, plain, usual
from backend.training.props import KINDS, sample_prop
from backend.training.slots import ACCENTS, own_colour, slot_looks


@pytest.mark.parametrize("variety", [1.0, 0.3, 0.0])
def test_proportions_come_from_around_the_middle_of_their_range(variety: float) -> None:
    u = Uniform(np.random.default_rng(0), variety)
    drawn = np.array([u(2, 6) for _ in range(2000)])
    assert abs(drawn - 4).max() <= 2 * variety + 1e-9
    assert abs(drawn - 4).max() >= 1.98 * variety
    strewn = np.array([u.anywhere(2, 6) for _ in range(2000)])
    assert strewn.min() < 2.02 and strewn.max() > 5.98


def test_what_is_strewn_lies_in_one_way_and_nothing_turns() -> None:
    def draws(variety: float, seed: int) -> tuple[list[float], list[float]]:
        u = Uniform(np.random.default_rng(seed), variety)
        return [u.anywhere(0, 9) for _ in range(5)], [u.turn(90) for _ in range(200)]

    assert draws(0.3, 0)[0] == draws(0.3, 1)[0]
    assert draws(1.0, 0)[0] != draws(1.0, 1)[0]
    assert np.ptp(draws(0.3, 0)[1]) < 0.027 * 90 <= 0.9 * 90 < np.ptp(draws(1.0, 0)[1])


def test_a_choice_is_made_as_it_mostly_is() -> None:
    u = Uniform(np.random.default_rng(0), 0.3)
    assert not any(u(0, 1) < 0.3 for _ in range(200))
    assert all(u(0, 1) < 0.7 for _ in range(200))
    assert all(u(0, 1) < 0.5 for _ in range(200))  # even chances: the first
    free = Uniform(np.random.default_rng(0))
    assert np.mean([free(0, 1) < 0.3 for _ in range(4000)]) == pytest.approx(0.3, abs=0.03)


def test_a_number_of_things_is_mostly_the_middle_one() -> None:
    free, usual_ = (Uniform(np.random.default_rng(0), variety) for variety in (1.0, 0.3))
    assert {free.count(5, 8) for _ in range(400)} == {5, 6, 7, 8}
    assert {usual_.count(5, 8) for _ in range(400)} == {6}
    assert {usual_.count(1, 3) for _ in range(400)} == {2}


@pytest.mark.parametrize("kind", KINDS)
def test_without_variety_a_kind_has_one_shape(kind: str) -> None:
    shapes = [sample_prop(kind, np.random.default_rng(seed), 0.0) for seed in (1, 2)]
    np.testing.assert_allclose(shapes[0].vertices, shapes[1].vertices, atol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_lie_in_one_way_below_variety_one(pattern: str) -> None:
    rng = np.random.default_rng(0)

    def drawn(variety: float, low: float, high: float) -> np.ndarray:
        look = replace(plain((0.5, 0.4, 0.3)), pattern=pattern)
        looks = [replace(look, scale=float(rng.uniform(low, high))) for _ in range(50)]
        return np.stack([look.lying(rng, variety)[-2:] for look in looks])

    least, most = USUAL_SCALES[pattern] - 1, USUAL_SCALES[pattern] + 1
    settled, free = drawn(0.2, least, most), drawn(1.0, least, most)
    assert np.ptp(settled[:, 1]) == 0 and np.ptp(settled[:, 0]) < 0.09
    assert np.ptp(free[:, 1]) > 8 and np.ptp(free[:, 0]) > 1.5


def test_stripes_are_where_they_were_on_another_prop() -> None:
    def pictures(variety: float) -> np.ndarray:
        made = [sample_prop("umbrella", np.random.default_rng(seed), variety) for seed in range(60)]
        return np.stack([p.looks[0, -2:] for p in made if p.figure == "striped"])

    assert len(pictures(0.2)) > 3
    assert np.ptp(np.round(pictures(0.2)[:, 0])) == 0
    assert np.ptp(np.round(pictures(1.0)[:, 0])) > 0


def test_the_first_option_is_the_usual_one() -> None:
    rng = np.random.default_rng(0)
    options = ("green", "blue", "red")
    first = np.mean([usual(options, rng, 0.3) == "green" for _ in range(3000)])
    assert first == pytest.approx(0.7 + 0.3 / 3, abs=0.03)
    even = np.mean([usual(options, rng) == "green" for _ in range(3000)])
    assert even == pytest.approx(1 / 3, abs=0.03)


def test_slots_without_a_natural_look_have_their_kinds_own_colour() -> None:
    rng = np.random.default_rng(0)
    for kind in ("chair", "soda can", "helmet"):
        main = KINDS[kind].colours[0]
        wanted = own_colour("accent", kind, main)
        assert wanted in ACCENTS and wanted != main
        looks = slot_looks(plain((0.5, 0.5, 0.5)), rng, usually=(kind, main, 0.0))
        near = np.abs(np.array(looks("accent").colour_a) - COLOURS[wanted]).max()
        assert near < 0.15
    assert own_colour("mane", "horse", "brown") == "dark brown"
    assert len({own_colour(f"book{i}", "bookshelf", "brown") for i in range(6)}) == 6
    assert len({own_colour("accent", kind, "brown") for kind in KINDS}) > 3


def test_every_kind_has_colours_of_its_own() -> None:
    assert all(spec.colours for spec in KINDS.values())


def test_training_data_is_as_varied_as_it_is_asked_to_be() -> None:
    rng = np.random.default_rng(0)
    config = data.DataConfig(kinds=("teddy bear",), variety=0.0)
    faces = {len(data.draw(config, rng)[0].faces) for _ in range(12)}
    assert len(faces) == 1  # all of them sit, none wears a bow
    varied = data.DataConfig(kinds=("teddy bear",))
    assert len({len(data.draw(varied, rng)[0].faces) for _ in range(12)}) > 1
    with pytest.raises(InputError, match="variety"):
        data.DataConfig(variety=1.5)
