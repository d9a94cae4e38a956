"""What becomes of a job whose run ended badly: the queue again, or an end with advice. No torch.

In: how it ended and where. Out: a `Verdict`. Kills from outside say nothing about the job and are
forgiven long; crashes, hangs and want of memory at one place are not.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.service.config import ServeConfig

# What to lower when memory runs out: the setting that decides most of it, stage by stage.
_LOWER = {
    "prior": "--preset, or use a smaller prior",
    "unwrap": "--faces or --texture-size",
    "bake": "--texture-size",
    "export": "--texture-size",
}
_OTHERWISE = "--preset (high, standard, draft)"


@dataclass(frozen=True)
class Verdict:
    again: bool
    code: str = ""  # where not again
    text: str = ""


class Failures:
    """Counts, for each job, what went wrong in a row at one place."""

    def __init__(self, config: ServeConfig):
        self.config = config
        self._counts: dict[str, tuple[str, str, int]] = {}  # job -> kind, stage, times
        self.retries = 0

    def judge(self, job: str, kind: str, stage: str, text: str = "") -> Verdict:
        """kind: "killed", "worker_died", "hung" or "out_of_memory"."""
        before = self._counts.get(job)
        times = before[2] + 1 if before and before[:2] == (kind, stage) else 1
        self._counts[job] = (kind, stage, times)
        if times < self._limit(kind):
            self.retries += 1
            return Verdict(True)
        code = "worker_died" if kind == "killed" else kind
        return Verdict(False, code, self._sentence(kind, stage or "start", times, text))

    def forget(self, job: str) -> None:
        self._counts.pop(job, None)

    def _limit(self, kind: str) -> int:
        if kind == "killed":
            return self.config.kills
        # A fresh worker has all memory to itself; once more will not help.
        return 2 if kind == "out_of_memory" else self.config.crashes

    def _sentence(self, kind: str, stage: str, times: int, text: str) -> str:
        if kind == "out_of_memory":
            lower = _LOWER.get(stage, _OTHERWISE)
            return f"The device's memory ran out in stage '{stage}': lower {lower}."
        if kind == "hung":
            return (
                f"Stage '{stage}' made no step for {self.config.hang_seconds:.0f} s, {times} times "
                "in a row: lower --preset, or resume the job when the machine has less to do."
            )
        reason = f" ({text})" if text else ""
        return (
            f"The worker process died {times} times in a row in stage '{stage}'{reason}: the "
            "server's log folder has more; try another --seed or a lower --preset."
        )
