"""A job of seconds: every stage at its smallest, for tests of the whole line.

`python tests/tiny_job.py generate ...` is the real command line with these as its presets.
"""

from __future__ import annotations

import sys

from backend.config import GenerateConfig
from backend.gaussians import stage as gaussians
from backend.gaussians.model import StartConfig
from backend.materials import bake
from backend.materials import stage as materials
from backend.materials.field import FieldConfig
from backend.mesh import cleanup, unwrap
from backend.mesh import stage as mesh

TINY = GenerateConfig(
    gaussians=gaussians.Config(
        steps=12, views=2, image_sizes=(16,), start=StartConfig(count=300, opacity=0.3)
    ),
    density_resolution=32,
    mesh=mesh.Config(resolution=16, steps=4, views=2, image_size=32),
    cleanup=cleanup.Config(target_faces=600),
    unwrap=unwrap.Config(resolution=64, padding=1),
    materials=materials.Config(
        steps=4, views=2, image_size=32, field=FieldConfig(resolutions=(8, 16), samples=5000)
    ),
    bake=bake.Config(texture_size=64, occlusion_directions=8, occlusion_resolution=32),
)

if __name__ == "__main__":
    from backend import cli, config

    config.PRESETS = dict.fromkeys(config.PRESETS, TINY)
    sys.exit(cli.main())
