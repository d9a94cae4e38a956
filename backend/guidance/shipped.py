"""Checks the weights that ship in the package.

In: the name of a prior with a folder in the package. Out: its weights' hash, and how many files
were compared with the hashes that the installer noted (the RECORD of the wheel; an editable
installation has none). All of it is loaded, strictly, so that a file cut short is found either way.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

from backend.errors import PriorError
from backend.guidance.priors import find_folder, load_prior

PACKAGE = "propsmith"


def check_shipped(name: str) -> dict[str, Any]:
    """Raises PriorError where a file is missing, is not what was installed, or can't be loaded."""
    folder = find_folder(name)
    noted = installed_hashes(folder)
    faults = [f"{path.relative_to(folder)} {why}" for path, why in _faults(noted)]
    if faults:
        raise PriorError(
            f"The weights of '{name}' are not whole: {'; '.join(faults)}; install Propsmith again."
        )
    prior = load_prior(name, "a chair")
    return {"prior": name, "whole": True, "sha256": prior.weights_hash, "compared": len(noted)}


def installed_hashes(folder: Path) -> dict[Path, str]:
    """sha256, as RECORD writes it, of the files below `folder`; empty where nothing was noted."""
    try:
        files = metadata.distribution(PACKAGE).files or []
    except metadata.PackageNotFoundError:
        return {}
    placed = [(Path(str(file.locate())).resolve(), file.hash) for file in files if file.hash]
    inside = folder.resolve()
    return {
        path: noted.value
        for path, noted in placed
        if noted.mode == "sha256" and path.is_relative_to(inside)
    }


def _faults(noted: dict[Path, str]) -> list[tuple[Path, str]]:
    found = []
    for path, expected in noted.items():
        if not path.is_file():
            found.append((path, "is missing"))
        elif _as_noted(path) != expected:
            found.append((path, "has changed"))
    return found


def _as_noted(path: Path) -> str:
    """sha256 in the letters of RECORD: url-safe base64 without padding (PEP 376)."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
