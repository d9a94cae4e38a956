"""Camera preferences from views: directions against a brute force, real cameras, the sliders."""

from __future__ import annotations

import importlib
import math
import random
from types import ModuleType
from typing import Any

import bpy
import pytest
from mathutils import Euler, Vector


@pytest.fixture
def cameras(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.cameras")


@pytest.fixture
def views(addon: ModuleType) -> ModuleType:
    return importlib.import_module(f"{addon.__name__}.camera_views")


def prop(size: float = 1.0) -> bpy.types.Object:
    """A ball whose bounding box is `size` wide, standing on the ground, selected."""
    bpy.ops.mesh.primitive_uv_sphere_add(radius=size / 2, location=(0, 0, size / 2))
    return bpy.context.active_object


def camera_at(place: tuple[float, float, float], aim: Vector) -> bpy.types.Object:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.context.collection.objects.link(camera)
    camera.location = place
    camera.rotation_euler = (aim - camera.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.camera = camera
    bpy.context.view_layer.update()
    return camera


@pytest.mark.parametrize(
    ("place", "azimuth", "elevation"),
    [
        ((0, -3, 0), 0, 0),
        ((3, 0, 0), 90, 0),
        ((0, 3, 0), 180, 0),
        ((-3, 0, 0), -90, 0),
        ((0, 0, 3), 0, 90),
        ((2, -2, math.sqrt(8)), 45, 45),
    ],
)
def test_directions_are_those_of_the_conventions(
    cameras: ModuleType, place: tuple[float, float, float], azimuth: float, elevation: float
) -> None:
    view = cameras.view_of(place, [-v for v in place], 40.0, 1.0)
    assert abs(view.azimuth) == pytest.approx(abs(azimuth), abs=1e-9)
    assert azimuth == 180 or view.azimuth == pytest.approx(azimuth, abs=1e-9)
    assert view.elevation == pytest.approx(elevation, abs=1e-9)


def test_arcs_cover_every_view_and_are_the_shortest(cameras: ModuleType) -> None:
    draw = random.Random(1)
    for _ in range(300):
        azimuths = [draw.uniform(-180, 180) for _ in range(draw.randint(1, 5))]
        spread = draw.uniform(0, 60)
        low, high = cameras.covering_arc(azimuths, spread)
        assert -360 <= low <= high <= 360
        if (low, high) != (-180.0, 180.0):
            for azimuth in azimuths:
                assert (azimuth - spread - low + 0.01) % 360 <= high - low + 0.02
        # No arc that begins at one of them is shorter.
        shortest = min(max((a - begin) % 360 for a in azimuths) for begin in azimuths)
        assert high - low == pytest.approx(min(360, shortest + 2 * spread), abs=0.01)


def test_a_framed_camera_sees_the_prop_as_large_as_the_default(cameras: ModuleType) -> None:
    assert cameras.framed_distance(40.0) == pytest.approx(3.0)
    for fov in (7.0, 20.0, 60.0, 100.0):
        distance = cameras.framed_distance(fov)
        assert cameras.DISTANCES[0] < distance < cameras.DISTANCES[1]
        share = math.asin(cameras.RADIUS / distance) / math.radians(fov / 2)
        assert 0.6 < share < 1.0


def test_everything_that_comes_out_is_what_a_job_accepts(
    addon: ModuleType, cameras: ModuleType
) -> None:
    settings = importlib.import_module(f"{addon.__name__}.wire").messages.Settings
    checks = importlib.import_module(settings.__module__.rsplit(".", 1)[0] + ".checks")
    draw = random.Random(2)
    for _ in range(300):
        found = [
            cameras.View(
                draw.uniform(-180, 180),
                draw.uniform(-90, 90),
                draw.choice([None, 10 ** draw.uniform(-2, 3)]),
                draw.choice([None, draw.uniform(0.5, 175)]),
            )
            for _ in range(draw.randint(1, 3))
        ]
        spread = cameras.Spread(
            draw.uniform(0, 180), draw.uniform(0, 90), frame=draw.random() < 0.5
        )
        limits = draw.choice([cameras.Limits(), cameras.KNOWN["embedded"]])
        chosen = cameras.preferences(found, spread, limits)
        values: dict[str, Any] = {
            name: getattr(chosen, name)
            for name in ("azimuth", "elevation", "distance", "fov", "favour")
        }
        checks.checked(settings, {"prompt": "a chair", **values}, "settings")
        assert limits.fov[0] <= chosen.fov[0] and chosen.fov[1] <= limits.fov[1]
    with pytest.raises(ValueError, match="no camera"):
        cameras.preferences([], cameras.Spread(), cameras.Limits())


def test_the_scenes_camera_is_seen_from_the_prop(views: ModuleType) -> None:
    thing = prop(2.0)
    camera = camera_at((6, 0, 1), Vector((0, 0, 1)))
    camera.data.sensor_fit, camera.data.angle_y = "VERTICAL", math.radians(30)
    view = views.camera_view(bpy.context.scene, camera, views.target_of(bpy.context))
    assert (view.azimuth, view.elevation) == pytest.approx((90, 0), abs=1e-4)
    assert view.fov == pytest.approx(30, abs=1e-3)
    # The sphere around the bounding box has radius sqrt(3) m and is 0.9 canonical units.
    assert view.distance == pytest.approx(6 * 0.9 / math.sqrt(3), rel=1e-4)
    thing.rotation_euler = Euler((0, 0, math.pi / 2))
    bpy.context.view_layer.update()
    turned = views.camera_view(bpy.context.scene, camera, views.target_of(bpy.context))
    assert turned.azimuth == pytest.approx(0, abs=1e-3)


def test_field_of_view_follows_the_renders_aspect(views: ModuleType) -> None:
    prop()
    camera = camera_at((0, -6, 0), Vector((0, 0, 0)))
    camera.data.sensor_fit, camera.data.angle_x = "HORIZONTAL", math.radians(60)
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 2000, 1000
    view = views.camera_view(bpy.context.scene, camera, views.target_of(bpy.context))
    expected = 2 * math.degrees(math.atan(math.tan(math.radians(30)) / 2))
    assert view.fov == pytest.approx(expected, abs=1e-3)


def test_without_a_selected_mesh_the_prop_will_stand_at_the_cursor(views: ModuleType) -> None:
    bpy.context.scene.cursor.location = (5, 0, 0)
    bpy.context.scene.propsmith.height = 1.8
    camera = camera_at((5, -4, 0.9), Vector((5, 0, 0.9)))
    view = views.camera_view(bpy.context.scene, camera, views.target_of(bpy.context))
    assert (view.azimuth, view.elevation) == pytest.approx((0, 0), abs=1e-4)
    assert view.distance == pytest.approx(4.0, rel=1e-5)


def test_the_operator_fills_the_sliders_within_what_the_prior_knows(views: ModuleType) -> None:
    prop()
    camera_at((4, -4, 3), Vector((0, 0, 0.5)))
    panel = bpy.context.scene.propsmith
    panel.prior = "embedded"
    assert bpy.ops.propsmith.cameras_from_scene(azimuth=40, elevation=10) == {"FINISHED"}
    assert panel.camera_source == "SLIDERS" and panel.use_favour and panel.favour == "OWN"
    assert tuple(panel.azimuth) == pytest.approx((5, 85), abs=0.01)
    assert panel.favour_angles[0] == pytest.approx(45, abs=0.01)
    assert 36 <= panel.fov[0] <= panel.fov[1] <= 44
    assert 2.65 <= panel.distance[0] <= panel.distance[1] <= 3.35


def test_an_orthographic_camera_gives_its_direction(views: ModuleType) -> None:
    prop()
    camera = camera_at((100, -100, 0.5), Vector((0, 0, 0.5)))
    camera.data.type = "ORTHO"
    found = views.settings_from(bpy.context, "CAMERA")
    assert found["favour"] == pytest.approx((45, 0), abs=0.01)
    assert found["distance"][0] < 3 < found["distance"][1]


def test_without_a_camera_or_viewport_there_is_a_sentence(views: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.propsmith.cameras_from_scene()
    with pytest.raises(RuntimeError, match="no 3D viewport"):
        bpy.ops.propsmith.cameras_from_view()


def test_a_viewport_is_read_as_it_is_shown(views: ModuleType) -> None:
    prop()
    space = next(
        area.spaces.active
        for screen in bpy.data.screens
        for area in screen.areas
        if area.type == "VIEW_3D"
    )
    space.region_3d.view_perspective = "ORTHO"
    space.region_3d.view_rotation = Euler((math.pi / 2, 0, math.pi / 2)).to_quaternion()
    view = views.viewport_view(space, bpy.context.scene, views.target_of(bpy.context))
    assert view.fov is None and view.distance is None
    assert (view.azimuth, view.elevation) == pytest.approx((90, 0), abs=0.1)
