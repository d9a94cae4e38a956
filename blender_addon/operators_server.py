"""The server from the panel: connect, disconnect, start, stop, its log, its memory."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from . import process, session
from .folders import user_folder
from .preferences import preferences
from .translations import told
from .wire import messages

started: list[process.Backend] = []  # by this Blender; the last one counts


def log_file() -> Path:
    return user_folder("logs") / "server.log"


def start_backend() -> None:
    """Starts a server and connects as soon as it is ready. Raises ProcessError."""
    chosen = preferences()
    options: list[str] = []
    if chosen.data:
        options += ["--data", bpy.path.abspath(chosen.data)]
    program = bpy.path.abspath(chosen.python) if chosen.python else ""
    command = process.command_of(program)
    try:
        log = log_file()
    except OSError as error:
        raise process.ProcessError(session.NO_ROOM.format(error.strerror or error)) from error
    started[:] = [process.start(command, log, options)]
    session.connect()
    session.now.backend = started[0]


class PROPSMITH_OT_connect(bpy.types.Operator):
    bl_idname = "propsmith.connect"
    bl_label = "Connect to Server"
    bl_description = "Look for the server that the preferences name, and take up its jobs"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if not session.connect():
            self.report({"ERROR"}, told(session.now.sentence))
            return {"CANCELLED"}
        return {"FINISHED"}


class PROPSMITH_OT_disconnect(bpy.types.Operator):
    bl_idname = "propsmith.disconnect"
    bl_label = "Disconnect from Server"
    bl_description = "Stop listening to the server; its jobs go on"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.disconnect()
        return {"FINISHED"}


class PROPSMITH_OT_start_backend(bpy.types.Operator):
    bl_idname = "propsmith.start_backend"
    bl_label = "Start Server"
    bl_description = "Start 'propsmith serve' on this computer; it goes on when Blender is closed"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            start_backend()
        except process.ProcessError as error:
            session.tell(str(error))
            self.report({"ERROR"}, told(str(error)))
            return {"CANCELLED"}
        return {"FINISHED"}


class PROPSMITH_OT_stop_backend(bpy.types.Operator):
    bl_idname = "propsmith.stop_backend"
    bl_label = "Stop Server"
    bl_description = "The server saves its jobs and ends; they go on when it is started again"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if session.is_up():
            session.send(messages.Shutdown())
        elif started and started[0].process.poll() is None:
            process.end(started[0].process.pid)
        else:
            self.report({"ERROR"}, rpt_("No server is connected."))
            return {"CANCELLED"}
        return {"FINISHED"}


class PROPSMITH_OT_open_log(bpy.types.Operator):
    bl_idname = "propsmith.open_log"
    bl_label = "Open Server Log"
    bl_description = "Show what the server that was started here has written"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            path = log_file()
        except OSError as error:
            self.report({"ERROR"}, told(session.NO_ROOM.format(error.strerror or error)))
            return {"CANCELLED"}
        if not path.is_file():
            self.report({"ERROR"}, rpt_("No server has been started here yet."))
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.path_open(filepath=str(path))
        return {"FINISHED"}


class PROPSMITH_OT_release_memory(bpy.types.Operator):
    bl_idname = "propsmith.release_memory"
    bl_label = "Release Memory"
    bl_description = "Idle workers give back the device's memory; the next job loads it again"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if not session.is_up():
            self.report({"ERROR"}, rpt_("No server is connected."))
            return {"CANCELLED"}
        session.send(messages.ReleaseMemory())
        return {"FINISHED"}


classes = (
    PROPSMITH_OT_connect,
    PROPSMITH_OT_disconnect,
    PROPSMITH_OT_start_backend,
    PROPSMITH_OT_stop_backend,
    PROPSMITH_OT_open_log,
    PROPSMITH_OT_release_memory,
)
