"""The panel's settings as a job has them, and back: "use these settings again".

In: a scene. Out: `settings_of`, the job's settings as the wire has them; `show_settings` the other
way round; `title_of`, what a job is called.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_

from . import uploads
from .properties import MOST_SEED, PROPSMITH_PG_settings
from .wire import checks, errors, messages

DIRECTIONS = {
    "FRONT": (0.0, 15.0),
    "BACK": (180.0, 15.0),
    "LEFT": (-90.0, 15.0),
    "RIGHT": (90.0, 15.0),
    "TOP": (0.0, 80.0),
}


def settings_of(scene: bpy.types.Scene) -> messages.Settings:
    """The panel's settings as a job has them. Raises WireError for a value outside its limits.

    The image prompt is not among them: it goes to the server first, and then has a digest. Cameras
    are where the source is DEFAULT or SLIDERS; operators add those of a camera or viewport.
    """
    panel = scene.propsmith
    values: dict[str, Any] = {
        "prompt": ", ".join(filter(None, (panel.prompt.strip(), panel.style.strip()))),
        "negative": panel.negative.strip(),
        "seed": panel.seed,
        "preset": panel.preset,
        "prior": panel.prior,
        "distillation": panel.distillation or None,
        "distillation_settings": _listed(panel.distillation_settings),
        "timesteps": panel.timesteps or None,
        "guidance_scale": panel.guidance_scale or None,
        "perp_neg": panel.perp_neg,
        "faces": max(panel.faces, 500) if panel.faces else None,
        "texture_size": int(panel.texture_size) or None,
        "height": round(panel.height, 6) or None,
        **_cameras(panel),
    }
    checks.checked(messages.Settings, values | {"prompt": values["prompt"] or " "}, "The panel")
    return messages.Settings(**values)


def _listed(text: str) -> tuple[str, ...]:
    """ "a=1, b=2" -> ("a=1", "b=2"). Raises WireError for a part that is nothing like it."""
    parts = tuple(filter(None, (part.strip() for part in text.split(","))))
    for part in parts:
        if not re.fullmatch(r"[^=\s]+\s*=\s*\S.*", part):
            raise errors.bad(
                f"'{part}' under Its Settings is not NAME=VALUE: put commas only between settings, "
                "and a point into numbers, as in 0.5."
            )
    return parts


def title_of(settings: messages.Settings) -> str:
    """The prompt; a job without one is made from a picture alone."""
    title = settings.prompt.strip() or iface_("A picture")
    return iface_("Refined: {}").format(title) if settings.refine else title


def favoured(panel: PROPSMITH_PG_settings) -> tuple[float, float]:
    """Azimuth and elevation, degrees, of the view that the panel names."""
    azimuth, elevation = DIRECTIONS.get(panel.favour) or panel.favour_angles
    return (round(azimuth, 4), round(min(max(elevation, -90.0), 90.0), 4))


def _cameras(panel: PROPSMITH_PG_settings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if panel.use_favour:
        found["favour"] = favoured(panel)
    if panel.camera_source == "SLIDERS":
        for name in ("azimuth", "elevation", "distance", "fov"):
            low, high = sorted(round(value, 4) for value in getattr(panel, name))
            found[name] = (low, high)
    return found


def show_settings(scene: bpy.types.Scene, settings: messages.Settings) -> None:
    """The panel gets a job's settings: "use these settings again"."""
    panel = scene.propsmith
    panel.style = ""  # its words are in the prompt
    panel.image = uploads.sources.get(settings.image or "", "")
    panel.image_elevation = settings.image_elevation or 0
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in ("prompt", "negative", "preset", "prior", "perp_neg"):
            setattr(panel, field.name, value.strip() if field.name == "prompt" else value)
        elif field.name in ("distillation", "timesteps"):
            setattr(panel, field.name, value or "")
        elif field.name in ("guidance_scale", "faces", "height"):
            setattr(panel, field.name, value or 0)
        elif field.name == "distillation_settings":
            panel.distillation_settings = ", ".join(value)
    panel.seed = min(settings.seed, MOST_SEED)
    sizes = {item.identifier for item in panel.bl_rna.properties["texture_size"].enum_items}
    size = str(settings.texture_size or 0)
    panel.texture_size = size if size in sizes else "0"
    _show_cameras(panel, settings)
    if settings.refine is not None:
        _show_refine(scene.propsmith_refine, settings.refine)


def _show_refine(wishes: Any, refine: messages.Refine) -> None:
    """Texture Only is a button of its own, not a mode of the panel. Which group was the mask is the
    object's business: that stays."""
    if refine.mode != "texture-only":
        wishes.mode = "remesh" if refine.mode == "remesh" else "auto"
    wishes.strength = refine.strength


def _show_cameras(panel: PROPSMITH_PG_settings, settings: messages.Settings) -> None:
    names = ("azimuth", "elevation", "distance", "fov")
    given = {name: getattr(settings, name) for name in names if getattr(settings, name)}
    panel.camera_source = "SLIDERS" if given else "DEFAULT"
    for name, ends in given.items():
        setattr(panel, name, ends)
    panel.use_favour = settings.favour is not None
    if settings.favour is not None:
        named = {angles: view for view, angles in DIRECTIONS.items()}
        panel.favour = named.get(settings.favour, "OWN")
        azimuth, elevation = settings.favour
        panel.favour_angles = ((azimuth + 180) % 360 - 180, elevation)
