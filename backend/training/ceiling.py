"""What the judges make of real props for the same prompts: the ceiling of evaluate-props.

In: prompts. Out: rows with the columns of backend/evaluate/props.py that a render has. The real
ones are 64 pixels wide, as everything is that the prior learns from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.evaluate.attributes import AttributeNet
from backend.evaluate.imagenet import kind_in
from backend.evaluate.judge import Judge
from backend.evaluate.props import VIEWS
from backend.training.evaluation import Answer, EvaluationConfig, read, real_prop
from backend.training.examples import Examples
from backend.training.questions import Question


def question_of(prompt: str, net: AttributeNet) -> Question | None:
    """A prompt as a question; None where it names no kind that the classifier knows."""
    kind = kind_in(prompt, net.labels.kind)
    if kind is None:
        return None
    colour, material = (kind_in(prompt, getattr(net.labels, a)) for a in ("colour", "material"))
    return Question("real", kind, colour, material)


def real_rows(
    prompts: Sequence[str], examples: Examples, net: AttributeNet, judge: Judge
) -> list[dict[str, Any]]:
    """One row for each prompt that a real prop answers; the others are left out."""
    config = EvaluationConfig(views=VIEWS)
    rows = []
    for number, prompt in enumerate(prompts):
        question = question_of(prompt, net)
        shown = question and real_prop(examples, question, config, number)
        if question and shown:
            rows.append(_row(prompt, read("real", question, shown, net, judge)))
    return rows


def _row(prompt: str, answer: Answer) -> dict[str, Any]:
    return {
        "real, as": prompt,
        "judge": answer.judged,
        "kind": answer.kind,
        "colour": answer.colour,
        "material": answer.material,
        "sides sure": answer.sides_sure,
        "side error": answer.sides_error_deg,
        "fronts behind": answer.second_fronts,
        "mirrored IoU": answer.mirrored_iou,
    }
