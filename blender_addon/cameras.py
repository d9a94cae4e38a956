"""Camera preferences from the scene's cameras or from a viewport, in the units of a job's settings.

In: where a view stands and how wide it sees, relative to a prop. Out: ranges of azimuth, elevation,
distance and field of view and a favoured view, as shared/messages.py's Settings has them.

Azimuth 0 looks at the prop's front (-Y of its own axes), +90 stands on its +X; elevation +90 looks
straight down. Distances are canonical: the prop fills a sphere of radius 0.9. A view that stands so
close or so far that the prop would not fill the picture is moved along its line of sight: then it
is the perspective that is kept, and a prior gets pictures as it knows them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RADIUS = 0.9  # of the sphere that a prop lives in: shared/conventions.py
FILLS = math.sin(math.radians(20)) * 3.0  # distance 3 at 40 degrees, the default cameras
DISTANCES = (1.21, 18.9)  # what a job accepts, a little inside
FOVS = (7.0, 100.0)  # degrees; framed distances stay within DISTANCES
Range = tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """What a prior has seen; preferences are clipped to it."""

    elevation: Range = (-89.0, 89.0)  # degrees
    distance: Range = DISTANCES
    fov: Range = FOVS  # degrees


# backend/weights/README.md. Other priors tell no limits.
KNOWN = {"embedded": Limits((-20.0, 65.0), (2.65, 3.35), (36.0, 44.0))}


@dataclass(frozen=True)
class View:
    """One camera around a prop."""

    azimuth: float  # degrees, -180 to 180
    elevation: float  # degrees, -90 to 90
    distance: float | None  # canonical; None: orthographic
    fov: float | None  # vertical, degrees; None: orthographic


@dataclass(frozen=True)
class Preferences:
    """The fields of Settings with these names; degrees, canonical units."""

    azimuth: Range
    elevation: Range
    distance: Range
    fov: Range
    favour: Range | None  # azimuth and elevation

    def __post_init__(self) -> None:
        for low, high in (self.azimuth, self.elevation, self.distance, self.fov):
            assert low <= high, self


@dataclass(frozen=True)
class Spread:
    """How far the ranges reach beyond the views that they are made from."""

    azimuth: float = 180.0  # degrees to either side; 180: all around
    elevation: float = 30.0  # degrees up and down
    distance: float = 0.07  # share
    fov: float = 2.0  # degrees
    frame: bool = True  # move along the line of sight until the prop fills the picture


def view_of(
    position: Sequence[float], forward: Sequence[float], fov: float | None, scale: float
) -> View:
    """position, forward (3,): of the camera, in the prop's own axes, metres from its middle;
    fov: vertical, degrees, None for an orthographic one; scale: metres of a canonical unit.

    An orthographic camera has a direction only: it counts as standing against its `forward`.
    """
    x, y, z = position if fov is not None else [-value for value in forward]
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-9:  # in the prop's very middle: all that is left is where it looks
        x, y, z = (-value for value in forward)
        length = math.sqrt(x * x + y * y + z * z)
    azimuth = math.degrees(math.atan2(x, -y)) if math.hypot(x, y) > 1e-6 * length else 0.0
    elevation = math.degrees(math.asin(max(-1.0, min(1.0, z / length))))
    return View(azimuth, elevation, None if fov is None else length / scale, fov)


def framed_distance(fov: float) -> float:
    """Where a camera of this vertical field of view (degrees) sees a prop as large as the default
    cameras do."""
    return FILLS / math.sin(math.radians(fov) / 2)


def preferences(views: Sequence[View], spread: Spread, limits: Limits) -> Preferences:
    """What covers the views and `spread` around them. One view is favoured too, several are not.

    Raises ValueError where there is no view.
    """
    if not views:
        raise ValueError("There is no camera to take preferences from.")
    fovs = [_within(v.fov if v.fov is not None else 40.0, limits.fov) for v in views]
    distances = []
    for view, fov in zip(views, fovs, strict=True):
        chosen = framed_distance(fov) if spread.frame or view.distance is None else view.distance
        distances.append(_within(chosen, limits.distance))
    elevations = [_within(v.elevation, limits.elevation) for v in views]
    first = views[0]
    return Preferences(
        azimuth=covering_arc([v.azimuth for v in views], spread.azimuth),
        elevation=_widened(elevations, spread.elevation, limits.elevation),
        distance=_clipped(
            min(distances) * (1 - spread.distance),
            max(distances) * (1 + spread.distance),
            limits.distance,
        ),
        fov=_widened(fovs, spread.fov, limits.fov),
        favour=(_round(first.azimuth), _round(elevations[0])) if len(views) == 1 else None,
    )


def covering_arc(azimuths: Sequence[float], spread: float) -> Range:
    """The shortest arc (degrees) that covers all azimuths and `spread` to either side of them;
    (-180, 180) where that is the whole circle. Its ends lie within -360 and 360."""
    around = sorted(a % 360 for a in azimuths)
    gaps = [(b - a) % 360 for a, b in zip(around, [*around[1:], around[0] + 360], strict=True)]
    if len(around) == 1:
        gaps = [360.0]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    begin = around[(widest + 1) % len(around)]
    length = 360 - gaps[widest] + 2 * spread
    if length >= 360 - 1e-6:
        return (-180.0, 180.0)
    low = begin - spread
    if low + length / 2 > 180:  # the arc whose middle is in -180 to 180
        low -= 360
    return (_round(low), _round(low + length))


def _within(value: float, limits: Range) -> float:
    return min(max(value, limits[0]), limits[1])


def _clipped(low: float, high: float, limits: Range) -> Range:
    return (_round(_within(low, limits)), _round(_within(high, limits)))


def _widened(values: Sequence[float], by: float, limits: Range) -> Range:
    return _clipped(min(values) - by, max(values) + by, limits)


def _round(value: float) -> float:
    """To the thousandth, and no -0.0: these numbers are read by people."""
    return round(value, 3) + 0.0
