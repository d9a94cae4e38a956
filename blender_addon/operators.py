"""Generate: a job from the panel's settings, and the object that will show it.

In: the scene's settings. Out: a job at the server, or on its way there. Operators call functions
that a script can call as well: `generate`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import bpy

from . import camera_views, jobs, live, objects, runtime, session, solid, submission
from .camera_views import panel_settings
from .properties import MOST_SEED
from .settings import title_of
from .translations import n_, told
from .wire import errors, messages

NO_PROMPT = n_("Say what to make: write a prompt, or choose a picture under Details.")


class GenerateError(Exception):
    """One sentence for the user."""


def generate(context: bpy.types.Context, settings: messages.Settings | None = None) -> str:
    """Submits the panel's settings, or those given; returns the job's id.

    An object that shows it stands at the 3D cursor from now on. Raises GenerateError.
    """
    panel = context.scene.propsmith
    picture = None
    if settings is None:
        settings = _panel_settings(context)
        picture = Path(bpy.path.abspath(panel.image)) if panel.image else None
    _check(settings, picture)
    if picture:
        settings = replace(
            settings,
            prompt=settings.prompt or " ",  # the protocol's word for none
            image_elevation=round(panel.image_elevation, 4) or None,
        )
    job = jobs.new_id()
    thing = objects.make(context, job, title_of(settings), settings.height or 0.0)
    jobs.follow(job, live.Prop(job, thing.propsmith.uid))
    runtime.choose(job)
    submission.start(job, settings, picture)
    return job


def _check(settings: messages.Settings, picture: Path | None) -> None:
    """Raises GenerateError."""
    if not settings.prompt and not picture:
        raise GenerateError(NO_PROMPT)
    if picture and not picture.is_file():
        raise GenerateError(f"There is no picture '{picture}'.")
    if problem := submission.why_not(settings, bool(picture)):
        raise GenerateError(problem)


def _panel_settings(context: bpy.types.Context) -> messages.Settings:
    """With a new seed where that is not locked. Raises GenerateError."""
    panel = context.scene.propsmith
    if not panel.seed_locked:
        panel.seed = random.SystemRandom().randrange(MOST_SEED)
    try:
        return panel_settings(context)
    except (errors.WireError, camera_views.NoViewError) as error:
        raise GenerateError(str(error)) from error


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
            self.report({"ERROR"}, told(str(error)))
            return {"CANCELLED"}
        solid.show_colors(context)
        if session.now.sentence and not session.is_up():
            self.report({"WARNING"}, told(session.now.sentence))
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
