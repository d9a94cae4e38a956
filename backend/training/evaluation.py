"""DDIM samples of a prior against real renders, read by the judge and the attribute classifier.

`python -m backend.training evaluate PRIOR ATTRIBUTES OUT`: every question (questions.py) is
answered twice, by the prior and by a real prop rendered from the same cameras; the second is the
ceiling of the first. Right is what a reader finds likeliest over all views, shaded and albedo.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from backend.cameras import Cameras, turntable
from backend.errors import InputError
from backend.evaluate.attributes import AttributeNet
from backend.evaluate.consistency import mirrored_iou, read_sides
from backend.evaluate.judge import Judge
from backend.evaluate.tables import mean, share_below
from backend.guidance.base import Views
from backend.guidance.priors import load_prior
from backend.training.examples import Examples, albedo_and_shaded, gbuffers_of, seeded
from backend.training.questions import Question
from backend.training.samples import PURE, ddim

log = logging.getLogger(__name__)

GREY = 0.6  # of every background
NORMAL_GAP = 0.2  # encoded normals are at least 0.33 from GREY; what is nearer is background
SOURCES = ("real", "prior")


@dataclass(frozen=True)
class EvaluationConfig:
    pairs: int = 40  # of kind and colour, held out, and as many seen
    materials: int = 20
    views: int = 4
    elevation_deg: float = 15.0
    guidance_scale: float = 3.0
    steps: int = 25
    seed: int = 0
    start: float = PURE  # noise level of the samples' first step


@dataclass(frozen=True)
class Shown:
    """One prop, or what a prior draws for one."""

    shaded: Float[Tensor, "B 3 H W"]
    albedo: Float[Tensor, "B 3 H W"]
    outlines: Float[Tensor, "B H W"]  # at elevation 0
    azimuth_deg: Float[Tensor, "B"]


@dataclass(frozen=True)
class Answer:
    """Ranks of the right labels among all, 0 is right; None where it wasn't asked."""

    source: str
    group: str
    prompt: str
    kind: int
    colour: int | None
    material: int | None
    judged: int | None
    judged_kinds: int  # how many the judge chose from
    sides_sure: float
    sides_error_deg: float | None
    second_fronts: int
    mirrored_iou: float


def evaluate(
    folder: Path,
    asked: list[Question],
    examples: Examples,
    net: AttributeNet,
    judge: Judge,
    config: EvaluationConfig,
) -> list[Answer]:
    """Both sources' answers to every question that a real prop has an answer to.

    Raises InputError where the classifier was trained on other kinds than there are now.
    """
    unknown = sorted({question.kind for question in asked} - set(net.labels.kind))
    if unknown:
        raise InputError(
            f"The attribute classifier doesn't know {', '.join(unknown)}; train it again with the "
            "same --sweethome."
        )
    answers = []
    for number, question in enumerate(asked):
        real = real_prop(examples, question, config, number)
        if real is None:
            log.warning("no real prop is '%s'", question.prompt)
            continue
        answers.append(read("real", question, real, net, judge))
        drawn = drawn_prop(folder, question, config)
        answers.append(read("prior", question, drawn, net, judge))
        log.info("%d of %d: %s", number + 1, len(asked), question.prompt)
    return answers


def _cameras(config: EvaluationConfig) -> tuple[Cameras, Cameras]:
    """Those that look from a little above, and those at elevation 0."""
    return turntable(config.views, config.elevation_deg), turntable(config.views, 0.0)


def real_prop(
    examples: Examples, question: Question, config: EvaluationConfig, number: int
) -> Shown | None:
    """A prop from a seed of its own; None where chance gives no such prop."""
    rng = seeded(3, config.seed, number)
    prop = examples.like(question.kind, question.colour, question.material, rng)
    if prop is None:
        return None
    cameras, level = _cameras(config)
    gbuffers, up = gbuffers_of(prop, cameras)
    generator = torch.Generator().manual_seed(number)
    backgrounds = torch.full((config.views, 3), GREY)
    albedo, lit = albedo_and_shaded(gbuffers, up, backgrounds, generator)
    outlines = gbuffers_of(prop, level)[0][..., 8].float() / 255
    return Shown(lit, albedo, outlines, cameras.azimuth_deg)


def drawn_prop(folder: Path, question: Question, config: EvaluationConfig) -> Shown:
    """DDIM samples from the same cameras, all from one noise."""
    prior = load_prior(folder, question.prompt)
    cameras, level = _cameras(config)
    backgrounds = torch.full((config.views, 3), GREY)

    def draw(around: Cameras, domain: str) -> Tensor:
        views = Views(around, domain, backgrounds)
        return ddim(
            prior, views, config.guidance_scale, config.steps, config.seed, start=config.start
        )

    normals = draw(level, "normal")
    outlines = ((normals - GREY).norm(dim=1) > NORMAL_GAP).float()
    shaded, albedo = draw(cameras, "shaded"), draw(cameras, "albedo")
    return Shown(shaded, albedo, outlines, cameras.azimuth_deg)


def read(source: str, question: Question, shown: Shown, net: AttributeNet, judge: Judge) -> Answer:
    pictures = torch.cat([shown.shaded, shown.albedo])
    reading = net.read(pictures)
    ranks: dict[str, Any] = {
        attribute: None
        if (wanted := getattr(question, attribute)) is None
        else reading.rank(attribute, getattr(net.labels, attribute).index(wanted))
        for attribute in ("kind", "colour", "material")
    }
    sides = read_sides(reading.sides, shown.azimuth_deg.repeat(2))
    return Answer(
        source, question.group, question.prompt, **ranks,
        judged=judge.rank(shown.shaded, question.kind), judged_kinds=len(judge.kinds),
        sides_sure=sides.sure, sides_error_deg=sides.error_deg, second_fronts=sides.second_fronts,
        mirrored_iou=mirrored_iou(shown.outlines),
    )  # fmt: skip


def summary(answers: list[Answer], groups: tuple[str, ...]) -> list[dict]:
    """One row a group and source: shares that are right, and means."""
    rows = []
    for group in groups:
        for source in SOURCES:
            chosen = [a for a in answers if a.group == group and a.source == source]
            if chosen:
                rows.append({"group": group, "source": source} | _row(chosen))
    return rows


def _row(chosen: list[Answer]) -> dict:
    columns = {f.name: [getattr(a, f.name) for a in chosen] for f in dataclasses.fields(Answer)}
    return {
        "n": len(chosen),
        "kind": share_below(columns["kind"], 1),
        "kind top-5": share_below(columns["kind"], 5),
        "colour": share_below(columns["colour"], 1),
        "material": share_below(columns["material"], 1),
        "judge n": sum(rank is not None for rank in columns["judged"]),
        "judge": share_below(columns["judged"], 1),
        "judge top-5": share_below(columns["judged"], 5),
        "sides sure": mean(columns["sides_sure"]),
        "side error": mean(columns["sides_error_deg"]),
        "fronts behind": mean(columns["second_fronts"]),
        "mirrored IoU": mean(columns["mirrored_iou"]),
    }
