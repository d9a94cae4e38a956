"""Writes a small baked prop for the tests that look at a GLB from outside.

python tests/contract/sample_glb.py OUT.glb
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import trimesh

from backend.export.asset import Asset, Config
from backend.export.glb import write_glb
from backend.materials.bake import Config as BakeConfig
from backend.materials.bake import bake
from backend.materials.field import FieldConfig, MaterialField
from backend.mesh.types import TriMesh
from backend.mesh.unwrap import unwrap

PROMPT = 'a "brass" ring, größer'
HEIGHT_M = 0.3


def torus(sections: int) -> TriMesh:
    ring = trimesh.creation.torus(0.6, 0.25, major_sections=sections, minor_sections=sections // 2)
    return TriMesh(torch.tensor(ring.vertices, dtype=torch.float32), torch.tensor(ring.faces))


def sample_asset(texture_size: int = 128) -> Asset:
    fine = torus(48)
    config = FieldConfig(resolutions=(8, 16), samples=20_000, roughness=0.4, metallic=0.9)
    field = MaterialField(fine, lambda points: (points * 0.5 + 0.5).clamp(0, 1), config)
    mesh, textures = bake(unwrap(torus(24)), field, BakeConfig(texture_size), detail=fine)
    provenance = {"prompt": PROMPT, "seed": 7}
    return Asset(mesh, textures, PROMPT, provenance, Config(HEIGHT_M, "height"))


if __name__ == "__main__":
    write_glb(sample_asset(), Path(sys.argv[1]))
