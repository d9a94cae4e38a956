"""What is kept: the panel's settings on the scene, the link to its job on each object.

In: a scene. Out: `settings_of`, the job's settings as the wire has them. What is only true while
Blender runs (the connection, the queue) lies on the window manager: runtime.py.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .choices import menu
from .wire import messages

MOST_SEED = 2**31 - 1  # of Blender's whole numbers
VIEWS = (
    ("FRONT", "Front", "The side that looks along -Y", 0),
    ("BACK", "Back", "The side that looks along +Y", 1),
    ("LEFT", "Left", "The side that looks along -X", 2),
    ("RIGHT", "Right", "The side that looks along +X", 3),
    ("TOP", "Top", "From above", 4),
    ("OWN", "Own Direction", "The azimuth and elevation below", 5),
)
DIRECTIONS = {
    "FRONT": (0.0, 15.0),
    "BACK": (180.0, 15.0),
    "LEFT": (-90.0, 15.0),
    "RIGHT": (90.0, 15.0),
    "TOP": (0.0, 80.0),
}
SOURCES = (
    ("DEFAULT", "All Around", "Cameras all around the prop, as the preset has them"),
    ("CAMERA", "Scene Camera", "Favour what the scene's camera sees of the 3D cursor's place"),
    ("VIEWPORT", "This Viewport", "Favour the view of the viewport that Generate is pressed in"),
    ("SLIDERS", "Sliders", "Set the ranges by hand"),
)


class PROPSMITH_PG_settings(bpy.types.PropertyGroup):
    """Saved with the scene."""

    prompt: StringProperty(
        name="Prompt",
        description="What to make, in words. (word:1.3) gives a word more weight, [word] less",
        maxlen=2000,
        options={"TEXTEDIT_UPDATE"},
    )
    negative: StringProperty(
        name="Negative", description="What the prop should not look like", maxlen=2000
    )
    style: StringProperty(
        name="Style",
        description="Words for the look that stand behind the prompt; presets set them",
        maxlen=500,
    )
    preset: StringProperty(name="Quality", default="draft", options={"HIDDEN"})
    preset_menu: menu("preset", "Quality", "How much time to give: steps, surface, texture", None)
    prior: StringProperty(name="Prior", default="embedded", options={"HIDDEN"})
    prior_menu: menu("prior", "Prior", "The 2D diffusion model that judges the prop's looks", None)
    distillation: StringProperty(name="Distillation", options={"HIDDEN"})
    distillation_menu: menu(
        "distillation", "Distillation", "How the prior's opinion becomes a change of the prop"
    )
    timesteps: StringProperty(name="Timesteps", options={"HIDDEN"})
    timesteps_menu: menu("timesteps", "Timesteps", "In which order noise levels are looked at")
    guidance_scale: FloatProperty(
        name="Guidance",
        description="How strongly the prompt pulls; higher is more literal and more saturated. "
        "0: as the distillation has it",
        min=0,
        max=1000,
        soft_max=100,
        precision=1,
    )
    perp_neg: BoolProperty(
        name="Perp-Neg",
        description="Keeps the negative prompt from pulling against the prompt; helps against "
        "several fronts. Costs one more look of the prior a step",
    )
    seed: IntProperty(
        name="Seed",
        description="The same seed and settings give the same prop",
        min=0,
        max=MOST_SEED,
    )
    seed_locked: BoolProperty(
        name="Lock Seed", description="Keep the seed; else each Generate draws another"
    )
    image: StringProperty(
        name="Image",
        description="A picture of the prop (PNG, JPEG, WebP) that it should look like",
        subtype="FILE_PATH",
    )
    faces: IntProperty(
        name="Faces",
        description="Triangles of the finished prop. 0: as the preset has it",
        min=0,
        max=200_000,
        soft_max=50_000,
    )
    texture_size: EnumProperty(
        name="Texture",
        description="Side of each texture, in pixels",
        items=[
            ("0", "As the Preset", "As the preset of quality has it"),
            *((str(n), f"{n} px", f"{n} x {n} pixels") for n in (512, 1024, 2048, 4096)),
        ],
    )
    height: FloatProperty(
        name="Height",
        description="Of the finished prop. 0: its longest side becomes 1 m",
        min=0,
        max=1000,
        unit="LENGTH",
        subtype="DISTANCE",
    )
    camera_source: EnumProperty(
        name="Cameras", description="Where the prop is looked at from", items=SOURCES
    )
    azimuth: FloatVectorProperty(
        name="Azimuth",
        description="Range around the prop, degrees; 0 is the front, 90 its +X side",
        size=2,
        default=(-180, 180),
        min=-360,
        max=360,
    )
    elevation: FloatVectorProperty(
        name="Elevation",
        description="Range of heights, degrees; 90 looks straight down",
        size=2,
        default=(-10, 45),
        min=-90,
        max=90,
    )
    distance: FloatVectorProperty(
        name="Distance",
        description="Range of distances; the prop fills a sphere of radius 0.9",
        size=2,
        default=(2.8, 3.2),
        min=1.21,
        max=18.9,
    )
    fov: FloatVectorProperty(
        name="Field of View",
        description="Range of vertical fields of view, degrees",
        size=2,
        default=(38, 42),
        min=1,
        max=119,
    )
    use_favour: BoolProperty(
        name="Favour a View", description="Look more often from one direction than from others"
    )
    favour: EnumProperty(name="Favour", description="The direction to favour", items=VIEWS)
    favour_angles: FloatVectorProperty(
        name="Direction",
        description="Azimuth and elevation of the favoured view, degrees",
        size=2,
        default=(0, 15),
        min=-180,
        max=180,
    )


class PROPSMITH_PG_object(bpy.types.PropertyGroup):
    """Which job an object shows."""

    job: StringProperty(name="Job", description="The job that makes this prop")
    uid: StringProperty(name="Id", description="By which the object is found again")
    role: EnumProperty(
        name="Role",
        items=[
            ("NONE", "None", "Nothing of Propsmith's"),
            ("LIVE", "Live", "Shows a job while it runs"),
            ("DONE", "Done", "A finished prop"),
            ("YOURS", "Yours", "Was changed by hand while it streamed, and is left alone since"),
            ("COPY", "Copy", "A duplicate that was made while the original streamed"),
            ("LOD", "LOD", "A simpler version of a prop"),
            ("HULL", "Hull", "The collision hull of a prop"),
        ],
    )
    height: FloatProperty(name="Height", unit="LENGTH")  # metres; 0: longest side 1 m


class PROPSMITH_PG_mesh(bpy.types.PropertyGroup):
    """What the add-on last wrote into a mesh: whoever changed it since owns it."""

    topology: StringProperty(name="Topology")
    written: StringProperty(name="Written")  # hash of the positions


classes = (PROPSMITH_PG_settings, PROPSMITH_PG_object, PROPSMITH_PG_mesh)


def register() -> None:
    bpy.types.Scene.propsmith = PointerProperty(type=PROPSMITH_PG_settings)
    bpy.types.Object.propsmith = PointerProperty(type=PROPSMITH_PG_object)
    bpy.types.Mesh.propsmith = PointerProperty(type=PROPSMITH_PG_mesh)


def unregister() -> None:
    del bpy.types.Mesh.propsmith
    del bpy.types.Object.propsmith
    del bpy.types.Scene.propsmith


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
        "timesteps": panel.timesteps or None,
        "guidance_scale": panel.guidance_scale or None,
        "perp_neg": panel.perp_neg,
        "faces": max(panel.faces, 500) if panel.faces else None,
        "texture_size": int(panel.texture_size) or None,
        "height": round(panel.height, 6) or None,
        **_cameras(panel),
    }
    return messages.Settings(**values)


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
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name in ("prompt", "negative", "preset", "prior", "perp_neg"):
            setattr(panel, field.name, value)
        elif field.name in ("distillation", "timesteps"):
            setattr(panel, field.name, value or "")
        elif field.name in ("guidance_scale", "faces", "height"):
            setattr(panel, field.name, value or 0)
    panel.seed = min(settings.seed, MOST_SEED)
    sizes = {item.identifier for item in panel.bl_rna.properties["texture_size"].enum_items}
    size = str(settings.texture_size or 0)
    panel.texture_size = size if size in sizes else "0"
    _show_cameras(panel, settings)


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
