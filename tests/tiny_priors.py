"""Tiny random models in the layouts of SDXL, DeepFloyd IF and Stable Diffusion 3, for tests.

The same config fields, classes and folders as the published ones (SDXL: 2307.01952 and its model
card; IF-I: its model card; SD3: 2403.03206), at small widths.
"""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny_models import SCALED_LINEAR, write_clip, write_json, write_scheduler, write_vae


def write_sdxl(folder: Path, seed: int = 0) -> Path:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(seed)
    write_clip(folder, "", 16, projected=False)
    write_clip(folder, "_2", 24, projected=True)
    UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        cross_attention_dim=16 + 24,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 24,
    ).save_pretrained(folder / "unet")
    write_vae(folder, 4, scaling_factor=0.13025, force_upcast=True)
    write_scheduler(folder, "EulerDiscreteScheduler", "epsilon", SCALED_LINEAR)
    write_json(folder / "model_index.json", {"_class_name": "StableDiffusionXLPipeline"})
    return folder


def write_deepfloyd(folder: Path, seed: int = 0) -> Path:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(seed)
    _write_t5(folder, "", 16)
    UNet2DConditionModel(
        sample_size=8,
        in_channels=3,
        out_channels=6,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        act_fn="gelu",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        resnet_time_scale_shift="scale_shift",
        attention_head_dim=4,
        cross_attention_dim=12,
        encoder_hid_dim=16,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
    ).save_pretrained(folder / "unet")
    settings = {"beta_schedule": "squaredcos_cap_v2", "variance_type": "learned_range"}
    write_scheduler(folder, "DDPMScheduler", "epsilon", settings)
    write_json(folder / "model_index.json", {"_class_name": "IFPipeline"})
    return folder


def write_sd3(folder: Path, t5: bool = True, seed: int = 0) -> Path:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    torch.manual_seed(seed)
    write_clip(folder, "", 8, projected=True)
    write_clip(folder, "_2", 12, projected=True)
    if t5:
        _write_t5(folder, "_3", 32)
    SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pooled_projection_dim=8 + 12,
        pos_embed_max_size=16,
        qk_norm="rms_norm",
        dual_attention_layers=(0,),
    ).save_pretrained(folder / "transformer")
    write_vae(folder, 4, scaling_factor=1.5305, shift_factor=0.0609)
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    scheduler["num_train_timesteps"] = 1000
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    write_json(folder / "model_index.json", {"_class_name": "StableDiffusion3Pipeline"})
    return folder


def _write_t5(folder: Path, suffix: str, width: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.t5.configuration_t5 import T5Config
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    pieces = ["<pad>", "</s>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz,"]
    unigram = models.Unigram([(piece, -1.0) for piece in pieces], unk_id=2)
    tokenizer = Tokenizer(unigram)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.save_pretrained(folder / f"tokenizer{suffix}")
    config = T5Config(
        vocab_size=len(pieces), d_model=width, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu",
    )  # fmt: skip
    T5EncoderModel(config).save_pretrained(folder / f"text_encoder{suffix}")
