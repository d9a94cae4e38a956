"""The extension's manifest: read from the sources, completed for one platform, written as TOML.

In: blender_manifest.toml, which has everything but the platform and its wheels. Out: the manifest
of one zip. Blender's manual, "Extensions: getting started", has the fields.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

NAME = "blender_manifest.toml"
Manifest = dict[str, Any]


def read_manifest(content: bytes) -> Manifest:
    """Raises tomllib.TOMLDecodeError."""
    return tomllib.loads(content.decode())


def for_platform(manifest: Mapping[str, Any], platform: str, wheels: Sequence[str]) -> Manifest:
    """wheels: their file names; they lie in the zip's folder wheels/."""
    return {
        **manifest,
        "platforms": [platform],
        "wheels": [f"./wheels/{name}" for name in sorted(wheels)],
    }


def write_toml(manifest: Mapping[str, Any]) -> bytes:
    """Texts, lists of texts, and tables of texts: all that a manifest has."""
    plain = {key: value for key, value in manifest.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, table in manifest.items():
        if key not in plain:
            lines += ["", f"[{key}]", *(f"{name} = {_value(text)}" for name, text in table.items())]
    return ("\n".join(lines) + "\n").encode()


def _value(value: str | Sequence[str]) -> str:
    """JSON's texts and lists of texts are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
