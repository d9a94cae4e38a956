"""What training never sees, and the questions that evaluation asks about it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from backend.errors import InputError
from backend.evaluate.attributes import AttributeNet, Labels
from backend.evaluate.judge import Judge
from backend.training import attributes, ceiling, data, evaluation, held_out
from backend.training.examples import Examples, kinds_known_by, seeded
from backend.training.held_out import held_out_colours, held_out_pair, is_held_out
from backend.training.looks import COLOURS, MATERIALS
from backend.training.props import KINDS
from backend.training.questions import Question, questions

KIND = next(kind for kind in KINDS if held_out_colours(kind))
SOURCES = data.DataConfig(kinds=(KIND,))


def test_about_three_per_cent_of_the_pairs_are_held_out() -> None:
    pairs = [(f"kind {i}", colour) for i in range(500) for colour in COLOURS]
    share = np.mean([held_out_pair(*pair) for pair in pairs])
    assert share == pytest.approx(held_out.SHARE, rel=0.15)  # 360 of 12,000: 3 standard deviations


def test_what_is_held_out_never_changes() -> None:
    """Shards rendered earlier must stay what they were."""
    assert held_out_pair("kind 13", "red")
    assert not held_out_pair("kind 1", "red")


def test_colours_that_a_kind_has_by_nature_are_seen() -> None:
    for kind, spec in KINDS.items():
        assert not set(spec.colours) & set(held_out_colours(kind))


def test_training_draws_no_held_out_pair() -> None:
    rng = np.random.default_rng(0)
    drawn = [data.draw(SOURCES, rng)[0] for _ in range(60)]
    assert not any(is_held_out(prop) for prop in drawn)
    told = {prop.colour for prop in drawn} - {None}
    assert len(told) > 5 and not told & set(held_out_colours(KIND))


def test_examples_have_what_training_has_not() -> None:
    prop = Examples(SOURCES).like(KIND, held_out_colours(KIND)[0], None, seeded(0))
    assert prop is not None and is_held_out(prop)


def test_only_known_kinds_and_names_held_out_are_asked(tmp_path) -> None:
    index = {"knows": {"kinds": ["goblet", "teapot"]}}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    examples = Examples(data.DataConfig(), kinds_known_by(tmp_path))
    assert examples.kinds == ["goblet", "teapot"]
    assert {q.kind for q in questions(examples, pairs=5, materials=5)} <= {"goblet", "teapot"}
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(InputError, match="no list of the kinds"):
        kinds_known_by(tmp_path)


def test_questions_ask_seen_and_unseen_pairs_of_the_same_kinds() -> None:
    asked = questions(Examples(SOURCES), pairs=5, materials=2)
    pairs = {q.group: q for q in asked if q.colour}
    assert set(pairs) == {"seen", "held_out"}
    assert all(q.kind == KIND for q in asked)
    assert not held_out_pair(KIND, str(pairs["seen"].colour))
    assert held_out_pair(KIND, str(pairs["held_out"].colour))
    assert asked == questions(Examples(SOURCES), pairs=5, materials=2)


def test_prompts_are_english() -> None:
    assert Question("seen", "mug", "orange").prompt == "an orange mug"
    assert Question("material", "mug", None, "ceramic").prompt == "a ceramic mug"


class Dark(torch.nn.Module):
    """A judge's network that answers by the picture's brightness: class 954 for dark ones."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(len(images), 1000)
        out[:, 954] = -images.mean((1, 2, 3)) * 10
        return out


def test_an_answer_holds_every_reading() -> None:
    config = evaluation.EvaluationConfig(views=2)
    question = Question("seen", KIND, "black")
    shown = evaluation.real_prop(Examples(SOURCES), question, config, 0)
    assert shown is not None and shown.shaded.shape == (2, 3, 64, 64)
    net = AttributeNet(Labels((KIND, "mug"), tuple(COLOURS), tuple(MATERIALS))).eval()
    answer = evaluation.read("real", question, shown, net, Judge(Dark(), ["banana", "teapot"]))
    assert answer.kind in (0, 1) and answer.colour is not None and answer.material is None
    assert answer.judged is None and 0 < answer.mirrored_iou <= 1
    row = evaluation.summary([answer], ("seen",))[0]
    assert row["n"] == 1 and row["judge n"] == 0 and row["judge"] is None


def test_prompts_are_answered_by_real_props_of_their_kind() -> None:
    net = AttributeNet(Labels((KIND, "mug"), tuple(COLOURS), tuple(MATERIALS))).eval()
    asked = ceiling.question_of(f"an old black {KIND}", net)
    assert asked == Question("real", KIND, "black", None)
    judge = Judge(Dark(), ["banana", "teapot"])
    prompts = [f"a black {KIND}", "a unicorn"]
    rows = ceiling.real_rows(prompts, Examples(SOURCES), net, judge)
    assert [row["real, as"] for row in rows] == prompts[:1]


def test_a_few_steps_teach_the_classifier() -> None:
    config = attributes.AttributesConfig(minutes=0.03, props_per_kind=6, views_per_prop=2, batch=12)
    examples = Examples(SOURCES)
    labels = Labels((KIND,), tuple(COLOURS), tuple(MATERIALS))
    pool = attributes.render_pool(examples, labels, config)
    assert len(pool.alpha) == len(pool.labels["colour"]) == 12
    torch.manual_seed(0)
    net = AttributeNet(labels)
    generator = torch.Generator().manual_seed(0)
    before = attributes.loss(net, pool, config, generator).item()
    attributes.fit(net, pool, config)
    assert attributes.loss(net, pool, config, generator).item() < 0.7 * before
