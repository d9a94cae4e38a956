"""What judges say of finished props: how surely they see what was asked for, and from which side.

In: GLB files with their prompts, the attribute classifier's weights if there are any. Out: numbers.
"kind", "colour" and "material" are shares of probability (geometric means over eight shaded and
eight albedo views) that the classifier gives to what the prompt names; "photo" the share that
EfficientNet, which never saw a picture of ours, gives to the kind among those that the prior knows;
"side" the mean error of the sides in degrees. "score" is the mean logarithm of the shares there
are: the higher the better, and 0 at best.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

import torch

from backend.cameras import turntable
from backend.errors import InputError
from backend.evaluate.attributes import AttributeNet, load_attributes
from backend.evaluate.consistency import front_back_difference, read_sides
from backend.evaluate.glb import load_surface
from backend.evaluate.imagenet import kind_in
from backend.evaluate.judge import Judge, load_judge
from backend.evaluate.pictures import environment_light, render_mesh
from backend.guidance.priors import find_folder
from backend.guidance.weights import read_index

SHARES = ("kind", "colour", "material", "photo")
COLUMNS = (*SHARES, "side", "front-back", "score")
VIEWS, SIZE, NEUTRAL = 8, 128, 0.6
LEAST = 1e-3  # a share below is taken for this: one sure mistake shouldn't decide a mean


class Scorer:
    """Judges that are here: the classifier where its file is given, EfficientNet if installed."""

    def __init__(self, attributes: Path | None):
        self.net: AttributeNet | None = load_attributes(attributes) if attributes else None
        known = read_index(find_folder("embedded")).get("knows", {}).get("kinds", [])
        self.judge: Judge | None
        try:
            self.judge = load_judge(known)
        except InputError:
            self.judge = None
        self.key = f"{attributes and attributes.stat().st_size} {self.judge is not None}"

    @torch.no_grad()
    def score(self, glb: Path, prompt: str) -> dict[str, float]:
        """Whatever of COLUMNS can be told; kept beside the file for the next time."""
        noted = glb.with_suffix(".scores.json")
        key = f"{self.key} {glb.stat().st_mtime_ns}"
        if noted.exists() and (found := json.loads(noted.read_text())).pop("key", None) == key:
            return found
        images = render_mesh(
            load_surface(glb), turntable(VIEWS), SIZE, environment_light(), NEUTRAL
        )
        shaded, albedo = (images[name].permute(0, 3, 1, 2) for name in ("shaded", "albedo"))
        scores = {"front-back": front_back_difference(albedo, images["mask"][..., 0])}
        scores |= self._classified(torch.cat([shaded, albedo]), prompt)
        kind = kind_in(prompt, self.judge.kinds) if self.judge else None
        if self.judge and kind:
            scores["photo"] = float(self.judge.scores(shaded)[self.judge.kinds.index(kind)])
        scores |= total(scores)
        noted.write_text(json.dumps(scores | {"key": key}))
        return scores

    def _classified(self, views: torch.Tensor, prompt: str) -> dict[str, float]:
        if self.net is None:
            return {}
        reading, scores = self.net.read(views), {}
        for attribute, shares in reading.log_shares.items():
            labels = getattr(self.net.labels, attribute)
            if asked := kind_in(prompt, labels):
                scores[attribute] = math.exp(float(shares[labels.index(asked)]))
        azimuth = turntable(VIEWS).azimuth_deg.repeat(2)
        error = read_sides(reading.sides, azimuth).error_deg
        return scores if error is None else scores | {"side": error}


def total(scores: dict[str, float]) -> dict[str, float]:
    """ "score", where there is anything to take it from."""
    logs = [math.log(max(LEAST, scores[name])) for name in SHARES if name in scores]
    return {"score": sum(logs) / len(logs)} if logs else {}


def mean(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    """Column by column, over the rows that have it."""
    rows = list(rows)
    columns = {name: [row[name] for row in rows if name in row] for name in COLUMNS}
    return {name: sum(values) / len(values) for name, values in columns.items() if values}
