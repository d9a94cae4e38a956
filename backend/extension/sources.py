"""What goes into the extension from this repository, or from where it is installed.

In: nothing. Out: the files' names in the zip and their contents. Nothing is imported: the add-on
can't be, outside Blender.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from backend.errors import InputError

SKIPPED_FOLDERS = {"__pycache__"}
SKIPPED_ENDINGS = {".pyc", ".pyo"}


def source_files() -> dict[str, bytes]:
    """The add-on at the top, `shared` inside it, and the licence. Raises InputError."""
    addon, shared = _folder("blender_addon"), _folder("shared")
    files = {name: path.read_bytes() for name, path in _files(addon).items()}
    files |= {f"shared/{name}": path.read_bytes() for name, path in _files(shared).items()}
    return {**files, "LICENSE": _licence(shared.parent)}


def _folder(package: str) -> Path:
    """Where a package's sources lie, without importing it."""
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    if not places:
        raise InputError(f"The sources of '{package}' are not here: install propsmith again.")
    return Path(next(iter(places)))


def _files(folder: Path) -> dict[str, Path]:
    found = {}
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") or part in SKIPPED_FOLDERS for part in inside.parts)
        if path.is_file() and not hidden and path.suffix not in SKIPPED_ENDINGS:
            found[inside.as_posix()] = path
    return found


def _licence(root: Path) -> bytes:
    """Beside the packages in the repository; among the distribution's own files in a wheel."""
    if (root / "LICENSE").is_file() and (root / "blender_addon").is_dir():
        return (root / "LICENSE").read_bytes()
    files = importlib.metadata.files("propsmith") or []
    for file in files:
        if file.name == "LICENSE":
            return Path(str(file.locate())).read_bytes()
    raise InputError("The licence's text is not here: install propsmith again.")
