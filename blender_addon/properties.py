"""What is kept: the panel's settings on the scene, the link to its job on each object.

What a job has of them: settings.py. What is only true while Blender runs (the connection, the
queue) lies on the window manager: runtime.py.
"""

from __future__ import annotations

from functools import partial

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

MOST_SEED = 2**31 - 1  # of Blender's whole numbers
VIEWS = (
    ("FRONT", "Front", "The side that looks along -Y", 0),
    ("BACK", "Back", "The side that looks along +Y", 1),
    ("LEFT", "Left", "The side that looks along -X", 2),
    ("RIGHT", "Right", "The side that looks along +X", 3),
    ("TOP", "Top", "From above", 4),
    ("OWN", "Own Direction", "The azimuth and elevation below", 5),
)
SOURCES = (
    ("DEFAULT", "All Around", "Cameras all around the prop, as the preset has them"),
    ("CAMERA", "Scene Camera", "Favour what the scene's camera sees of the 3D cursor's place"),
    ("VIEWPORT", "This Viewport", "Favour the view of the viewport that Generate is pressed in"),
    ("SLIDERS", "Sliders", "Set the ranges by hand"),
)


RangeProperty = partial(FloatVectorProperty, size=2)


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
    distillation_settings: StringProperty(
        name="Its Settings",
        description="Settings of the distillation, NAME=VALUE, apart by commas: particles=2 for "
        "vsd. 'propsmith models show vsd' lists them; empty: its defaults",
        maxlen=500,
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
        description="A picture of the prop (PNG, JPEG, WebP) that it should look like. It may "
        "stand alone, without a prompt",
        subtype="FILE_PATH",
    )
    image_elevation: FloatProperty(
        name="Seen From",
        description="How far above the prop the picture's camera stood, degrees; 0 is level "
        "with it",
        min=-90,
        max=90,
        precision=1,
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
    azimuth: RangeProperty(
        name="Azimuth",
        description="Range around the prop, degrees; 0 is the front, 90 its +X side",
        default=(-180, 180),
        min=-360,
        max=360,
    )
    elevation: RangeProperty(
        name="Elevation",
        description="Range of heights, degrees; 90 looks straight down",
        default=(-10, 45),
        min=-90,
        max=90,
    )
    distance: RangeProperty(
        name="Distance",
        description="Range of distances; the prop fills a sphere of radius 0.9",
        default=(2.8, 3.2),
        min=1.21,
        max=18.9,
    )
    fov: RangeProperty(
        name="Field of View",
        description="Range of vertical fields of view, degrees",
        default=(38, 42),
        min=1,
        max=119,
    )
    use_favour: BoolProperty(
        name="Favour a View", description="Look more often from one direction than from others"
    )
    favour: EnumProperty(name="Favour", description="The direction to favour", items=VIEWS)
    favour_angles: RangeProperty(
        name="Direction",
        description="Azimuth and elevation of the favoured view, degrees",
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
    fresh: BoolProperty(options={"HIDDEN"})  # in the undo step of the job's beginning: undo.py


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
