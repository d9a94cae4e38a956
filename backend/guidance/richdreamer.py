"""RichDreamer (Qiu et al. 2311.16918) as a prior: a network of its own for each kind of picture.

In: a folder that `convert_richdreamer` made (normal/, albedo/, shaded/), a prompt. Out: a
`RichDreamerPrior`. "normal" asks the multi-view normal-depth model, whose four channels are
normals and depth themselves (section 3.2); "albedo" the multi-view albedo model, told the depth as
a fifth channel (section 3.3); "shaded" asks Stable Diffusion 2.1, as they do. Both of their models
are in MVDream's layout, four views in a group, but told the camera's distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from backend.cameras import Cameras
from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.base import Prior, Views
from backend.guidance.components import (
    load_unet,
    load_vae,
    network_file,
    precision_dtype,
)
from backend.guidance.conversion import copy_parts, write_index
from backend.guidance.embedded import resize
from backend.guidance.latents import VaeEncoder
from backend.guidance.mvdream import (
    LATENT_SIZE,
    SHARED,
    VIEWS,
    MVDreamPrior,
    blender_poses,
    convert_network,
    load_views_network,
)
from backend.guidance.reading import Reading, warn_of_cuts
from backend.guidance.stable_diffusion import (
    StableDiffusionConfig,
    StableDiffusionPrior,
    encode_wordings,
)
from backend.prompt.parse import Prompt, Segment

PIPELINE = "RichDreamerPipeline"
NORMAL, ALBEDO, SHADED = "normal", "albedo", "shaded"
PARTS = (SHADED, NORMAL, ALBEDO)
DISTANCES = (0.8, 1.0)  # trained at: the picture's half height, in radii of the prop's ball
POSE_SCALE = 2.0  # of a distance of 1, as their cameras count


@dataclass(frozen=True)
class RichDreamerConfig:
    guidance_scale: float = 50.0  # theirs of geometry and colour, in the form u + s (c - u)
    albedo_scale: float = 10.0  # theirs; larger ones asked for stop here
    suffix: str = ", 3d asset"  # behind the prompts of their models, as in their training
    albedo_prefix: str = "the albedo of "
    precision: str = "auto"  # "fp16", "bf16", "fp32", or "auto": fp16 on CUDA and fp32 elsewhere


class DistantViewsPrior(MVDreamPrior):
    """MVDream's network, told how far away the camera is."""

    def poses(self, cameras: Cameras) -> Float[Tensor, "B 16"]:
        """At twice the half height that the picture has at the prop, held where they trained."""
        half = cameras.distance * torch.tan(torch.deg2rad(cameras.fov_y_deg) / 2)
        poses = blender_poses(cameras)  # its props face -y as ours do
        poses[:, :3, 3] *= POSE_SCALE * half.clamp(*DISTANCES)[:, None]
        return poses.flatten(1)


class NormalDepthPrior(DistantViewsPrior):
    """The same; its latents are pictures: normals (x to the left, y up, z to the viewer), then
    nearness, all from -1 to 1."""

    domains = (NORMAL,)


class NormalDepthEncoder:
    """Pictures of normals and their nearness -> what `NormalDepthPrior` denoises."""

    def __init__(self, size: int):
        self.image_size = size

    def __call__(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Float[Tensor, "B 4 h w"]:
        near = _nearness(views)
        red, rest = images[:, :1], images[:, 1:]
        return resize(torch.cat([1 - red, rest, near], 1), self.image_size) * 2 - 1


class AlbedoPrior(DistantViewsPrior):
    """The same in VAE latents, with the nearness of what is seen beside them."""

    domains = (ALBEDO,)

    def output(self, noisy: Tensor, timesteps: Tensor, branches: list[str], views: Views) -> Tensor:
        # Nearest, as in their training: a mean over an edge is a depth where nothing is.
        near = F.interpolate(_nearness(views).detach(), noisy.shape[-2:], mode="nearest") * 2 - 1
        beside = near.to(noisy).repeat(len(branches), 1, 1, 1)
        return super().output(torch.cat([noisy, beside], 1), timesteps, branches, views)


def _nearness(views: Views | None) -> Float[Tensor, "B 1 H W"]:
    if views is None or views.nearness is None:
        raise PriorError(
            "RichDreamer needs to know how near the surface is, and this run does not say: "
            "choose another --prior."
        )
    return views.nearness


class RichDreamerPrior:
    """A `Prior` that asks the network of the pictures' domain."""

    domains = PARTS
    branches = MVDreamPrior.branches
    nearness_domains = (NORMAL, ALBEDO)
    views_together = VIEWS
    elevation_deg = (5.0, 30.0)  # theirs, of distillation
    default_rescale = MVDreamPrior.default_rescale
    ignored_words: tuple[str, ...] = ()
    weights_hash: str = ""
    background = MappingProxyType({NORMAL: (0.5, 0.5, 1.0), ALBEDO: (1.0, 1.0, 1.0)})

    def __init__(self, parts: dict[str, StableDiffusionPrior], config: RichDreamerConfig):
        """parts: a prior for each of PARTS."""
        self.parts, self.config = parts, config
        self.alphas_cumprod = parts[SHADED].alphas_cumprod
        if any(not torch.equal(p.alphas_cumprod, self.alphas_cumprod) for p in parts.values()):
            raise PriorError("The parts of this RichDreamer were trained on different noise.")
        self.image_size = parts[SHADED].image_size
        self.default_guidance_scale = config.guidance_scale
        self.network = nn.ModuleList([parts[name].unet for name in PARTS])

    def part(self, views: Views | None) -> Prior:
        domain = views.domain if views is not None else SHADED
        if domain not in self.parts:
            raise PriorError(f"This prior knows images that are {', '.join(PARTS)}, not {domain}.")
        return self.parts[domain]

    def encode(
        self,
        images: Float[Tensor, "B 3 H W"],
        generator: torch.Generator,
        views: Views | None = None,
    ) -> Tensor:
        return self.part(views).encode(images, generator, views)

    def denoise(
        self, noisy: Tensor, timesteps: Tensor, views: Views, branches: Sequence[str]
    ) -> tuple[Tensor, ...]:
        return self.part(views).denoise(noisy, timesteps, views, branches)

    def predict_x0(
        self,
        noisy: Tensor,
        timesteps: Tensor,
        views: Views,
        guidance_scale: float,
        rescale: float = 0.0,
    ) -> Tensor:
        """Each part guides in its own way."""
        most = self.config.albedo_scale if views.domain == ALBEDO else guidance_scale
        scale = min(guidance_scale, most)
        return self.part(views).predict_x0(noisy, timesteps, views, scale, rescale)


def load_richdreamer(
    folder: Path,
    prompt: Prompt,
    negative: Prompt,
    device: torch.device,
    config: RichDreamerConfig | None = None,
) -> RichDreamerPrior:
    """Raises PriorError where the folder is not whole."""
    config = config or RichDreamerConfig()
    dtype = precision_dtype(device, config.precision)
    files = {name: network_file(folder / name / "unet", dtype) for name in PARTS}
    vae_file = network_file(folder / SHADED / "vae", dtype)
    texts = [weights.encoder_file(folder / n / "text_encoder") for n in (SHADED, NORMAL)]
    said = _wordings(folder, prompt, negative, config)
    warn_of_cuts(folder, [read for _, read in said.values()])
    vae = load_vae(vae_file, dtype, device)
    parts: dict[str, StableDiffusionPrior] = {}
    for name, kind in KINDS.items():
        schedule = weights.load_noise_schedule(folder / TEXTS_OF[name] / "scheduler")
        if name == SHADED:
            unet = load_unet(files[name], dtype, device)
        else:
            unet = load_views_network(files[name], dtype, device)
        size = unet.config.sample_size
        pixels = name == NORMAL
        encode = NormalDepthEncoder(size) if pixels else VaeEncoder(vae, size)
        plain = StableDiffusionConfig(config.guidance_scale, view_wording=name == SHADED)
        parts[name] = kind(unet, encode, *schedule, said[name][0].to(device), plain)
    prior = RichDreamerPrior(parts, config)
    prior.weights_hash = weights.prior_hash(folder, [*files.values(), vae_file, *texts])
    return prior


KINDS = {SHADED: StableDiffusionPrior, NORMAL: NormalDepthPrior, ALBEDO: AlbedoPrior}
TEXTS_OF = {
    SHADED: SHADED,
    NORMAL: NORMAL,
    ALBEDO: SHADED,
}  # whose text encoder it was trained with


def _wordings(
    folder: Path, prompt: Prompt, negative: Prompt, config: RichDreamerConfig
) -> dict[str, tuple[Float[Tensor, "R L D"], tuple[Reading, Reading]]]:
    """What each part is told, and how much of it is read."""
    asset = prompt.followed_by(config.suffix)
    prompts = {
        SHADED: prompt,
        NORMAL: asset,
        ALBEDO: Prompt((Segment(config.albedo_prefix, own=True), *asset.segments)),
    }
    sided = {name: name == SHADED for name in prompts}
    return {
        n: encode_wordings(folder / TEXTS_OF[n], words, negative, sided[n], sided[n])
        for n, words in prompts.items()
    }


def convert_richdreamer(
    normal_depth: Path, albedo: Path, sd15: Path, sd21: Path, out: Path
) -> None:
    """The published nd_mv_ema.ckpt and albedo_mv_ema.ckpt, with folders of Stable Diffusion 1.5 and
    2.1-base -> a folder for `load_richdreamer`.

    Raises PriorError where a tensor is missing, left over or of another shape.
    """
    size = {"sample_size": LATENT_SIZE}
    config = weights.read_json(sd15 / "unet" / "config.json") | size
    convert_network(normal_depth, config, out / NORMAL / "unet")
    config = weights.read_json(sd21 / "unet" / "config.json") | size
    channels = {"in_channels": config.get("in_channels", 4) + 1}
    convert_network(albedo, config | channels, out / ALBEDO / "unet")
    copy_parts(sd15, out / NORMAL, SHARED[1:])
    copy_parts(sd21, out / SHADED, ("unet", *SHARED))
    write_index(out / SHADED, "StableDiffusionPipeline")
    write_index(out, PIPELINE)
