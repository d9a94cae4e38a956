"""The converters against layouts/: every name and shape that the authors' own code gives.

The lists owe nothing to our tables of names. Each converter runs whole, at full size, on tensors of
the meta device: only the reading of the file and the writing of weights are replaced. What they
cannot show is two tensors of one shape that have changed places.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from backend.errors import PriorError
from backend.guidance.conversion import UNET_PREFIX, under, unet_names
from backend.guidance.ldm_parts import original_clip_name, original_vae_name, split_attention
from backend.guidance.mvdream import SHARED, convert_mvdream
from backend.guidance.richdreamer import convert_richdreamer
from backend.guidance.zero123_original import (
    CAMERA_PREFIX,
    CLIP_PREFIX,
    VAE_PREFIX,
    averaged,
    convert_stable_zero123,
    convert_zero123,
)
from tests.original_layout import STABLE_DIFFUSION_2

LAYOUTS = Path(__file__).parent / "layouts"
MVDREAM, ZERO123, NORMAL, ALBEDO = (
    "sd-v2.1-base-4view", "zero123-xl", "nd_mv_ema", "albedo_mv_ema",
)  # fmt: skip
STABLE_DIFFUSION_1 = STABLE_DIFFUSION_2 | {  # the UNet of the published Stable Diffusion 1.5
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
    "use_linear_projection": False,
}
# What a checkpoint holds and its converter leaves, by how the names begin.
SCHEDULE = (  # the noise schedule, which our scheduler's numbers give again
    "betas", "alphas_cumprod", "sqrt_", "log_one_minus_alphas_cumprod", "posterior_",
)  # fmt: skip
SHARED_PARTS = (  # VAE and text encoder: those of the Stable Diffusion that the folder is based on
    "first_stage_model.", "cond_stage_model.",
)  # fmt: skip
LEFT = {
    MVDREAM: (*SCHEDULE, *SHARED_PARTS),
    NORMAL: (*SCHEDULE, *SHARED_PARTS),  # its latents are pictures: no VAE of its own is asked
    ALBEDO: (*SCHEDULE, *SHARED_PARTS),
    ZERO123: (
        *SCHEDULE,
        "model_ema.",  # means of the UNet's weights; test_zero123_original.py has what they are for
        *(  # CLIP's words: it is asked about pictures alone
            f"cond_stage_model.model.{part}"
            for part in (
                *("positional_embedding", "text_projection", "logit_scale"),
                *("token_embedding.weight", "ln_final."),
            )
        ),
    ),
}


def layout(name: str) -> dict[str, tuple[int, ...]]:
    """Shapes by the names of the published checkpoint's tensors."""
    lines = (LAYOUTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" ") for line in lines]
    shapes = {n: () if s == "scalar" else tuple(map(int, s.split("x"))) for n, s in pairs}
    assert len(shapes) == len(lines)
    return shapes


def full_size(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def shapes_of(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


Written = dict[str, tuple[dict[str, Tensor], dict[str, Any]]]  # tensors and config, by folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Written]:
    """Converts the checkpoint of a layout; changes: makes another layout of it first."""
    written: Written = {}
    for name, config in (("sd15", STABLE_DIFFUSION_1), ("sd21", STABLE_DIFFUSION_2)):
        for part in ("unet", *SHARED):
            (tmp_path / name / part).mkdir(parents=True)
        (tmp_path / name / "unet" / "config.json").write_text(json.dumps(config))

    def write_part(tensors: dict[str, Tensor], config: Any, out: Path, stem: str = "") -> None:
        written[str(out.relative_to(tmp_path / "out"))] = (tensors, dict(config))

    def convert(name: str, change: Callable[[str, dict], dict] = lambda _, s: s) -> Written:
        def read_checkpoint(path: Path) -> dict[str, Tensor]:
            found = path.stem.replace("stable_zero123", ZERO123)
            return full_size(change(found, layout(found)))

        for module in ("mvdream", "zero123_original"):
            monkeypatch.setattr(f"backend.guidance.{module}.read_checkpoint", read_checkpoint)
        for module in ("conversion", "zero123_original"):
            monkeypatch.setattr(f"backend.guidance.{module}.write_part", write_part)
        sd15, sd21, out = (tmp_path / folder for folder in ("sd15", "sd21", "out"))
        if name in (NORMAL, ALBEDO):
            convert_richdreamer(Path(f"{NORMAL}.ckpt"), Path(f"{ALBEDO}.ckpt"), sd15, sd21, out)
        elif name == MVDREAM:
            convert_mvdream(Path(f"{MVDREAM}.pt"), sd21, out)
        else:
            converter = convert_zero123 if name == ZERO123 else convert_stable_zero123
            converter(Path(f"{name}.ckpt"), out)
        return written

    return convert


def as_published(tensors: dict[str, Tensor], config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of a converted UNet by their original names."""
    names = unet_names(tensors, config)
    assert len(set(names.values())) == len(names)
    return {names[name]: shape for name, shape in shapes_of(tensors).items()}


@pytest.mark.parametrize(
    "name,folder,count",
    [
        (MVDREAM, "unet", 690),
        (NORMAL, "normal/unet", 690),
        (ALBEDO, "albedo/unet", 690),
        (ZERO123, "unet", 686),
        ("stable_zero123", "unet", 686),
    ],
)
def test_every_tensor_of_the_unet_is_met_and_none_is_left(run, name, folder, count) -> None:
    found = full_size(layout(ZERO123 if name == "stable_zero123" else name))
    theirs = shapes_of(under("model.diffusion_model.", found))
    assert as_published(*run(name)[folder]) == theirs and len(theirs) == count


def test_every_tensor_of_zero123_s_other_parts_is_met_and_none_is_left(run) -> None:
    written, found = run(ZERO123), full_size(layout(ZERO123))
    assert set(written) == {"unet", "vae", "image_encoder", "clip_camera_projection"}
    ours = {original_vae_name(n, 4): s for n, s in shapes_of(written["vae"][0]).items()}
    theirs = shapes_of(under(VAE_PREFIX, found))
    for side in ("encoder", "decoder"):
        for part in ("q", "k", "v", "proj_out"):  # theirs are 1 x 1 convolutions, ours linear
            ours[f"{side}.mid.attn_1.{part}.weight"] += (1, 1)
    assert ours == theirs and len(ours) == len(written["vae"][0]) == 248

    seeing = {n: t for n, t in under(CLIP_PREFIX, found).items() if n.startswith("visual.")}
    tensors, config = written["image_encoder"]
    ours = {original_clip_name(n): s for n, s in shapes_of(tensors).items()}
    assert ours == shapes_of(split_attention(seeing)) and len(ours) == len(tensors) == 8 + 24 * 16
    assert tuple(tensors["visual_projection.weight"].shape) == (768, 1024)
    vit_l_14 = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
    vit_l_14 |= {"num_attention_heads": 16, "image_size": 224, "patch_size": 14}
    vit_l_14 |= {"projection_dim": 768}
    assert {key: config[key] for key in vit_l_14} == vit_l_14

    camera = shapes_of(written["clip_camera_projection"][0])
    assert camera == {"proj.weight": (768, 772), "proj.bias": (768,)}
    assert camera == {f"proj.{n}": tuple(t.shape) for n, t in under(CAMERA_PREFIX, found).items()}


def test_each_weight_of_zero123_s_unet_has_its_mean_and_it_is_what_is_read() -> None:
    found = layout(ZERO123)
    means = {name for name in found if name.startswith("model_ema.diffusion_model")}
    assert len(means) == 686
    state = {name: torch.tensor(float(name in means)) for name in found}
    read = averaged(state, Path("it.ckpt"))
    assert all(read[name] == 1 for name in found if name.startswith(UNET_PREFIX))
    assert all(read[name] == state[name] for name in found if not name.startswith(UNET_PREFIX))
    for missing in means:
        del state[missing]
    assert averaged(state, Path("it.ckpt")) == state


READ = {ZERO123: (UNET_PREFIX, VAE_PREFIX, CLIP_PREFIX + "visual.", CAMERA_PREFIX)}


@pytest.mark.parametrize("name", [MVDREAM, ALBEDO, ZERO123])
def test_what_is_left_is_left_on_purpose(run, name: str) -> None:
    """Nothing of it is needed, and it is all that the converter does not read."""

    def without(found: str, shapes: dict) -> dict:
        assert all(any(n.startswith(begin) for n in shapes) for begin in LEFT[found])
        kept = {n: s for n, s in shapes.items() if not n.startswith(LEFT[found])}
        assert all(n.startswith(READ.get(found, (UNET_PREFIX,))) for n in kept)
        return kept

    whole = {folder: tensors.keys() for folder, (tensors, _) in run(name).items()}
    assert {folder: t.keys() for folder, (t, _) in run(name, without).items()} == whole


@pytest.mark.parametrize(
    "name,tensor",
    [
        (MVDREAM, UNET_PREFIX + "output_blocks.5.2.conv.weight"),
        (NORMAL, UNET_PREFIX + "camera_embed.2.bias"),
        (ALBEDO, UNET_PREFIX + "input_blocks.4.0.skip_connection.bias"),
        (ZERO123, VAE_PREFIX + "decoder.up.1.block.0.nin_shortcut.weight"),
        (ZERO123, CLIP_PREFIX + "visual.transformer.resblocks.23.attn.in_proj_bias"),
    ],
)
@pytest.mark.parametrize("fault", ["name", "shape"])
def test_one_tensor_off_is_refused(run, name: str, tensor: str, fault: str) -> None:
    def spoilt(found: str, shapes: dict) -> dict:
        if found == name:
            shape = shapes.pop(tensor)
            off = {tensor + "s": shape} if fault == "name" else {tensor: (*shape, 3)}
            return shapes | off
        return shapes

    with pytest.raises(PriorError, match="does not fit"):
        run(name, spoilt)
