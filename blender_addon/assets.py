"""Props in the Asset Browser: marked, tagged, with author, licence, catalogue and preview.

In: an object. Out: the object as an asset of this file; where the file is saved, a line in the
catalogue file beside it. What the user has set already is kept.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from . import provenance

CATALOGUE = "Propsmith/Props"
CATALOGUE_FILE = "blender_assets.cats.txt"
HEAD = "# Asset catalogues of Blender: UUID:path:simple name\n\nVERSION 1\n\n"
STOP = frozenset(
    ["a", "an", "the", "of", "with", "and", "in", "on", "for", "to", "from", "made", "out", "its"]
)


def catalogue_id(path: str) -> str:
    """The same for the same path in every file, so that libraries agree."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"propsmith:catalogue:{path}"))


def add_catalogue(folder: Path, path: str) -> str:
    """The catalogue's id; its line is added to the folder's catalogue file if it has none.

    A catalogue of that path that is there already is used. Raises OSError.
    """
    file = folder / CATALOGUE_FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else HEAD
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) == 3 and parts[1] == path:
            return parts[0]
    found = catalogue_id(path)
    gap = "" if text.endswith("\n") else "\n"
    text += f"{gap}{found}:{path}:{path.replace('/', '-')}\n"
    spare = file.with_name(file.name + ".new")
    spare.write_text(text, encoding="utf-8")
    spare.replace(file)
    return found


def tags_of(prompt: str) -> list[str]:
    """Words worth searching by, in the prompt's order, none twice."""
    words = "".join(c if c.isalpha() or c in "-'" else " " for c in prompt.lower()).split()
    return list(dict.fromkeys(w.strip("-'") for w in words if w.strip("-'") and w not in STOP))


def mark(thing: bpy.types.Object, tags: list[str], licence: str, author: str) -> None:
    """Fields that are set already stay."""
    thing.asset_mark()
    data = thing.asset_data
    for tag in ["propsmith", *tags]:
        data.tags.new(tag, skip_if_exists=True)
    origin = provenance.read(thing) or {}
    data.description = data.description or origin.get("prompt", "")
    data.license = data.license or licence
    data.author = data.author or author


def preview(context: bpy.types.Context, thing: bpy.types.Object) -> bool:
    """Asks Blender for a picture of the object; whether it can be had (Blender draws it later)."""
    with context.temp_override(id=thing):
        if not bpy.ops.ed.lib_id_generate_preview.poll():
            return False
        return bpy.ops.ed.lib_id_generate_preview() == {"FINISHED"}


class Marking:
    """What the operators that make assets ask for, and do with it."""

    report: Any  # these two come with bpy.types.Operator
    poll_message_set: Any
    tags: StringProperty(name="Tags", description="Separated by commas; empty: from the prompt")
    licence: StringProperty(
        name="Licence", description="Empty: what the prior's licence says of its results, if known"
    )
    author: StringProperty(name="Author", description="Who the asset is by")
    catalogue: StringProperty(
        name="Catalogue", default=CATALOGUE,
        description="Path with slashes; written beside the file once that is saved. Empty: none",
    )  # fmt: skip

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        thing = context.active_object
        if thing is None or thing.library is not None:
            cls.poll_message_set(rpt_("Select an object of this file first"))
            return False
        return True

    def mark(self, thing: bpy.types.Object, folder: Path | None) -> None:
        """folder: where the catalogue file is; None: the file is not saved yet."""
        origin = provenance.read(thing) or {}
        given = [tag.strip() for tag in self.tags.split(",") if tag.strip()]
        licence = self.licence or origin.get("licence", "")
        mark(thing, given or tags_of(origin.get("prompt", "")), licence, self.author)
        path = self.catalogue.strip().strip("/").replace(":", "-")
        if not path:
            return
        try:
            found = add_catalogue(folder, path) if folder else catalogue_id(path)
            thing.asset_data.catalog_id = found
        except (OSError, UnicodeDecodeError) as error:
            self.report({"WARNING"}, rpt_("The catalogue can't be written: {}").format(error))


class PROPSMITH_OT_mark_asset(Marking, bpy.types.Operator):
    bl_idname = "propsmith.mark_asset"
    bl_label = "Mark as Asset"
    bl_description = (
        "Show the active object in the Asset Browser, with a preview, tags from its prompt, its "
        "licence and a catalogue"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        thing, file = context.active_object, bpy.data.filepath
        self.mark(thing, Path(file).parent if file else None)
        if not bpy.app.background:
            preview(context, thing)
        return {"FINISHED"}


classes = (PROPSMITH_OT_mark_asset,)
