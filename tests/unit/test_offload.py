"""Networks too large for the card: streamed block by block, encoded picture by picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.cameras import turntable
from backend.errors import InputError
from backend.guidance import latents as latents_of
from backend.guidance import offload
from backend.guidance.base import Views
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.latents import VaeEncoder
from backend.guidance.priors import load_prior
from backend.guidance.sd3 import SD3Config
from tests.tiny_models import build_tiny_unet, write_stable_diffusion
from tests.tiny_priors import write_sd3, write_sdxl

CPU = torch.device("cpu")
WRITERS = {"sd15": write_stable_diffusion, "sdxl": write_sdxl, "sd3": write_sd3}


def predict(prior) -> torch.Tensor:
    noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return prior.predict_x0(noisy, torch.full((2,), 500), Views(turntable(2)), 7.0)


@pytest.mark.parametrize("name", WRITERS)
def test_a_streamed_prior_says_the_same(name: str, tmp_path: Path, monkeypatch) -> None:
    folder = WRITERS[name](tmp_path / name)
    whole = load_prior(folder, "a red chair")
    monkeypatch.setenv(offload.VARIABLE, "always")
    streamed = load_prior(folder, "a red chair")
    assert offload.is_streamed(streamed.network) and not offload.is_streamed(whole.network)
    torch.testing.assert_close(predict(streamed), predict(whole), rtol=1e-5, atol=1e-6)


def test_a_block_s_weights_come_when_it_runs_and_go_behind_it() -> None:
    unet = offload.stream(build_tiny_unet().requires_grad_(False), CPU)
    block = unet.down_blocks[0].resnets[0]
    home, seen = block.conv1.weight.data_ptr(), []
    block.conv1.register_forward_hook(lambda m, *_: seen.append(m.weight.data_ptr()))
    said = torch.zeros(1, 3, 16)
    unet(torch.zeros(1, 4, 8, 8), torch.tensor([5]), encoder_hidden_states=said)
    assert len(seen) == 1 and seen[0] != home
    assert block.conv1.weight.data_ptr() == home


def test_every_weight_of_a_level_waits_in_a_block() -> None:
    unet = offload.stream(build_tiny_unet(), CPU)
    outside = {
        name.split(".")[0]
        for name, _ in unet.named_parameters()
        if not any(
            getattr(unet.get_submodule(name.rsplit(".", n)[0]), offload.MARK, False)
            for n in range(1, name.count(".") + 1)
        )
    }
    assert outside == {"conv_in", "time_embedding", "conv_norm_out", "conv_out"}


def test_a_block_that_fails_goes_home_too() -> None:
    unet = offload.stream(build_tiny_unet(), CPU)
    block = unet.mid_block.resnets[0]
    home = block.conv1.weight.data_ptr()
    with pytest.raises(RuntimeError):
        block(torch.zeros(1, 3, 4, 4), torch.zeros(1, 32))
    assert block.conv1.weight.data_ptr() == home


@pytest.mark.parametrize("free,streamed", [(1e12, False), (1e3, True), (None, False)])
def test_what_does_not_fit_the_card_is_streamed(free, streamed: bool, monkeypatch) -> None:
    monkeypatch.setattr(offload, "free_memory", lambda device: free)
    assert offload.wants_streaming(build_tiny_unet(), CPU) == streamed
    monkeypatch.setenv(offload.VARIABLE, "never")
    assert not offload.wants_streaming(build_tiny_unet(), CPU)
    monkeypatch.setenv(offload.VARIABLE, "sometimes")
    with pytest.raises(InputError, match="auto, always, never"):
        offload.wants_streaming(build_tiny_unet(), CPU)


def test_what_leaves_too_little_for_pictures_is_streamed(monkeypatch) -> None:
    unet = build_tiny_unet()
    free = 2 * offload.size_of(unet)
    monkeypatch.setattr(offload, "free_memory", lambda device: free)
    for needed, streamed in ((0.4 * free, False), (0.6 * free, True)):
        with offload.leaving(needed):
            assert offload.wants_streaming(unet, CPU) == streamed
    assert not offload.wants_streaming(unet, CPU)


def test_vsd_says_that_it_needs_the_whole_prior(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(offload.VARIABLE, "always")
    prior = load_prior(write_stable_diffusion(tmp_path / "sd15"), "a red chair")
    with pytest.raises(InputError, match="too little memory"):
        distil(prior, GuidanceConfig("vsd"))
    images = torch.rand(2, 3, 16, 16).requires_grad_()
    guidance = distil(prior, GuidanceConfig("ism"))
    drawn = torch.Generator().manual_seed(0)
    guidance.loss(images, Views(turntable(2)), 0.5, drawn).backward()
    assert images.grad is not None and images.grad.abs().max() > 0


def test_pictures_encoded_one_by_one_are_the_same_with_their_gradients(tmp_path: Path) -> None:
    vae = load_prior(write_stable_diffusion(tmp_path / "sd15"), "a red chair").encode.vae
    found = []
    for keeps in (offload.ALL, offload.PICTURE, offload.BLOCK):
        encode = VaeEncoder(vae, 8, keeps=keeps)
        drawn = torch.Generator().manual_seed(3)
        images = torch.rand(3, 3, 16, 16, generator=drawn).requires_grad_()
        latents = encode(images, drawn)
        latents.square().sum().backward()
        found.append((latents.detach(), images.grad))
    for whole, *others in zip(*found, strict=True):
        for other in others:
            torch.testing.assert_close(other, whole, rtol=1e-4, atol=1e-5)
    assert VaeEncoder(vae, 8).keeps(4) == offload.ALL  # small pictures are encoded at once


def encoded(prior) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture's latents, and the gradient of their squares."""
    ramp = torch.linspace(0.2, 0.8, 64)
    side = prior.image_size
    images = torch.stack([ramp[:, None] * ramp, ramp[:, None].expand(64, 64), ramp.expand(64, 64)])
    images = torch.nn.functional.interpolate(images[None], (side, side)).expand(2, -1, -1, -1)
    images = images.clone().requires_grad_()
    latents = prior.encode(images, torch.Generator().manual_seed(3))
    latents.square().sum().backward()
    return latents.detach(), images.grad


@pytest.mark.parametrize("name", WRITERS)
def test_slices_say_the_same_picture_by_picture(name: str, tmp_path: Path, monkeypatch) -> None:
    folder = WRITERS[name](tmp_path / name)
    config = SD3Config(image_size=64) if name == "sd3" else None
    whole = load_prior(folder, "a red chair", config=config)
    monkeypatch.setenv(offload.SLICES, "always")
    sliced = load_prior(folder, "a red chair", config=config)
    assert sliced.encode.keeps(1) == offload.BLOCK and not sliced.encode.vae.use_tiling
    kinds = [[type(p) for p in prior.network.attn_processors.values()] for prior in (sliced, whole)]
    assert kinds[0] == kinds[1] and not any("Sliced" in kind.__name__ for kind in kinds[0])
    torch.testing.assert_close(predict(sliced), predict(whole), rtol=1e-4, atol=1e-5)
    for one, other in zip(encoded(sliced), encoded(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_slices_leave_attention_across_views_as_it_is(tmp_path: Path, monkeypatch) -> None:
    from tests.unit.test_pairs import WRITERS as ALL

    folder = ALL["mvdream"](tmp_path / "mvdream")
    said = []
    for choice in ("auto", "always"):
        monkeypatch.setenv(offload.SLICES, choice)
        prior = load_prior(folder, "a red chair")
        noisy = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        views = Views(turntable(4))
        said.append(prior.predict_x0(noisy, torch.full((4,), 500), views, 7.0))
    torch.testing.assert_close(said[1], said[0], rtol=1e-4, atol=1e-5)


def test_tiles_are_for_large_pictures_alone(tmp_path: Path, monkeypatch) -> None:
    vae = load_prior(write_stable_diffusion(tmp_path / "sd15"), "a red chair").encode.vae
    whole, images = VaeEncoder(vae, 8), torch.rand(1, 3, 16, 16)
    generator = torch.Generator
    small = whole(images, generator().manual_seed(0))
    monkeypatch.setenv(offload.SLICES, "tiles")
    tiled = VaeEncoder(vae, 8)
    assert vae.use_tiling and torch.equal(tiled(images, generator().manual_seed(0)), small)


def test_tiles_of_a_large_picture_have_gradients_everywhere(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(offload.SLICES, "tiles")
    vae = load_prior(write_stable_diffusion(tmp_path / "sd15"), "a red chair").encode.vae
    assert vae.config.sample_size == 16  # as with SDXL, diffusers' own limit is not exceeded
    monkeypatch.setattr(latents_of, "TILE", 8)
    called = []
    monkeypatch.setattr(vae, "_tiled_encode", partial(_noted, called, vae._tiled_encode))
    images = torch.rand(2, 3, 16, 16, requires_grad=True)
    latents = VaeEncoder(vae, 8)(images, torch.Generator())
    latents.square().sum().backward()
    assert called and latents.shape == (2, 4, 8, 8)
    assert images.grad is not None and (images.grad != 0).float().mean() > 0.99


def _noted(called: list[int], function: Callable[..., Any], *values: Any) -> Any:
    called.append(1)
    return function(*values)


def test_slices_that_are_none_are_said(monkeypatch) -> None:
    monkeypatch.setenv(offload.SLICES, "many")
    with pytest.raises(InputError, match="'many'; set it to auto, always, tiles"):
        offload.slices()
