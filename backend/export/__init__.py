"""Exporters by file extension: one file per format, one line here.

Each takes an `Asset` and a path, and leaves either the complete new file or the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backend.export.asset import Asset
from backend.export.glb import write_glb

EXPORTERS: dict[str, Callable[[Asset, Path], None]] = {
    "glb": write_glb,
}
