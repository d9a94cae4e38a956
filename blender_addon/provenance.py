"""Where a prop came from, kept as custom properties on the object and on its mesh.

In: a job's settings and what the server says of it. Out: a group "propsmith_origin" of plain
values, which is saved with the file, appended with the object and exported as glTF's extras; and
the same settings again, for "Reproduce".
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from . import live, objects, operators, refine_show, session
from .licences import licence_of
from .settings import show_settings
from .translations import told
from .wire import checks, errors, messages

KEY = objects.ORIGIN
FORMAT = 1


def origin_of(info: messages.JobInfo, server: str = "") -> dict[str, str | int]:
    """server: the software and its version, as the server names itself. Seeds can be larger than
    Blender's whole numbers: they are text. settings: JSON, all of them."""
    settings = info.settings
    return {
        "format": FORMAT,
        "prompt": settings.prompt,
        "negative": settings.negative,
        "seed": str(settings.seed),
        "prior": settings.prior,
        "licence": licence_of(settings.prior),
        "weights": info.weights,
        "server": server,
        "device": info.device,
        "job": info.job,
        "settings": json.dumps(asdict(settings), sort_keys=True),
    }


def write(thing: bpy.types.Object, origin: dict[str, str | int]) -> None:
    for owner in (thing, thing.data):
        if owner is not None:
            owner[KEY] = origin


def stamp(thing: bpy.types.Object, info: messages.JobInfo, _extras: dict[str, Any]) -> None:
    """For live.on_finished: every prop that is finished gets its origin."""
    welcome = session.now.welcome
    write(thing, origin_of(info, welcome.server if welcome else ""))


def stamp_refined(mesh: bpy.types.Mesh, info: messages.JobInfo) -> None:
    """The mesh of a refinement, which may yet be thrown away: its object has its own origin until
    `adopt`."""
    welcome = session.now.welcome
    mesh[KEY] = origin_of(info, welcome.server if welcome else "")


def adopt(thing: bpy.types.Object) -> None:
    """A refinement is kept for good: the object is now what its mesh says."""
    if (origin := thing.data.get(KEY)) is not None:
        thing[KEY] = origin.to_dict() if hasattr(origin, "to_dict") else origin


def read(thing: bpy.types.Object) -> dict[str, Any] | None:
    """The object's, or else its mesh's; None for what Propsmith did not make."""
    for owner in (thing, thing.data):
        group = owner.get(KEY) if owner is not None else None
        if hasattr(group, "to_dict"):
            return group.to_dict()
    return None


def settings_of(origin: dict[str, Any]) -> messages.Settings:
    """Checked: the file may be anybody's. Raises WireError with a sentence."""
    try:
        values = json.loads(origin.get("settings", ""))
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.bad("The object's kept settings can't be read.") from error
    found: messages.Settings = checks.Record(messages.Settings)(values, "The object's settings")
    return found


class PROPSMITH_OT_reproduce(bpy.types.Operator):
    bl_idname = "propsmith.reproduce"
    bl_label = "Reproduce"
    bl_description = (
        "Make the active prop again by the settings that it was made with, which go into the panel "
        "too: the same prop, given the same prior, version and device"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.active_object is None or read(context.active_object) is None:
            cls.poll_message_set(rpt_("The active object was not made by Propsmith"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        origin = read(context.active_object) or {}
        try:
            settings = settings_of(origin)
            show_settings(context.scene, settings)
            context.scene.propsmith.seed_locked = True
            if session.now.client is None:
                session.connect()
            if settings.refine is not None:
                refine_show.again(settings)
            else:
                operators.generate(context, settings)
        except (errors.WireError, operators.GenerateError) as error:
            self.report({"ERROR"}, told(str(error)))
            return {"CANCELLED"}
        welcome = session.now.welcome
        if welcome and origin.get("server") not in ("", welcome.server):
            text = rpt_("The server is {}, and the prop is of {}: it may come out different")
            self.report({"WARNING"}, text.format(welcome.server, origin.get("server")))
        return {"FINISHED"}


classes = (PROPSMITH_OT_reproduce,)


def register() -> None:
    live.on_finished.append(stamp)


def unregister() -> None:
    live.on_finished.remove(stamp)
