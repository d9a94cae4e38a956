"""Stable Diffusion 1.5 or 2.1 as a prior, from a local folder in diffusers' layout.

In: the folder (model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/), a prompt.
Out: a `StableDiffusionPrior` over VAE latents (Rombach et al. 2112.10752). The prior can't be told
the camera, so the prompt is worded for each side (DreamFusion 2209.14988, section 3.2). The text
encoder leaves memory once the prompt is encoded; nothing is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.base import Views
from backend.guidance.clip_text import encode_prompts
from backend.guidance.diffusion import guide, scale_gradient, x0_from_output
from backend.prompt.parse import Prompt
from backend.prompt.views import view_weights, view_wordings

WEIGHT_STEMS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}


@dataclass(frozen=True)
class StableDiffusionConfig:
    guidance_scale: float = 100.0  # DreamFusion's, in the form u + s (c - u)
    view_wording: bool = True  # "..., front view" and so on, by the camera
    precision: str = "auto"  # "fp16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class StableDiffusionPrior:
    """A `Prior` in VAE latents, its prompt already encoded."""

    domains: tuple[str, ...] = ("shaded",)
    ignored_words: tuple[str, ...] = ()
    weights_hash: str = ""

    def __init__(
        self,
        unet: Any,
        vae: Any,
        alphas_cumprod: Float[Tensor, "T"],
        prediction_type: str,
        texts: Float[Tensor, "6 L D"],
        config: StableDiffusionConfig,
    ):
        """texts: the negative or empty prompt, the plain prompt, and its four view wordings."""
        self.unet, self.vae, self.texts, self.config = unet, vae, texts, config
        self.alphas_cumprod, self.prediction_type = alphas_cumprod, prediction_type
        self.image_size = unet.config.sample_size * 2 ** (len(vae.config.block_out_channels) - 1)
        self.default_guidance_scale = config.guidance_scale

    def encode(self, images: Float[Tensor, "B 3 H W"], generator: torch.Generator) -> Tensor:
        """Images in [0, 1] -> scaled VAE latents (B, 4, size / 8, size / 8), drawn from the VAE's
        posterior; differentiable in the images."""
        size = (self.image_size, self.image_size)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
        dtype = self.vae.dtype
        # In fp16 the gradient of a mean would round to zero inside the VAE: it travels enlarged.
        factor = 2.0**14 if dtype == torch.float16 else 1.0
        pixels = scale_gradient(images * 2 - 1, 1 / factor).to(dtype)
        posterior = self.vae.encode(pixels, return_dict=False)[0]
        mean, std = posterior.mean.float(), posterior.std.float()
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        return scale_gradient((mean + std * noise) * self.vae.config.scaling_factor, factor)

    @torch.no_grad()
    def predict_x0(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        views: Views,
        guidance_scale: float,
        rescale: float = 0.0,
    ) -> Tensor:
        texts = self._texts(views, len(noisy))
        if guidance_scale in (0, 1):  # one branch has the whole answer
            return self._x0(noisy, timesteps, texts[int(guidance_scale)])
        both = self._x0(noisy.repeat(2, 1, 1, 1), timesteps.repeat(2), torch.cat(texts))
        unconditional, conditional = both.chunk(2)
        return guide(conditional, unconditional, guidance_scale, rescale)

    def _x0(self, noisy: Tensor, timesteps: Tensor, texts: Tensor) -> Tensor:
        dtype = self.unet.dtype
        output = self.unet(
            noisy.to(dtype), timesteps, encoder_hidden_states=texts.to(dtype), return_dict=False
        )[0].to(noisy.dtype)
        alpha_bar = self.alphas_cumprod.to(timesteps.device)[timesteps]
        return x0_from_output(output, noisy, alpha_bar, self.prediction_type)

    def _texts(self, views: Views, batch: int) -> tuple[Tensor, Tensor]:
        """The unconditional and the conditional text of each image, (B, L, D) both."""
        if views.domain not in self.domains:
            raise PriorError(f"Stable Diffusion knows shaded images, not '{views.domain}'.")
        negative, plain = (row.expand(batch, -1, -1) for row in self.texts[:2])
        if views.cameras is None or not self.config.view_wording:
            return negative, plain
        shares = view_weights(views.cameras.azimuth_deg, views.cameras.elevation_deg)
        wordings = torch.einsum("bv,vld->bld", shares.to(self.texts), self.texts[2:])
        return negative, wordings


def load_stable_diffusion(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: StableDiffusionConfig | None = None,
) -> StableDiffusionPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or StableDiffusionConfig()
    weights.read_index(folder)
    dtype = _dtype(device, config.precision)
    variant = "fp16" if dtype == torch.float16 else None
    files = [weights.weight_file(folder / c, stem, variant) for c, stem in WEIGHT_STEMS.items()]
    alphas_cumprod, prediction_type = weights.load_noise_schedule(folder / "scheduler")
    texts = _encode_texts(folder / "text_encoder", folder / "tokenizer", prompt, negative)
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    unet = _load_model(UNet2DConditionModel, files[0], dtype, device)
    vae = _load_model(AutoencoderKL, files[1], dtype, device)
    prior = StableDiffusionPrior(
        unet, vae, alphas_cumprod, prediction_type, texts.to(device), config
    )
    prior.weights_hash = weights.weights_hash(folder, files)
    return prior


def _encode_texts(
    text_folder: Path, tokenizer_folder: Path, prompt: Prompt, negative: Prompt
) -> Float[Tensor, "6 L D"]:
    """(6, L, D) in fp32, made on the CPU: it is done once and costs a second."""
    from transformers.models.clip import modeling_clip
    from transformers.models.clip.tokenization_clip import CLIPTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    with weights.unreadable_is_prior_error(tokenizer_folder):
        tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    text_model: Any = modeling_clip.CLIPTextModel
    with weights.unreadable_is_prior_error(text_folder):
        model, notes = text_model.from_pretrained(
            text_folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    _refuse_missing(notes, text_folder)
    texts = [negative, prompt, *view_wordings(prompt)]
    return encode_prompts(tokenizer, model.float().eval(), texts)


def _load_model(kind: Any, file: Path, dtype: torch.dtype, device: torch.device) -> Any:
    variant = "fp16" if file.stem.endswith(".fp16") else None
    with weights.unreadable_is_prior_error(file):
        model, notes = kind.from_pretrained(
            file.parent,
            variant=variant,
            torch_dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    _refuse_missing(notes, file)
    model.eval().requires_grad_(False)
    return model.to(device=device, memory_format=torch.channels_last)


def _refuse_missing(notes: dict[str, Any], path: Path) -> None:
    """Loaders fill what a file lacks with random numbers; we would rather stop."""
    missing = sorted(k for k in notes["missing_keys"] if not k.endswith("position_ids"))
    if missing:
        raise PriorError(
            f"The prior's '{path}' lacks {len(missing)} tensors, '{missing[0]}' among them; "
            "download it again."
        )


def _dtype(device: torch.device, precision: str) -> torch.dtype:
    if precision not in ("auto", "fp16", "fp32"):
        raise ValueError(f"precision must be 'auto', 'fp16' or 'fp32', not '{precision}'")
    if precision == "auto":
        precision = "fp16" if device.type == "cuda" else "fp32"
    return torch.float16 if precision == "fp16" else torch.float32
