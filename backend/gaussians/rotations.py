"""Quaternions (wxyz) to rotation matrices, in torch: the renderer's, under this room's name."""

from __future__ import annotations

from backend.render.gaussian_normals import rotation_matrices

__all__ = ["rotation_matrices"]
