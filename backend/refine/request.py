"""What is asked for when a mesh is refined. No torch, no numpy: the command line reads it.

In: a file and wishes. Out: a `RefineRequest`, and what tells it from any other by content.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import InputError

KEEP, TEXTURE, REMESH, AUTO = "keep-topology", "texture-only", "remesh", "auto"
MODES = (AUTO, KEEP, TEXTURE, REMESH)
# What can be made of what: the input's format -> the output's.
OUTPUTS = {
    ".glb": (".glb",),
    ".obj": (".obj", ".glb"),
    ".ply": (".ply", ".glb"),
    ".npz": (".npz", ".glb"),
}
REMESHED = {**dict.fromkeys(OUTPUTS, (".glb",)), ".npz": (".npz", ".glb")}
MASK_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
STRENGTH = 0.3


@dataclass(frozen=True)
class RefineRequest:
    """mode: "keep-topology" moves vertices, "texture-only" none, "remesh" makes a new surface;
    "auto" keeps the topology, and lays out UVs where parts have none.

    strength: how far a vertex may move, as a share of the radius of the sphere around the object.
    mask: "", or what says where may change: an image over the UVs (white may), the name of a vertex
    attribute ("COLOR_0"; "mask" of a mesh file), or the name of a part or material.
    """

    mesh: Path
    mode: str = AUTO
    strength: float = STRENGTH
    mask: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"The mode must be one of {', '.join(MODES)}, not '{self.mode}'.")
        if not 0 <= self.strength <= 1:
            raise InputError(f"The strength must be from 0 to 1, not {self.strength}.")
        if self.mask and self.mode == REMESH:
            raise InputError(
                "A new surface has no vertices to leave alone: leave out the mask or --remesh."
            )

    @property
    def mask_image(self) -> Path | None:
        """The mask's file, where it is one."""
        path = Path(self.mask)
        return path if self.mask and path.suffix.lower() in MASK_IMAGES else None

    def identity(self) -> dict[str, Any]:
        """Plain values; files by their content. Raises InputError for one that can't be read."""
        image = self.mask_image
        return {
            "mesh": digest_of(self.mesh),
            "mode": self.mode,
            "strength": self.strength,
            "mask": digest_of(image) if image else self.mask,
        }

    def check_output(self, output: Path) -> None:
        """Raises InputError for a format that this mesh can't be written in."""
        suffix = self.mesh.suffix.lower()
        if suffix not in OUTPUTS:
            raise InputError(
                f"'{self.mesh}' is not in a format that can be refined; give a .glb, .obj or .ply."
            )
        allowed = (REMESHED if self.mode == REMESH else OUTPUTS)[suffix]
        if output.suffix.lower() not in allowed:
            raise InputError(
                f"The output '{output}' must end in {' or '.join(allowed)} for '{self.mesh.name}'"
                f"{' with --remesh' if self.mode == REMESH else ''}."
            )


def digest_of(path: Path) -> str:
    """SHA-256 of a file; InputError where it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read '{path}': {error.strerror or error}.") from error
