"""Contact sheets and loss curves: what a person looks at to judge a prop.

In: rows of images (B, H, W, 3) by name, or a prop to turn in front of the camera.
Out: PIL images, PNG files; views run from left to right, the front first, rows from top to bottom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from backend.cameras import Cameras, turntable
from backend.evaluate.pictures import GREY, Shading, Surface, head_light, render_mesh
from backend.render.gaussians import render_gaussians

VIEWS = 8
MESH_ROWS = ("albedo", "shaded", "normals")
TITLE_HEIGHT = 18


def sheet(rows: Mapping[str, Float[Tensor, "B H W 3"]], title: str = "") -> Image.Image:
    """One row of pictures for each name, labelled in its corner."""
    strips = [torch.cat(list(images), dim=1) for images in rows.values()]
    pixels = (torch.cat(strips).detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    top = TITLE_HEIGHT if title else 0
    canvas = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + top), (24, 24, 24))
    canvas.paste(Image.fromarray(pixels.numpy()), (0, top))
    draw = ImageDraw.Draw(canvas)
    draw.text((4, 3), title, fill=(235, 235, 235))
    y = top
    for name, strip in zip(rows, strips, strict=True):
        draw.text((4, y + 2), name, fill=(255, 255, 255), stroke_width=1, stroke_fill=(0, 0, 0))
        y += strip.shape[0]
    return canvas


def save_sheet(
    path: Path | str, rows: Mapping[str, Float[Tensor, "B H W 3"]], title: str = ""
) -> None:
    """Writes the sheet where the suffix says how (.png, .jpg)."""
    sheet(rows, title).save(path)


def mesh_rows(
    surface: Surface,
    size: int = 128,
    cameras: Cameras | None = None,
    shading: Shading = head_light,
    names: Sequence[str] = MESH_ROWS,
) -> dict[str, Float[Tensor, "B H W 3"]]:
    """The rows of a mesh's sheet; without cameras, a turntable of 8 views from the front on."""
    cameras = turntable(VIEWS) if cameras is None else cameras
    images = render_mesh(surface, cameras.to(surface.vertices.device), size, shading)
    return {name: images[name] for name in names}


@torch.no_grad()
def gaussian_rows(
    means: Float[Tensor, "N 3"],
    quats: Float[Tensor, "N 4"],
    scales: Float[Tensor, "N 3"],
    opacities: Float[Tensor, "N"],
    colors: Float[Tensor, "N 3"],
    size: int = 128,
    cameras: Cameras | None = None,
) -> dict[str, Float[Tensor, "B H W 3"]]:
    """Rows "color" and "depth" (near is bright, none is black) of a Gaussian cloud."""
    cameras = (turntable(VIEWS) if cameras is None else cameras).to(means.device)
    images = render_gaussians(
        means,
        quats,
        scales,
        opacities,
        colors,
        cameras.viewmats,
        cameras.intrinsics(size, size),
        size,
        size,
        torch.full((len(cameras), 3), GREY, device=means.device),
    )
    # The canonical prop lies within 1 of the origin: brightness is the same in every sheet.
    nearness = (cameras.distance[:, None, None, None] + 1 - images.depths) / 2
    depth = (nearness * images.alphas).clamp(0, 1)
    return {"color": images.colors, "depth": depth.expand(-1, -1, -1, 3)}


def save_loss_curves(
    path: Path | str, curves: Mapping[str, Sequence[float]], title: str = ""
) -> None:
    """One panel for each loss, over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.8 * max(1, len(curves)) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(max(1, len(curves)), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (name, values) in zip(panels, curves.items(), strict=False):
        panel.plot(range(1, len(values) + 1), values, linewidth=1)
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("step")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
