"""Stable Diffusion 2.1's own in its layout: heads by level, words by OpenCLIP, v or noise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers.models.clip.modeling_clip import CLIPTextModel

from backend.guidance.base import Views
from backend.guidance.priors import load_prior
from backend.guidance.stable_diffusion import StableDiffusionPrior
from backend.guidance.texts import ROW
from tests.tiny_models import write_stable_diffusion, write_tokenizer

PREDICTIONS = {"2.1": "v_prediction", "2.1-base": "epsilon"}


def load(folder: Path, prediction_type: str = "v_prediction") -> StableDiffusionPrior:
    write_stable_diffusion(folder, prediction_type, layout="2.1")
    found = load_prior(folder, "red")
    assert isinstance(found, StableDiffusionPrior)
    return found


def test_its_attention_has_linear_projections_and_heads_by_level(tmp_path: Path) -> None:
    unet = load(tmp_path).unet
    outer, inner = unet.down_blocks[0].attentions[0], unet.mid_block.attentions[0]
    assert isinstance(outer.proj_in, torch.nn.Linear)
    heads = [part.transformer_blocks[0].attn1.heads for part in (outer, inner)]
    assert heads == [2, 4]
    assert unet.up_blocks[-1].attentions[0].transformer_blocks[0].attn1.heads == 2


def test_words_are_read_by_its_encoder_and_padded_with_the_exclamation_mark(tmp_path: Path) -> None:
    got = load(tmp_path).texts[ROW["prompt"]]
    vocabulary = write_tokenizer(tmp_path / "again", open_clip=True)
    assert vocabulary["!"] == 0
    said = [vocabulary[token] for token in ("<|startoftext|>", "re", "d</w>", "<|endoftext|>")]
    ids = torch.tensor([said + [0] * (77 - len(said))])
    encoder = CLIPTextModel.from_pretrained(tmp_path / "text_encoder")
    assert encoder.config.hidden_act == "gelu"
    with torch.no_grad():
        torch.testing.assert_close(got, encoder(input_ids=ids).last_hidden_state[0])


@pytest.mark.parametrize("name", PREDICTIONS)
def test_what_it_predicts_is_what_its_schedule_says(tmp_path: Path, name: str) -> None:
    prior = load(tmp_path, PREDICTIONS[name])
    noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    t, said = torch.full((2,), 500), prior.texts[ROW["prompt"]].expand(2, -1, -1)
    output = prior.unet(noisy, t, encoder_hidden_states=said).sample
    signal, noise = prior.alphas_cumprod[500].sqrt(), (1 - prior.alphas_cumprod[500]).sqrt()
    velocity = signal * noisy - noise * output
    expected = velocity if name == "2.1" else (noisy - noise * output) / signal
    torch.testing.assert_close(prior.predict_x0(noisy, t, Views(None), 1.0), expected)
