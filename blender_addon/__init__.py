"""Propsmith: props from words, made by a server and shown in the viewport while they grow.

Registers the modules below in order, and unregisters them backwards. A module that has nothing to
register has neither `classes` nor `register`.
"""

from __future__ import annotations

import importlib

import bpy

# In order: what a class needs at registration stands before it. One line adds a module.
MODULES = (
    "properties",
    "preferences",
    "runtime",
    "operators",
    "operators_server",
    "operators_jobs",
    "panels",
    "panels_jobs",
    "panels_server",
    "bridge",
    "live",
    "handlers",
    "refine_record",
    "refine",
    "refine_panel",
    "camera_views",
    "lods",
    "hull",
    "assets",
    "asset_library",
    "provenance",
    "styles",
    "commands",
    "history_pictures",
    "history",
    "panels_finish",
    "translations",
)


def register() -> None:
    for name in MODULES:
        module = importlib.import_module(f".{name}", __package__)
        for kind in getattr(module, "classes", ()):
            bpy.utils.register_class(kind)
        if hasattr(module, "register"):
            module.register()


def unregister() -> None:
    for name in reversed(MODULES):
        module = importlib.import_module(f".{name}", __package__)
        if hasattr(module, "unregister"):
            module.unregister()
        for kind in reversed(getattr(module, "classes", ())):
            bpy.utils.unregister_class(kind)
