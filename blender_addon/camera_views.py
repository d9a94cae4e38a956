"""The scene's cameras and this viewport as camera preferences of a job.

In: a context and what the prop is: the active mesh, or the place of the 3D cursor where a new one
will stand. Out: `settings_from`, fields of Settings for Generate; operators that put them into the
panel's sliders. The mathematics is in cameras.py.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import BoolProperty, FloatProperty
from mathutils import Matrix, Vector

from .cameras import KNOWN, RADIUS, Limits, Preferences, Spread, View, preferences, view_of
from .settings import favoured, settings_of
from .translations import n_, told
from .wire import messages

NO_CAMERA = n_("The scene has no camera: add one, or select the cameras to take the views from")
NO_VIEW = n_("There is no 3D viewport here to take the view from")


class NoViewError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Target:
    """The prop that a view is relative to."""

    middle: Vector  # world
    to_own: Matrix  # 3x3 rotation, from world axes to the prop's own
    scale: float  # metres of a canonical unit


def target_of(context: bpy.types.Context) -> Target:
    """The active mesh, if it is selected and has a size; or else where a new prop will stand."""
    thing = context.active_object
    if thing is not None and thing.type == "MESH" and thing.select_get() and any(thing.dimensions):
        corners = [Vector(corner) for corner in thing.bound_box]
        low, high = (Vector(map(f, zip(*corners, strict=True))) for f in (min, max))
        world = thing.matrix_world
        reach = max((world.to_3x3() @ (corner - (low + high) / 2)).length for corner in corners)
        turn = world.to_quaternion().to_matrix()
        return Target(world @ ((low + high) / 2), turn.transposed(), max(reach, 1e-6) / RADIUS)
    height = context.scene.propsmith.height or 1.0
    middle = context.scene.cursor.location + Vector((0, 0, height / 2))
    return Target(middle, Matrix.Identity(3), height / (2 * RADIUS))


def camera_view(scene: bpy.types.Scene, camera: bpy.types.Object, target: Target) -> View:
    """What a camera object sees, its lens, sensor and the render's aspect counted."""
    fov = None
    if camera.data.type != "ORTHO":
        frame = camera.data.view_frame(scene=scene)
        height = max(corner.y for corner in frame) - min(corner.y for corner in frame)
        fov = math.degrees(2 * math.atan2(height / 2, -frame[0].z))
    return _view(camera.matrix_world, fov, target)


def viewport_view(space: bpy.types.SpaceView3D, scene: bpy.types.Scene, target: Target) -> View:
    """What a 3D viewport shows; looking through a camera, what that camera sees."""
    region = space.region_3d
    camera = space.camera or scene.camera
    if region.view_perspective == "CAMERA" and camera is not None and camera.type == "CAMERA":
        return camera_view(scene, camera, target)
    fov = None
    if region.view_perspective != "ORTHO":
        fov = math.degrees(2 * math.atan(1 / region.window_matrix[1][1]))
    # Not view_matrix: that is of the last time the viewport was drawn.
    turn = region.view_rotation.to_matrix().to_4x4()
    away = region.view_rotation @ Vector((0, 0, region.view_distance))
    return _view(Matrix.Translation(region.view_location + away) @ turn, fov, target)


def views_of(context: bpy.types.Context, source: str) -> list[View]:
    """source "CAMERA": of the selected cameras, or of the scene's; "VIEWPORT": of this one.

    Raises NoViewError where there is none.
    """
    target = target_of(context)
    if source == "VIEWPORT":
        space = context.space_data
        if not isinstance(space, bpy.types.SpaceView3D) or space.region_3d is None:
            raise NoViewError(NO_VIEW)
        return [viewport_view(space, context.scene, target)]
    cameras = [o for o in context.selected_objects if o.type == "CAMERA"]
    own = context.scene.camera
    if not cameras and own is not None and own.type == "CAMERA":
        cameras = [own]
    if not cameras:
        raise NoViewError(NO_CAMERA)
    return [camera_view(context.scene, camera, target) for camera in cameras]


def preferences_from(
    context: bpy.types.Context, source: str, spread: Spread | None = None
) -> Preferences:
    """Within what the panel's prior knows. Raises NoViewError."""
    limits = KNOWN.get(context.scene.propsmith.prior, Limits())
    return preferences(views_of(context, source), spread or Spread(), limits)


def settings_from(context: bpy.types.Context, source: str) -> dict[str, Any]:
    """Settings' fields azimuth, elevation, distance, fov and favour. Raises NoViewError."""
    return asdict(preferences_from(context, source))


def panel_settings(context: bpy.types.Context) -> messages.Settings:
    """The panel's settings with the cameras that it names, also those of the scene or the viewport.

    Raises WireError or NoViewError.
    """
    settings, source = settings_of(context.scene), context.scene.propsmith.camera_source
    if source in ("CAMERA", "VIEWPORT"):
        settings = replace(settings, **settings_from(context, source))
    return settings


def show(panel: Any, found: Preferences) -> None:
    """The panel's sliders get the preferences."""
    panel.camera_source = "SLIDERS"
    for name in ("azimuth", "elevation", "distance", "fov"):
        setattr(panel, name, getattr(found, name))
    panel.use_favour = found.favour is not None
    if found.favour is not None:
        panel.favour, panel.favour_angles = "OWN", found.favour


def _view(matrix: Matrix, fov: float | None, target: Target) -> View:
    """matrix: a Blender camera's, which looks along its -Z."""
    position = target.to_own @ (matrix.translation - target.middle)
    forward = target.to_own @ -matrix.col[2].to_3d()
    return view_of(position, forward, fov, target.scale)


class _Cameras:
    """What both operators share."""

    bl_options = {"REGISTER", "UNDO"}
    source = ""

    azimuth: FloatProperty(
        name="Around", default=180, min=0, max=180, precision=0,
        description="Degrees to either side that the cameras may go; 180: all around",
    )  # fmt: skip
    elevation: FloatProperty(
        name="Up and Down", default=30, min=0, max=90, precision=0,
        description="Degrees up and down that the cameras may go",
    )  # fmt: skip
    frame: BoolProperty(
        name="Fill the Picture", default=True,
        description="Move the cameras along their line of sight until the prop fills the picture, "
        "as priors know it; else their distance is kept",
    )  # fmt: skip

    def execute(self, context: bpy.types.Context) -> set[str]:
        spread = Spread(self.azimuth, self.elevation, frame=self.frame)
        try:
            found = preferences_from(context, self.source, spread)
        except NoViewError as error:
            self.report({"ERROR"}, told(str(error)))
            return {"CANCELLED"}
        show(context.scene.propsmith, found)
        return {"FINISHED"}


class PROPSMITH_OT_cameras_from_scene(_Cameras, bpy.types.Operator):
    bl_idname = "propsmith.cameras_from_scene"
    bl_label = "Cameras from Scene"
    bl_description = (
        "Set the camera sliders by the selected cameras, or the scene's: direction, distance and "
        "field of view, relative to the active mesh or the 3D cursor"
    )
    source = "CAMERA"


class PROPSMITH_OT_cameras_from_view(_Cameras, bpy.types.Operator):
    bl_idname = "propsmith.cameras_from_view"
    bl_label = "Cameras from This View"
    bl_description = (
        "Set the camera sliders by this viewport: direction, distance and field of view, relative "
        "to the active mesh or the 3D cursor"
    )
    source = "VIEWPORT"


class PROPSMITH_OT_look_from_favoured(bpy.types.Operator):
    bl_idname = "propsmith.look_from_favoured"
    bl_label = "Look from the Favoured View"
    bl_description = "Turn this viewport to the favoured view of the active mesh or the 3D cursor"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not isinstance(context.space_data, bpy.types.SpaceView3D):
            cls.poll_message_set(rpt_(NO_VIEW))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        panel, target = context.scene.propsmith, target_of(context)
        region = context.space_data.region_3d
        azimuth, elevation = (math.radians(v) for v in favoured(panel))
        outward = Vector((math.sin(azimuth), -math.cos(azimuth), math.tan(elevation)))
        region.view_perspective = "PERSP"
        region.view_location = target.middle
        own = target.to_own.transposed() @ outward
        region.view_rotation = own.to_track_quat("Z", "Y")
        region.view_distance = sum(panel.distance) / 2 * target.scale
        return {"FINISHED"}


classes = (
    PROPSMITH_OT_cameras_from_scene,
    PROPSMITH_OT_cameras_from_view,
    PROPSMITH_OT_look_from_favoured,
)
