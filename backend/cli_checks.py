"""Checks of the paths in a request, before any work starts. No torch; nothing stays written.

In: the parsed arguments. Out: the checkpoint folder to use; or InputError with one sentence.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from backend.cli_refine import check_mesh
from backend.errors import CheckpointError, InputError

# What makes two requests the same job, apart from the hash of the weights.
_IDENTITY = (
    *("prompt", "negative", "seed", "preset", "prior", "texture_size", "faces", "height"),
    *("azimuth", "elevation", "distance", "fov", "favour"),
    *("distillation", "guidance_scale", "timesteps", "perp_neg", "image", "image_elevation"),
    *("mesh", "mode", "strength", "mask"),
)
# Younger options: told only where they are given, so that a job without them keeps its folder.
_IDENTITY_WHERE_GIVEN = ("distillation_settings",)


def check_paths(arguments: argparse.Namespace) -> Path:
    """Raises InputError for a path that the run could not use; returns the checkpoint folder."""
    try:
        return _checked(arguments)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"A path cannot be used: {error}; choose another.") from error


def _checked(arguments: argparse.Namespace) -> Path:
    if arguments.command == "refine":
        check_mesh(arguments)
    else:
        _check_subject(arguments)
    _check_output(arguments.output)
    if arguments.report:
        _check_folder(arguments.report, "--report")
    folder = arguments.checkpoint_dir or default_checkpoint_dir(arguments)
    _check_folder(folder, "--checkpoint-dir")
    if arguments.resume and not folder.is_dir():
        raise CheckpointError(
            f"There is no checkpoint to resume in '{folder}'; leave --resume out to start anew, "
            "or name its folder with --checkpoint-dir."
        )
    return folder


def _check_subject(arguments: argparse.Namespace) -> None:
    """There is a prompt, or a picture that can be read."""
    image = getattr(arguments, "image", None)
    if image is None and getattr(arguments, "image_elevation", None) is not None:
        raise InputError("--image-elevation is about a picture: name its file with --image.")
    if image is not None:
        from backend.reference.reading import read_picture

        read_picture(image)
    elif arguments.prompt is None:
        raise InputError(
            'There is nothing to make: give a PROMPT, "a red wooden chair", or a picture with '
            "--image FILE."
        )


def default_checkpoint_dir(arguments: argparse.Namespace) -> Path:
    """A folder of this job in the user's cache: the same request finds it again with --resume."""
    identity = [
        str(arguments.output.resolve()),
        *(_plain(vars(arguments).get(name)) for name in _IDENTITY),
    ]
    for name in _IDENTITY_WHERE_GIVEN:
        if given := vars(arguments).get(name):
            identity.append([name, given])
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    return user_cache() / "propsmith" / "jobs" / digest


def _plain(value: object) -> object:
    return str(value.resolve()) if isinstance(value, Path) else value


def user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _check_output(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"The output '{path}' is a folder; name a file that ends in .glb.")
    if not path.parent.is_dir():
        raise InputError(f"The output's folder '{path.parent}' does not exist; make it first.")
    if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
        raise InputError(f"The output '{path}' cannot be overwritten; choose another file.")
    _check_writable(path.parent, f"The output's folder '{path.parent}'")


def _check_folder(folder: Path, option: str) -> None:
    """The folder exists and takes files, or its nearest existing parent does."""
    existing = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    if not existing.is_dir():
        raise InputError(f"{option} '{folder}': '{existing}' is not a folder; choose another.")
    _check_writable(existing, f"{option} '{folder}': '{existing}'")


def _check_writable(folder: Path, what: str) -> None:
    # Asking the system's permission bits is not enough: read-only mounts, quotas, and root.
    try:
        with tempfile.NamedTemporaryFile(prefix=".propsmith-", dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{what} cannot be written to ({reason}); choose another.") from error
