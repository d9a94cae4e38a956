"""G-buffers -> the pictures of each domain, under random lights and on random backgrounds.

The lights hang in view space and turn at random with every picture, so that shading says nothing
about the azimuth and the camera has to be learned from the shape.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from backend.guidance.base import DOMAINS

DOMAIN_SHARES = {"shaded": 0.24, "albedo": 0.28, "normal": 0.24, "orm": 0.24}


def compose(
    gbuffers: Tensor, up: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """(B, H, W, 9) uint8 and world up (B, 3) in view space -> images (B, 3, H, W) in [0, 1],
    backgrounds (B, 3), domain indices (B,)."""
    device = gbuffers.device
    count = len(gbuffers)
    shares = torch.tensor([DOMAIN_SHARES[d] for d in DOMAINS])
    domain = torch.multinomial(shares, count, replacement=True, generator=generator).to(device)
    g = gbuffers.float() / 255
    albedo, alpha = g[..., :3], g[..., 8:]
    normal = F.normalize(g[..., 3:6] * 2 - 1, dim=-1)
    roughness, metallic = g[..., 6:7], g[..., 7:8]
    images = albedo.clone()
    lit = domain == DOMAINS.index("shaded")
    images[lit] = shade(
        albedo[lit], normal[lit], roughness[lit], metallic[lit], up[lit].to(device), generator
    )
    turned = domain == DOMAINS.index("normal")
    images[turned] = normal[turned] * 0.5 + 0.5
    orm = domain == DOMAINS.index("orm")
    images[orm] = torch.cat([torch.ones_like(roughness), roughness, metallic], -1)[orm]
    backgrounds = random_backgrounds(count, generator).to(device)
    images = images * alpha + backgrounds[:, None, None] * (1 - alpha)
    return images.permute(0, 3, 1, 2).contiguous(), backgrounds, domain


def random_backgrounds(count: int, generator: torch.Generator) -> Tensor:
    """(count, 3): colours, with more greys, whites and blacks than chance would give."""
    colours = torch.rand(count, 3, generator=generator)
    greys = torch.rand(count, 1, generator=generator).expand(-1, 3)
    pick = torch.rand(count, 1, generator=generator)
    out = torch.where(pick < 0.5, colours, greys)
    return torch.where(pick > 0.85, (greys > 0.5).float(), out)


def shade(albedo, normal, roughness, metallic, up, generator) -> Tensor:
    """Metallic-roughness shading under a sky, a ground and two soft lights -> sRGB (B, H, W, 3)."""
    count = len(albedo)
    if count == 0:
        return albedo

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        r = torch.rand(count, 1, 1, channels, generator=generator)
        return (low + (high - low) * r).to(albedo.device)

    linear = albedo**2.2
    diffuse, f0 = linear * (1 - metallic), 0.04 * (1 - metallic) + linear * metallic
    sky = uniform(0.45, 1.1) * uniform(0.85, 1.1, 3)
    ground = uniform(0.12, 0.5) * uniform(0.85, 1.1, 3)
    up = up[:, None, None].to(albedo.dtype)
    reflected = torch.cat([normal[..., :2], normal[..., 2:]], -1) * 2 * normal[..., 2:]
    reflected = reflected - torch.tensor([0.0, 0.0, 1.0], device=albedo.device)
    fresnel = (
        f0 + (1 - roughness).clamp(min=0.04) * (1 - f0) * (1 - normal[..., 2:].clamp(0, 1)) ** 5
    )

    def gradient(direction: Tensor, sharp: Tensor | float) -> Tensor:
        s = torch.sigmoid(sharp * (direction * up).sum(-1, keepdim=True))
        return ground + (sky - ground) * s

    out = diffuse * gradient(normal, 2.5) + fresnel * gradient(reflected, 2.5 + 8 * (1 - roughness))
    for strength in (uniform(0.0, 1.3), uniform(0.0, 0.7)):
        light = F.normalize(
            torch.randn(count, 1, 1, 3, generator=generator).to(albedo.device), dim=-1
        )
        light = torch.where((light * up).sum(-1, keepdim=True) < 0, -light, light)
        shininess = 2 / (roughness**2).clamp(min=0.02) ** 1.0
        lobe = (reflected * light).sum(-1, keepdim=True).clamp(min=0) ** shininess
        lambert = (normal * light).sum(-1, keepdim=True).clamp(min=0)
        out = out + strength * (diffuse * lambert + fresnel * lobe * (shininess + 2).log() * 0.7)
    return out.clamp(1e-5, 1) ** (1 / 2.2)
