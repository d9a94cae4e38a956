"""How much of a whole job is done, and how long the rest takes: what somebody who waits asks.

In: a stage's own step, steps and seconds left, as the server tells them. Out: the same of the job.
The server counts stage by stage; SHARES weighs them by the time that they took in drafts on two
cores (.35 for the Gaussians where the prior guesses, .5 where not; the table lies between); those
of refinements are guesses. Where they are wrong the bar is uneven, but never goes back, and the
time left is right for the stage and about right for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SHARES = {  # in their order, of a prop from nothing
    "prior": 0.03,
    "picture": 0.0,
    "gaussians": 0.4,
    "solid": 0.03,
    "mesh": 0.2,
    "unwrap": 0.03,
    "materials": 0.25,
    "bake": 0.04,
    "export": 0.02,
}
PICTURED = {**SHARES, "picture": 0.1}  # where a prior first learns from a picture what it shows
KEPT = {
    "prior": 0.05,
    "read": 0.05,
    "mesh": 0.35,
    "materials": 0.45,
    "bake": 0.08,
    "export": 0.02,
}
PAINTED = {  # no vertex moves: no stage "mesh"
    "prior": 0.08,
    "read": 0.08,
    "materials": 0.69,
    "bake": 0.12,
    "export": 0.03,
}
REMESHED = {
    "prior": 0.03,
    "solid": 0.07,
    "mesh": 0.3,
    "unwrap": 0.07,
    "materials": 0.4,
    "bake": 0.1,
    "export": 0.03,
}
FEWEST = 3  # steps with which a stage counts anything


def shares_of(mode: str, strength: float = 1.0, pictured: bool = False) -> dict[str, float]:
    """mode: of a refinement; "" for a prop from nothing, perhaps from a picture."""
    if not mode:
        return PICTURED if pictured else SHARES
    if mode == "remesh":
        return REMESHED
    return PAINTED if mode == "texture-only" or not strength else KEPT


def of_the_job(
    stage: str,
    step: int,
    steps: int,
    seconds_left: float,
    shares: dict[str, float],
    pace: float = 0.0,
) -> tuple[float, float, float]:
    """(share done in [0, 1], seconds left of all stages or 0 where nothing is known, pace).

    pace: seconds that all would take, by what was last known; what comes out is newer. A stage
    that tells no seconds of its own goes by the last one's.
    """
    if stage not in shares:
        done = 1.0 if stage == "report" else 0.0
        return done, pace * (1 - done) + max(seconds_left, 0.0), pace
    names = list(shares)
    whole = sum(shares.values())
    own = shares[stage] / whole
    before = sum(shares[name] for name in names[: names.index(stage)]) / whole
    inside = min(step / steps, 1.0) if steps >= FEWEST else 0.0
    done = min(before + own * inside, 1.0)
    if seconds_left > 0 and inside < 1 and own > 0:
        pace = seconds_left / (own * (1 - inside))
    elif seconds_left > 0:
        return done, seconds_left + pace * (1 - before - own), pace
    return done, pace * (1 - done), pace


@dataclass
class Watch:
    """Of many jobs over time: a bar never goes back, also where a resumed job begins with its
    first stages again."""

    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)  # job -> greatest, pace

    def look(
        self, job: str, at: tuple[str, int, int, float], shares: dict[str, float]
    ) -> tuple[float, float]:
        """at: stage, step, steps, seconds left. (share done, seconds left) of the job."""
        greatest, pace = self._seen.get(job, (0.0, 0.0))
        done, left, pace = of_the_job(*at, shares, pace)
        self._seen[job] = max(done, greatest), pace
        return self._seen[job][0], left

    def keep(self, jobs: Iterable[str]) -> None:
        """The others are forgotten: the queue does not have them any more."""
        kept = set(jobs)
        self._seen = {job: seen for job, seen in self._seen.items() if job in kept}
