"""Everything that a preset sets: one Config for each stage, and the table of presets.

The fields and their meanings stand beside the stages, each in the Config of its module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from backend.export import asset
from backend.gaussians import stage as gaussians
from backend.gaussians.densify import DensifyConfig
from backend.gaussians.guesses import GuessConfig
from backend.gaussians.model import StartConfig
from backend.guidance import x0
from backend.guidance.distil import GuidanceConfig
from backend.guidance.inversion import InversionConfig
from backend.materials import bake
from backend.materials import field as material_field
from backend.materials import stage as materials
from backend.mesh import cleanup, from_field, unwrap
from backend.mesh import stage as mesh


@dataclass(frozen=True)
class GenerateConfig:
    """The settings of a job, stage by stage, in their order."""

    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    inversion: InversionConfig = field(default_factory=InversionConfig)  # of a picture, if any
    gaussians: gaussians.Config = field(default_factory=gaussians.Config)
    density_resolution: int = 96  # samples an axis of the density grid
    solid: from_field.Config = field(default_factory=from_field.Config)
    mesh: mesh.Config = field(default_factory=mesh.Config)
    cleanup: cleanup.Config = field(default_factory=cleanup.Config)
    unwrap: unwrap.Config = field(default_factory=unwrap.Config)
    materials: materials.Config = field(default_factory=materials.Config)
    bake: bake.Config = field(default_factory=bake.Config)
    export: asset.Config = field(default_factory=asset.Config)


# The stages' defaults are the draft; the others say where they differ.
PRESETS: Mapping[str, GenerateConfig] = MappingProxyType(
    {
        "draft": GenerateConfig(),
        "standard": GenerateConfig(
            gaussians=gaussians.Config(steps=1600),
            density_resolution=128,
            solid=from_field.Config(least_radius=0.025),  # a cell of the grid that comes next
            mesh=mesh.Config(resolution=80, steps=400),
            cleanup=cleanup.Config(target_faces=24_000),
            unwrap=unwrap.Config(resolution=2048),
            materials=materials.Config(steps=400, image_size=192),
            bake=bake.Config(texture_size=2048),
        ),
        "high": GenerateConfig(
            # The rescaling is MVDream's remedy for the large guidance scales of such priors.
            guidance=GuidanceConfig("x0", x0.Config(rescale=0.5)),
            gaussians=gaussians.Config(
                steps=3000,
                guess=GuessConfig(share=0.05, rest=0.95),  # not meant to save time
                views=8,
                image_sizes=(128, 256, 512),
                start=StartConfig(count=10_000),
                densify=DensifyConfig(interval=100, max_count=60_000),
            ),
            density_resolution=192,
            solid=from_field.Config(least_radius=0.016),
            mesh=mesh.Config(resolution=128, steps=1500, views=8, image_size=512),
            cleanup=cleanup.Config(target_faces=48_000),
            unwrap=unwrap.Config(resolution=4096, padding=8),
            materials=materials.Config(
                steps=1500,
                views=8,
                image_size=512,
                field=material_field.FieldConfig(
                    resolutions=(16, 32, 64, 128, 256), samples=1_000_000
                ),
            ),
            bake=bake.Config(texture_size=4096),
        ),
    }
)
