"""Axes, units, quaternion order and colour spaces: the one page that says so.

World            right-handed, +Z up, metres after export; a prop faces -Y, Blender's front.
Canonical frame  while a prop is being made it lives in [-1, 1]^3 around the origin, inside a
                 sphere of radius 0.9; the exporter scales it and sets it on the ground.
Camera           OpenCV axes: +X right, +Y down, +Z forward. `T_world_camera` maps camera to world.
Azimuth          degrees; 0 looks at the front (camera on -Y), +90 has the camera on +X.
Elevation        degrees; +90 looks straight down.
Images           (B, H, W, C) float in [0, 1], row 0 at the top; colours are sRGB where a 2D prior
                 sees them, and linear inside the shading code.
Quaternions      (w, x, y, z), normalised where they are used.
Normals          view space for priors: n * 0.5 + 0.5 with +X right, +Y up, +Z to the viewer.
ORM              occlusion, roughness, metallic in R, G, B, linear.
glTF             +Y up, front +Z: (x, y, z) -> (x, z, -y).
"""

from __future__ import annotations

import numpy as np

CANONICAL_RADIUS = 0.9

# Rows are glTF's axes in ours; the matrix is a rotation, so its transpose is the inverse.
GLTF_FROM_WORLD = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float64)


def to_gltf(vectors: np.ndarray) -> np.ndarray:
    """World vectors (n, 3) float -> glTF's +Y up axes (n, 3)."""
    return vectors @ GLTF_FROM_WORLD.T


def from_gltf(vectors: np.ndarray) -> np.ndarray:
    """glTF vectors (n, 3) float -> world axes (n, 3)."""
    return vectors @ GLTF_FROM_WORLD
