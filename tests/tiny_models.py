"""Tiny random models in the official layouts, written to a folder, for tests.

`write_stable_diffusion` is diffusers' StableDiffusionPipeline layout, of 1.5 or of 2.1;
`write_embedded` is the embedded prior's. They take milliseconds a forward pass and are the same for
the same seed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from backend.guidance.prop_conditioning import VECTOR_SIZE
from backend.guidance.word_encoder import WordTextEncoder

VOCABULARY = ["red", "blue", "wooden", "chair", "table", "box", "berry", "with", "iron"]


UNETS = {  # what their published configs say of the attention, but for its size
    "1.5": {"attention_head_dim": 4},
    "2.1": {"attention_head_dim": [2, 4], "use_linear_projection": True},  # heads of each level
}
SCALED_LINEAR = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


def build_tiny_unet(in_channels: int = 4, layout: str = "1.5") -> Any:
    """Stable Diffusion's blocks: two levels, of which the upper one attends. layout: of UNETS."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=in_channels,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        **UNETS[layout],
    )


def write_stable_diffusion(
    folder: Path,
    prediction_type: str = "epsilon",
    seed: int = 0,
    layout: str = "1.5",
    **scheduler: Any,
) -> Path:
    """8x8 latents of 16x16 pixels (a VAE of one halving); returns `folder`.

    2.1 is published with "v_prediction", 2.1-base with "epsilon"; both read words by OpenCLIP's.
    """
    torch.manual_seed(seed)
    build_tiny_unet(layout=layout).save_pretrained(folder / "unet")
    write_vae(folder, 4)
    write_clip(folder, "", 16, projected=False, open_clip=layout == "2.1")
    write_scheduler(folder, "PNDMScheduler", prediction_type, SCALED_LINEAR | scheduler)
    write_json(folder / "model_index.json", {"_class_name": "StableDiffusionPipeline"})
    return folder


def write_embedded(folder: Path, prediction_type: str = "v_prediction", seed: int = 0) -> Path:
    """8x8 folded latents of 16x16 pixels, fp16 weights; returns `folder`."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(seed)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=12,
        out_channels=12,
        layers_per_block=1,
        block_out_channels=(16, 32),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=8,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=VECTOR_SIZE + 16,
        resnet_time_scale_shift="scale_shift",
    )
    torch.nn.Module.half(unet).save_pretrained(folder / "unet")
    encoder = WordTextEncoder(VOCABULARY, size=16, heads=2, layers=1).eval()
    encoder.half().save_pretrained(folder / "text_encoder")
    settings = {"beta_schedule": "squaredcos_cap_v2"}
    write_scheduler(folder, "DDPMScheduler", prediction_type, settings)
    index = {
        "_class_name": "PropPriorPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "text_encoder": ["backend.guidance.word_encoder", "WordTextEncoder"],
        "fold": 2,
        "image_size": 16,
        "domains": ["shaded", "albedo", "normal", "orm"],
        "guidance_scale": 5.0,
    }
    write_json(folder / "model_index.json", index)
    return folder


def write_vae(folder: Path, channels: int, **settings: Any) -> None:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        latent_channels=channels,
        sample_size=16,
        **settings,
    ).save_pretrained(folder / "vae")


def write_clip(
    folder: Path, suffix: str, width: int, projected: bool, open_clip: bool = False
) -> None:
    """open_clip: as Stable Diffusion 2 has it, whose config and tokenizer number the special
    tokens differently."""
    from transformers.models.clip import modeling_clip
    from transformers.models.clip.configuration_clip import CLIPTextConfig

    vocabulary = write_tokenizer(folder / f"tokenizer{suffix}", open_clip)
    special = (vocabulary[f"<|{name}oftext|>"] for name in ("start", "end", "end"))
    begins, ends, pads = (0, 2, 1) if open_clip else special
    kind = modeling_clip.CLIPTextModelWithProjection if projected else modeling_clip.CLIPTextModel
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=width,
        hidden_act="gelu" if open_clip else "quick_gelu",
        bos_token_id=begins,
        eos_token_id=ends,
        pad_token_id=pads,
    )
    kind(config).save_pretrained(folder / f"text_encoder{suffix}")


def write_tokenizer(folder: Path, open_clip: bool = False) -> dict[str, int]:
    """Letters, letters that end a word, one merge ("re" of "red"), and the two special tokens.

    open_clip: the first letter is "!", and it pads; the newer of the two files that name what pads
    says otherwise and is overruled, as in Stable Diffusion 2's folders.
    """
    letters = "!" * open_clip + "abcdefghijklmnopqrstuvwxyz,"
    tokens = [*letters, *(c + "</w>" for c in letters), "re", "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\nr e\n")
    config = {"tokenizer_class": "CLIPTokenizer"}
    if open_clip:
        config["pad_token"] = "<|endoftext|>"
        write_json(folder / "special_tokens_map.json", {"pad_token": "!"})
    write_json(folder / "tokenizer_config.json", config)
    return vocabulary


def write_scheduler(folder: Path, name: str, prediction_type: str, settings: dict) -> None:
    content = {"_class_name": name, "num_train_timesteps": 1000, "prediction_type": prediction_type}
    write_json(folder / "scheduler" / "scheduler_config.json", content | settings)


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
