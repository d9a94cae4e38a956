"""Zero-1-to-3's published checkpoints: conversion, averaged weights, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.cameras import turntable
from backend.cli import main
from backend.errors import InputError, PriorError
from backend.guidance import pulling
from backend.guidance.base import Views
from backend.guidance.catalogue import CONVERTERS
from backend.guidance.conversion import UNET_PREFIX, unet_names
from backend.guidance.ldm_parts import original_clip_name, original_vae_name
from backend.guidance.priors import load_prior
from backend.guidance.weights import read_json
from backend.guidance.zero123 import is_stable
from backend.guidance.zero123_original import (
    CAMERA_PREFIX,
    CLIP_PREFIX,
    VAE_PREFIX,
    Layout,
    convert_zero123,
)
from backend.reference.picture import load_reference
from tests.tiny_zero123 import write_picture, write_zero123

PARTS = ("unet", "vae", "image_encoder", "clip_camera_projection")


def original_of(folder: Path) -> dict[str, Tensor]:
    """The checkpoint whose conversion is `folder`."""
    parts = {name: _tensors(folder / name) for name in PARTS}
    config = read_json(folder / "unet" / "config.json")
    names = unet_names(parts["unet"], config)
    state = {UNET_PREFIX + names[name]: t for name, t in parts["unet"].items()}
    levels = len(read_json(folder / "vae" / "config.json")["block_out_channels"])
    for name, tensor in parts["vae"].items():
        convolution = "attentions" in name and name.endswith("weight") and tensor.dim() == 2
        shaped = tensor[..., None, None] if convolution else tensor
        state[VAE_PREFIX + original_vae_name(name, levels)] = shaped
    split = {original_clip_name(name): t for name, t in parts["image_encoder"].items()}
    for name in [name for name in split if ".attn.q_proj." in name]:
        joined = [split.pop(name.replace("q_proj", f"{letter}_proj")) for letter in "qkv"]
        split[name.replace("q_proj.", "in_proj_")] = torch.cat(joined)
    split["visual.proj"] = split["visual.proj"].T
    state |= {CLIP_PREFIX + name: tensor for name, tensor in split.items()}
    state |= {CAMERA_PREFIX + n[5:]: t for n, t in parts["clip_camera_projection"].items()}
    rest = {"betas": torch.ones(3), CLIP_PREFIX + "token_embedding.weight": torch.ones(2)}
    return {name: tensor.clone().contiguous() for name, tensor in (state | rest).items()}


def _tensors(folder: Path) -> dict[str, Tensor]:
    return load_file(next(folder.glob("*.safetensors")))


def layout_of(folder: Path) -> Layout:
    return Layout(*(read_json(folder / name / "config.json") for name in ("unet", "vae")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zero123(tmp_path_factory.mktemp("zero123") / "zero123")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("picture"))


@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_what_comes_out_is_what_went_in(folder, kind: str, tmp_path: Path, picture: Path) -> None:
    state, file = original_of(folder), tmp_path / f"105000.{kind}"
    if kind == "ckpt":
        torch.save({"state_dict": state, "global_step": 105000}, file)
    else:
        save_file(state, file)
    convert_zero123(file, tmp_path / "out", layout_of(folder))
    for part in PARTS:
        before, after = _tensors(folder / part), _tensors(tmp_path / "out" / part)
        before = {n: t for n, t in before.items() if not n.endswith("position_ids")}
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
    asked = []
    for place in (folder, tmp_path / "out"):
        prior = load_prior(place, "", reference=load_reference(picture))
        noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        asked.append(prior.predict_x0(noisy, torch.full((2,), 500), Views(turntable(2)), 3.0))
    assert torch.equal(*asked)


def test_averaged_weights_are_taken_where_the_file_has_them(folder, tmp_path: Path) -> None:
    state, file = original_of(folder), tmp_path / "105000.ckpt"
    last = {name: tensor for name, tensor in state.items() if name.startswith(UNET_PREFIX)}
    for name in last:
        state["model_ema." + name.removeprefix("model.").replace(".", "")] = last[name] + 1
    torch.save({"state_dict": state}, file)
    convert_zero123(file, tmp_path / "out", layout_of(folder))
    before, after = _tensors(folder / "unet"), _tensors(tmp_path / "out" / "unet")
    assert all(torch.equal(before[name] + 1, after[name]) for name in before)
    del state["model_ema.diffusion_modelout2bias"]
    torch.save({"state_dict": state}, file)
    with pytest.raises(PriorError, match="1 averaged tensors missing, 'model_ema"):
        convert_zero123(file, tmp_path / "other", layout_of(folder))


@pytest.mark.parametrize("name", ["zero123", "stable-zero123"])
def test_the_converted_folder_says_which_of_the_two_it_is(
    folder, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "it.ckpt"
    torch.save({"state_dict": original_of(folder)}, file)
    convert = pulling._converter(CONVERTERS[name])
    convert(file, tmp_path / "out", layout_of(folder))
    assert is_stable(tmp_path / "out") == (name == "stable-zero123")


LEAVE = {
    "unet": UNET_PREFIX + "out.2.bias",
    "vae": VAE_PREFIX + "encoder.mid.attn_1.q.weight",
    "clip": CLIP_PREFIX + "visual.ln_post.bias",
    "clip at all": CLIP_PREFIX + "visual.conv1.weight",
    "camera": CAMERA_PREFIX + "weight",
}


@pytest.mark.parametrize("part", LEAVE)
def test_a_tensor_that_is_missing_or_over_is_refused(folder, part: str, tmp_path: Path) -> None:
    state = original_of(folder)
    tensor = state.pop(LEAVE[part])
    torch.save({"state_dict": state}, tmp_path / "less.ckpt")
    state |= {LEAVE[part]: tensor, LEAVE[part] + "_more": tensor}
    torch.save({"state_dict": state}, tmp_path / "more.ckpt")
    for name in ("less", "more"):
        if (part, name) == ("clip at all", "more"):
            continue
        with pytest.raises(PriorError, match="does not fit"):
            convert_zero123(tmp_path / f"{name}.ckpt", tmp_path / "out", layout_of(folder))


def test_notes_of_the_training_library_are_passed_over(folder, tmp_path: Path) -> None:
    """Its checkpoints name a class of PyTorch Lightning, which need not be installed."""
    import sys
    from types import ModuleType

    from backend.guidance.conversion import TRAINING_NOTES, read_checkpoint

    module_name, _, class_name = TRAINING_NOTES[0].rpartition(".")
    module, kind = ModuleType(module_name), type(class_name, (), {"__module__": module_name})
    setattr(module, class_name, kind)
    parents = {module_name.rsplit(".", n)[0]: ModuleType("p") for n in (1, 2)}
    sys.modules |= parents | {module_name: module}
    try:
        notes = {kind: {"best": 1.0}}
        content = {"state_dict": original_of(folder), "callbacks": notes, "one": kind()}
        torch.save(content, tmp_path / "notes.ckpt")
    finally:
        for name in (*parents, module_name):
            del sys.modules[name]
    assert "betas" in read_checkpoint(tmp_path / "notes.ckpt")


def test_models_convert_takes_a_file_that_is_here(
    folder, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("PROPSMITH_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("backend.guidance.zero123_original.Layout", lambda: layout_of(folder))
    file = tmp_path / "stable_zero123.ckpt"
    torch.save({"state_dict": original_of(folder)}, file)
    assert main(["models", "convert", "stable-zero123", str(file)]) == 0
    made = tmp_path / "models" / "stable-zero123"
    assert pulling.faults(made) == [] and str(made) in capsys.readouterr().out
    (made / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"as once pulled")
    assert main(["models", "convert", "stable-zero123", str(file)]) == 0
    assert pulling.faults(made) == [] and [p.name for p in made.parent.iterdir()] == [made.name]
    assert not list(made.rglob("*.fp16.safetensors"))  # it would be loaded on a GPU
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    broken = tmp_path / "broken.ckpt"
    state = original_of(folder)
    state.pop(next(name for name in state if name.startswith("first_stage_model.")))
    torch.save({"state_dict": state}, broken)
    assert main(["models", "convert", "stable-zero123", str(broken)]) == 2
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    inside = made / "original" / "own.ckpt"
    inside.parent.mkdir()
    inside.write_bytes(file.read_bytes())
    assert main(["models", "convert", "stable-zero123", str(inside)]) == 2
    assert "Move the checkpoint out of" in capsys.readouterr().err and inside.exists()
    capsys.readouterr()
    assert main(["models", "convert", "stable-zero123", str(tmp_path / "no.ckpt")]) == 2
    assert "no checkpoint" in capsys.readouterr().err
    assert main(["models", "convert", "sdxl", str(file)]) == 2
    assert "no checkpoints to convert for 'sdxl'" in capsys.readouterr().err
    with pytest.raises(InputError, match="2 files were given"):
        pulling.convert("zero123", [file, file])
