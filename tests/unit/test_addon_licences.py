"""The licences that the add-on shows are the backend's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from backend.guidance.catalogue import SOURCES

ROOT = Path(__file__).parents[2]


def test_the_addons_licences_are_those_of_the_catalogue() -> None:
    # By its path: the package itself needs Blender.
    spec = importlib.util.spec_from_file_location("l", ROOT / "blender_addon" / "licences.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = {name: source.licence for name, source in SOURCES.items()}
    card = (ROOT / "backend" / "weights" / "README.md").read_text()
    assert f"weights {module.LICENCES['embedded']};" in card
    assert known.items() <= module.LICENCES.items()
    assert module.licence_of("a folder of mine") == module.UNKNOWN
