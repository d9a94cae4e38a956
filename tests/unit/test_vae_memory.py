"""What a VAE keeps for the gradients: counted, foreseen, and what `propsmith doctor` tells of it.

Counted are the bytes of all tensors that are alive at a time, forwards and backwards.
"""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from backend import cli_doctor
from backend.cli import main
from backend.guidance import latents as latents_of
from backend.guidance import offload
from backend.guidance.catalogue import SOURCES
from backend.guidance.latents import BLOCK_NUMBERS, NUMBERS, VaeEncoder

CPU = torch.device("cpu")
KEEPS = (offload.ALL, offload.PICTURE, offload.BLOCK)


class Alive(TorchDispatchMode):
    """Bytes of the tensors that were made while it was on: those of now, and the most at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.seen: dict[int, Any] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.seen:
            return

        def gone(_: Any) -> None:
            self.now -= size
            del self.seen[key]

        self.seen[key] = weakref.ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)


def build_vae(widths: tuple[int, ...], device: str = "cpu", layers: int = 2) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    torch.manual_seed(0)
    with torch.device(device):
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * len(widths),
            up_block_types=("UpDecoderBlock2D",) * len(widths),
            block_out_channels=widths,
            layers_per_block=layers,
            norm_num_groups=min(32, widths[0] // 2),
        )
    return vae.eval().requires_grad_(False)


def most_bytes(encode: VaeEncoder, count: int = 1) -> float:
    """At a time, while pictures are encoded and their gradients come back."""
    size = encode.image_size
    pixels = torch.zeros(count, 3, size, size, device=encode.vae.device, requires_grad=True)
    with Alive() as alive:
        posterior = encode._posterior(pixels)
        posterior.parameters.backward(torch.zeros_like(posterior.parameters))
    return alive.most


def test_the_estimate_is_what_the_published_widths_keep() -> None:
    """A slope over the area; nothing is computed on "meta"."""
    found = {}
    for keeps in KEEPS:
        vae = build_vae((128, 256, 512, 512), "meta")
        small, large = (most_bytes(VaeEncoder(vae, side // 8, keeps)) for side in (64, 192))
        found[keeps] = (large - small) / (192**2 - 64**2) / 4
    assert found[offload.ALL] == pytest.approx(NUMBERS, rel=0.03)
    assert found[offload.PICTURE] == pytest.approx(NUMBERS, rel=0.03)
    assert found[offload.BLOCK] == pytest.approx(BLOCK_NUMBERS, rel=0.03)


def test_pictures_and_blocks_at_a_time_need_less() -> None:
    vae = build_vae((8, 16))
    most = {keeps: most_bytes(VaeEncoder(vae, 32, keeps), 4) for keeps in KEEPS}
    assert most[offload.PICTURE] < 0.35 * most[offload.ALL]
    assert most[offload.BLOCK] < 0.6 * most[offload.PICTURE]


def test_tiles_need_less_than_the_whole_and_say_what_they_said(monkeypatch) -> None:
    whole = most_bytes(VaeEncoder(build_vae((8, 16)), 48, offload.ALL))
    monkeypatch.setenv(offload.SLICES, "tiles")
    monkeypatch.setattr(latents_of, "TILE", 32)
    vae, most, said = build_vae((8, 16)), {}, {}
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    for keeps in (*KEEPS, None):
        encode = VaeEncoder(vae, 48, keeps)
        most[keeps] = most_bytes(encode)
        leaf = images.clone().requires_grad_()
        latents = encode(leaf, torch.Generator().manual_seed(2))
        latents.square().sum().backward()
        said[keeps] = (latents.detach(), leaf.grad)
        for one, other in zip(said[keeps], said[offload.ALL], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert most[offload.ALL] > whole  # the tiles overlap
    assert most[None] == most[offload.BLOCK] < most[offload.PICTURE] < 0.4 * whole


@pytest.mark.parametrize(
    "size, dtype, free, keeps",
    [
        (64, torch.float16, 20e9, offload.ALL),  # Stable Diffusion 1.5 on 24 GB: 6.4 GB
        (64, torch.float16, 9e9, offload.PICTURE),
        (64, torch.float16, 2.5e9, offload.BLOCK),
        (128, torch.float32, 120e9, offload.ALL),  # SDXL: 51 GB
        (128, torch.float32, 40e9, offload.PICTURE),
        (128, torch.float32, 18e9, offload.BLOCK),
        (32, torch.float32, None, offload.ALL),  # on the CPU
        (64, torch.float32, None, offload.PICTURE),
        (128, torch.float32, None, offload.BLOCK),
    ],
)
def test_auto_weighs_area_views_and_precision(size, dtype, free, keeps, monkeypatch) -> None:
    monkeypatch.setattr(offload, "free_memory", lambda device: free)
    vae = torch.nn.Module.to(build_vae((128, 256, 512, 512), "meta"), dtype=dtype)
    encode = VaeEncoder(vae, size)
    assert encode.keeps(4) == keeps
    if keeps == offload.PICTURE:
        assert encode.keeps(1) == offload.ALL


# Bytes of the weights on the card, pixels a side, bytes a number of the VAE, bytes of the network's
# pass with eight rows: see catalogue.py.
LOADED = {
    "sd15": (1.79e9, 512, 2, 0.55e9),
    "sd21": (1.80e9, 512, 2, 0.55e9),
    "sdxl": (5.27e9, 1024, 4, 1.32e9),
    "sd3": (4.24e9, 512, 2, 0.35e9),
    "sd35": (5.01e9, 512, 2, 0.37e9),
    "mvdream": (1.81e9, 256, 2, 0.14e9),
}


@pytest.mark.parametrize("name", LOADED)
@pytest.mark.parametrize("more", [0.0, 1.0, 4.0, 8.0, 12.0, 20.0, 36.0, 70.0])
def test_steps_of_four_views_fit_the_cards_that_doctor_says(name: str, more: float) -> None:
    weights, side, bytes_a_number, a_pass = LOADED[name]
    free = (SOURCES[name].memory_gb + more - 1.5) * 1e9 - weights
    each = float(NUMBERS * side**2 * bytes_a_number)
    keeps = offload.vae_keeps(4, each, offload.VAE_SHARE * free)
    waiting = 4 * each if keeps == offload.ALL else 0.0
    block = BLOCK_NUMBERS * side**2 * bytes_a_number
    coming_back = {offload.ALL: 4 * each, offload.PICTURE: each, offload.BLOCK: block}[keeps]
    assert 1.1 * max(waiting + a_pass, coming_back) < free


def test_doctor_knows_what_the_cpu_alone_needs() -> None:
    """SDXL's VAE is in fp32 anywhere: not all of it doubles."""
    sdxl = SOURCES["sdxl"]
    for memory, fits in ((18.0, True), (17.0, False)):
        found = cli_doctor._fit(
            sdxl.memory_gb, None, memory, sdxl.streamed_gb, sdxl.host_gb, sdxl.alone_gb
        )
        assert found["fits"] == fits


def test_doctor_says_how_it_counted_and_what_vsd_needs(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli_doctor, "_memory", lambda: 64.0)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "steps of four views" in said and "vsd needs about 0.5 GB more" in said
