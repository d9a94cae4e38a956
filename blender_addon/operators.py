"""Generate: a job from the panel's settings, and the object that will show it.

In: the scene's settings. Out: a job at the server, or on its way there. Operators call functions
that a script can call as well: `generate`.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from . import bridge, jobs, live, objects, runtime, session, solid, uploads
from .properties import MOST_SEED
from .settings import settings_of
from .wire import errors, messages

Slices = Generator[Any, None, None]


class GenerateError(Exception):
    """One sentence for the user."""


def generate(context: bpy.types.Context, settings: messages.Settings | None = None) -> str:
    """Submits the panel's settings, or those given; returns the job's id.

    An object that shows it stands at the 3D cursor from now on. Raises GenerateError.
    """
    panel = context.scene.propsmith
    if settings is None:
        settings, image = _panel_settings(context), panel.image
    else:
        image = ""
    if not settings.prompt:
        raise GenerateError("Say what to make: the prompt is empty.")
    picture = Path(bpy.path.abspath(image)) if image else None
    if picture and not picture.is_file():
        raise GenerateError(f"There is no picture '{picture}'.")
    job = jobs.new_id()
    thing = objects.make(context, job, settings.prompt, settings.height or 0.0)
    jobs.follow(job, live.Prop(job, thing.propsmith.uid))
    runtime.choose(job)
    if picture:
        bridge.later(_with_picture(job, settings, picture))
    else:
        jobs.submit(job, settings)
    return job


def _panel_settings(context: bpy.types.Context) -> messages.Settings:
    panel = context.scene.propsmith
    if not panel.seed_locked:
        panel.seed = random.SystemRandom().randrange(MOST_SEED)
    try:
        settings = settings_of(context.scene)
    except errors.WireError as error:
        raise GenerateError(str(error)) from error
    if panel.camera_source in ("CAMERA", "VIEWPORT"):
        from . import camera_views

        try:
            found = camera_views.settings_from(context, panel.camera_source)
        except camera_views.NoViewError as error:
            raise GenerateError(str(error)) from error
        settings = replace(settings, **found)
    return settings


def _with_picture(job: str, settings: messages.Settings, picture: Path) -> Slices:
    """The picture goes ahead of the job, whenever there is a connection."""
    try:
        digest = yield from uploads.send(picture)
    except (errors.RemoteError, OSError) as error:
        jobs.forget(job)
        session.tell(f"The picture can't be sent: {error}")
        return
    jobs.submit(job, replace(settings, image=digest))


class PROPSMITH_OT_generate(bpy.types.Operator):
    bl_idname = "propsmith.generate"
    bl_label = "Generate Prop"
    bl_description = (
        "Make a prop from the prompt: it appears at the 3D cursor within seconds and gets better "
        "while you work on"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        if session.is_up():
            session.tell("")  # what was said of earlier jobs
        elif session.now.client is None:
            session.connect()
        try:
            generate(context)
        except GenerateError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        solid.show_colors(context)
        if session.now.sentence and not session.is_up():
            self.report({"WARNING"}, session.now.sentence)
        return {"FINISHED"}


class PROPSMITH_OT_new_seed(bpy.types.Operator):
    bl_idname = "propsmith.new_seed"
    bl_label = "New Seed"
    bl_description = "Draw another seed: the same prompt then gives another prop"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.propsmith.seed = random.SystemRandom().randrange(MOST_SEED)
        return {"FINISHED"}


classes = (PROPSMITH_OT_generate, PROPSMITH_OT_new_seed)
