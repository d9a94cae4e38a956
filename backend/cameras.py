"""Orbit cameras: poses, projections and sampling from the user's camera preferences.

Axes and angles as in shared/conventions.py. Everything here is batched over B cameras.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Cameras:
    """B pinhole cameras that look at the origin, with square pixels."""

    T_world_camera: Float[Tensor, "B 4 4"]
    fov_y_deg: Float[Tensor, "B"]
    azimuth_deg: Float[Tensor, "B"]
    elevation_deg: Float[Tensor, "B"]
    distance: Float[Tensor, "B"]

    def __len__(self) -> int:
        return self.fov_y_deg.shape[0]

    def __getitem__(self, index) -> Cameras:
        index = [index] if isinstance(index, int) else index
        return Cameras(*(getattr(self, f.name)[index] for f in dataclasses.fields(self)))

    def to(self, device: torch.device | str) -> Cameras:
        return Cameras(*(getattr(self, f.name).to(device) for f in dataclasses.fields(self)))

    @property
    def positions(self) -> Float[Tensor, "B 3"]:
        return self.T_world_camera[:, :3, 3]

    @property
    def viewmats(self) -> Float[Tensor, "B 4 4"]:
        """World to camera (OpenCV axes), as gsplat takes them."""
        rotation = self.T_world_camera[:, :3, :3].transpose(1, 2)
        out = torch.zeros_like(self.T_world_camera)
        out[:, :3, :3] = rotation
        out[:, :3, 3] = -(rotation @ self.positions[:, :, None])[:, :, 0]
        out[:, 3, 3] = 1
        return out

    def nearness(self, points: Float[Tensor, "#B N 3"]) -> Float[Tensor, "B N"]:
        """How near world points are along the view: 0 is sqrt 3 behind the origin's plane, 1 is as
        far before it, linear in between; B points of a view, or one set for all (B = 1).

        RichDreamer (Qiu et al. 2311.16918) trains its normal-depth prior on this.
        """
        reach = 3**0.5
        forward = self.T_world_camera[:, None, :3, 2].to(points)
        depth = ((points - self.positions[:, None].to(points)) * forward).sum(-1)
        near = (self.distance[:, None].to(points) + reach - depth) / (2 * reach)
        return near.clamp(0, 1)

    def intrinsics(self, width: int, height: int) -> Float[Tensor, "B 3 3"]:
        """K in pixels; pixel centres lie at half-integers."""
        focal = 0.5 * height / torch.tan(torch.deg2rad(self.fov_y_deg) / 2)
        K = torch.zeros(len(self), 3, 3, device=focal.device, dtype=focal.dtype)
        K[:, 0, 0] = focal
        K[:, 1, 1] = focal
        K[:, 0, 2] = width / 2
        K[:, 1, 2] = height / 2
        K[:, 2, 2] = 1
        return K

    def clip_matrices(
        self, aspect: float = 1.0, near: float = 0.1, far: float = 20.0
    ) -> Float[Tensor, "B 4 4"]:
        """World to clip space, columns as points: clip = M @ [x, y, z, 1].

        y points down in clip space, so that row 0 of a raster is the top of the picture both in
        our rasteriser and in nvdiffrast; z / w runs from -1 (near) to 1 (far).
        """
        focal = 1 / torch.tan(torch.deg2rad(self.fov_y_deg) / 2)
        P = torch.zeros_like(self.T_world_camera)
        P[:, 0, 0] = focal / aspect
        P[:, 1, 1] = focal
        P[:, 2, 2] = (far + near) / (far - near)
        P[:, 2, 3] = -2 * far * near / (far - near)
        P[:, 3, 2] = 1
        return P @ self.viewmats


def orbit(
    azimuth_deg: Float[Tensor, "B"],
    elevation_deg: Float[Tensor, "B"],
    distance: Float[Tensor, "B"],
    fov_y_deg: Float[Tensor, "B"],
) -> Cameras:
    """Cameras on spheres around the origin, looking at it, upright."""
    azimuth, elevation = torch.deg2rad(azimuth_deg), torch.deg2rad(elevation_deg)
    sin_a, cos_a = torch.sin(azimuth), torch.cos(azimuth)
    sin_e, cos_e = torch.sin(elevation), torch.cos(elevation)
    outward = torch.stack([sin_a * cos_e, -cos_a * cos_e, sin_e], dim=-1)
    right = torch.stack([cos_a, sin_a, torch.zeros_like(sin_a)], dim=-1)
    forward = -outward
    down = torch.linalg.cross(forward, right)
    T = torch.zeros(len(azimuth), 4, 4, device=azimuth.device, dtype=azimuth.dtype)
    T[:, :3, 0] = right
    T[:, :3, 1] = down
    T[:, :3, 2] = forward
    T[:, :3, 3] = outward * distance[:, None]
    T[:, 3, 3] = 1
    return Cameras(T, fov_y_deg, azimuth_deg, elevation_deg, distance)


def turntable(
    count: int, elevation_deg: float = 15.0, distance: float = 3.0, fov_y_deg: float = 40.0
) -> Cameras:
    """`count` cameras evenly around the prop, the first one in front of it."""
    azimuth = torch.arange(count, dtype=torch.float32) * (360 / count)
    full = torch.ones(count)
    return orbit(azimuth, full * elevation_deg, full * distance, full * fov_y_deg)


ELEVATIONS = (-10.0, 50.0)  # degrees


@dataclass(frozen=True)
class CameraRange:
    """Camera preferences: the ranges to sample and a favoured view to sample more."""

    azimuth_deg: tuple[float, float] = (-180.0, 180.0)
    elevation_deg: tuple[float, float] | None = None  # ELEVATIONS, or what a prior knows
    distance: tuple[float, float] = (2.8, 3.2)
    fov_y_deg: tuple[float, float] = (38.0, 42.0)
    favoured_deg: tuple[float, float] | None = None  # (azimuth, elevation)
    favoured_share: float = 0.25  # of all cameras, within about 20 degrees of the favoured view
    together: int = 1  # cameras of a group, evenly around the prop at one height and distance

    def sample(self, count: int, generator: torch.Generator) -> Cameras:
        """`count` cameras, rounded up to whole groups; azimuths are stratified, elevations uniform
        in area on the sphere. A group stands behind one another in the batch, turn by turn."""
        first = self._sample(-(-count // self.together), generator)
        if self.together == 1:
            return first
        turns = torch.arange(self.together) * (360 / self.together)
        return orbit(
            (first.azimuth_deg[:, None] + turns).reshape(-1),
            first.elevation_deg.repeat_interleave(self.together),
            first.distance.repeat_interleave(self.together),
            first.fov_y_deg.repeat_interleave(self.together),
        )

    def _sample(self, count: int, generator: torch.Generator) -> Cameras:

        def uniform(n: int = count) -> Tensor:
            return torch.rand(n, generator=generator)

        def between(bounds: tuple[float, float], u: Tensor) -> Tensor:
            return bounds[0] + (bounds[1] - bounds[0]) * u

        order = torch.randperm(count, generator=generator)
        shift = uniform(1)
        azimuth = between(self.azimuth_deg, ((order + uniform()) / count + shift) % 1)
        low, high = (math.sin(math.radians(e)) for e in self.elevation_deg or ELEVATIONS)
        elevation = torch.rad2deg(torch.asin(between((low, high), uniform())))
        if self.favoured_deg is not None:
            chosen = uniform() < self.favoured_share
            jitter = torch.randn(2, count, generator=generator) * 10
            azimuth = torch.where(chosen, self.favoured_deg[0] + jitter[0], azimuth)
            favoured_elevation = (self.favoured_deg[1] + jitter[1]).clamp(-89, 89)
            elevation = torch.where(chosen, favoured_elevation, elevation)
        return orbit(
            azimuth,
            elevation,
            between(self.distance, uniform()),
            between(self.fov_y_deg, uniform()),
        )
