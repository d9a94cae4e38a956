"""How much of a whole job is done, and how long the rest takes: what somebody who waits asks.

In: a stage's own step, steps and seconds left, as the server tells them. Out: the same of the job.
The server counts stage by stage; SHARES weighs them by the time that they took in drafts on two
cores (a chair, 122 s). Another machine's shares differ: the bar is then uneven, but never goes
back, and the time left is right for the stage and about right for the rest.
"""

from __future__ import annotations

SHARES = {  # in their order, of a prop from nothing
    "prior": 0.02,
    "picture": 0.0,
    "gaussians": 0.55,
    "solid": 0.02,
    "mesh": 0.13,
    "unwrap": 0.03,
    "materials": 0.21,
    "bake": 0.03,
    "export": 0.01,
}
REFINED = {
    "prior": 0.05,
    "read": 0.05,
    "solid": 0.0,  # of a new surface, as is "unwrap"
    "mesh": 0.35,
    "unwrap": 0.0,
    "materials": 0.45,
    "bake": 0.08,
    "export": 0.02,
}
FEWEST = 3  # steps with which a stage counts anything


def of_the_job(
    stage: str, step: int, steps: int, seconds_left: float, refined: bool
) -> tuple[float, float]:
    """(share done in [0, 1], seconds left), of all stages; 0 seconds where nothing is known."""
    shares = REFINED if refined else SHARES
    if stage not in shares:
        return (1.0 if stage == "report" else 0.0, 0.0)
    names = list(shares)
    at = names.index(stage)
    whole, own = sum(shares.values()), shares[stage]
    before = sum(shares[name] for name in names[:at])
    inside = min(step / steps, 1.0) if steps >= FEWEST else 0.0
    done = (before + own * inside) / whole
    if seconds_left <= 0 or inside >= 1 or own <= 0:
        return done, 0.0
    a_share = seconds_left / (own * (1 - inside))  # seconds
    return done, a_share * (whole - before - own * inside)
