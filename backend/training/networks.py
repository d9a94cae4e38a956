"""What a run trains, together: the denoiser, the words' encoder, and the mean of what they name.

The mean (guidance/mean_net.py) is trained before the denoiser (mean_train.py), with the words. From
then on both are held, so that the denoiser learns beside a mean that stays.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from backend.errors import InputError
from backend.guidance.mean_net import MEAN, MeanNet
from backend.guidance.word_encoder import WordTextEncoder
from backend.training.meanings import WordTable
from backend.training.model import build_text_encoder, build_unet

MEAN_STATE = "mean.pt"


class Networks(nn.Module):
    """What is trained, together, so that one optimiser and one average cover it."""

    def __init__(self, table: WordTable, mean: MeanNet | None = None, began: str = "") -> None:
        """began: the `digest` of the mean that `mean` was trained from, if any."""
        super().__init__()
        torch.manual_seed(0)
        self.unet: nn.Module = build_unet(mean=mean)
        self.text = build_text_encoder(table.words, table.taught, table.meanings)
        self.mean, self.began = mean, began
        if mean is not None:
            self.text.requires_grad_(False)
            mean.requires_grad_(False)


def adopt(nets: Networks, folder: Path) -> None:
    """Weights of an earlier prior; its words keep what they learned, whatever their places. What
    the denoiser is shown beside the earlier one's begins with no say.

    Raises InputError where the earlier prior has another network, another mean that this run's was
    not trained from, or, where the words are held, others.
    """
    unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    own = nets.unet.state_dict()
    if own.keys() != unet.keys():
        raise InputError(f"'{folder}' has another network; begin without --start.")
    nets.unet.load_state_dict({k: _widened(v.float(), own[k].shape) for k, v in unet.items()})
    if nets.mean is None:
        adopt_words(nets.text, folder)
        return
    earlier = packed_mean(folder)
    if earlier is not None and digest(earlier) not in (nets.began, digest(nets.mean)):
        raise InputError(
            f"--mean was not trained from the mean in '{folder}'; its network would misread it. "
            "Run `mean --start` with that folder, or begin without --start."
        )
    words = WordTextEncoder.from_pretrained(folder / "text_encoder").state_dict()
    held = nets.text.state_dict()
    inner = [name for name in words if name.startswith("transformer")]
    if any(not torch.equal(held[name].half(), words[name].half()) for name in inner):
        raise InputError(
            f"--mean was trained with other words than '{folder}'; run `mean --start` with it."
        )


def _widened(tensor: Tensor, shape: torch.Size) -> Tensor:
    """With zeros for the inputs (axis 1) that it lacks; raises InputError where those are fewer."""
    if tensor.shape == shape:
        return tensor
    same = len(shape) == tensor.ndim > 1 and (shape[0], *shape[2:]) == (
        tensor.shape[0], *tensor.shape[2:],
    )  # fmt: skip
    if not same or shape[1] < tensor.shape[1]:
        raise InputError("--start has a network of another size; begin without it.")
    pads = [0, 0] * (tensor.ndim - 2) + [0, shape[1] - tensor.shape[1]]
    return F.pad(tensor, pads)


def packed_mean(folder: Path) -> MeanNet | None:
    """A prior's mean, where it has one."""
    return MeanNet.from_pretrained(folder / MEAN) if (folder / MEAN).is_dir() else None


def digest(mean: MeanNet) -> str:
    """Of its weights in half precision, as they are packed."""
    found = hashlib.sha256()
    for name, tensor in sorted(mean.state_dict().items()):
        found.update(name.encode() + tensor.half().contiguous().numpy().tobytes())
    return found.hexdigest()


def adopt_words(text: WordTextEncoder, folder: Path) -> None:
    """Likewise of the words' encoder alone."""
    earlier = WordTextEncoder.from_pretrained(folder / "text_encoder")
    same = {k: v for k, v in earlier.state_dict().items() if k not in ("words.weight", "meanings")}
    text.load_state_dict(same, strict=False)
    with torch.no_grad():
        text.words.weight *= 0.5
        text.words.weight[0] = earlier.words.weight[0]
        if earlier.lift is None and text.lift is not None:
            text.lift.weight.zero_()
        for word, place in earlier.index.items():
            if place <= earlier.taught and text.index.get(word, text.taught + 1) <= text.taught:
                text.words.weight[text.index[word]] = earlier.words.weight[place]


def load_mean(run: Path, table: WordTable) -> Networks:
    """The networks of a new run that holds the averaged mean, and the words, of a run of
    mean_train.py. Raises InputError where that has none, or has other words."""
    file = run / MEAN_STATE
    if not file.is_file():
        raise InputError(f"'{run}' has no {MEAN_STATE}; run `python -m backend.training mean`.")
    state = torch.load(file, map_location="cpu", weights_only=True)
    if state["words"] != table.words:
        raise InputError(f"'{run}' was trained on data with other words; give both the same data.")
    mean = MeanNet(**state["config"])
    mean.load_state_dict(state["average"]["mean"])
    nets = Networks(table, mean, state["began"])
    nets.text.load_state_dict(state["average"]["text"])
    return nets
