"""Props under each distillation, made once: several at a time, taken up again where they stopped.

In: a folder and the settings of each prop. Out: for each prop its GLB, its report and a JSON file
of what --json said, the settings, and the processor's seconds. A prop whose settings are those of
its JSON file is not made again; one that was stopped goes on from its checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One prop. share: of the preset's steps. weights: the prior's hash."""

    name: str
    prompt: str
    preset: str
    share: float
    weights: str
    seed: int = 0

    def place(self, out: Path) -> Path:
        return out / f"{self.name}_{self.prompt.replace(' ', '_')}"


def shortened(share: float) -> int:
    """The command line (of sys.argv) with so large a share of the presets' steps."""
    from backend import cli, config

    def less(stage: Any) -> Any:
        return replace(stage, steps=max(1, round(share * stage.steps)))

    config.PRESETS = {
        name: replace(
            preset,
            gaussians=less(preset.gaussians),
            mesh=less(preset.mesh),
            materials=less(preset.materials),
        )
        for name, preset in config.PRESETS.items()
    }
    return cli.main()


def made(run: Run, out: Path) -> dict[str, Any] | None:
    """What was said of this prop if it is there, made with these very settings."""
    summary = run.place(out).with_suffix(".json")
    if not summary.exists():
        return None
    result = json.loads(summary.read_text())
    return result if result.get("settings") == asdict(run) else None


def make(run: Run, out: Path, threads: int) -> dict[str, Any]:
    """Makes it, or finds it made."""
    if (found := made(run, out)) is not None:
        return found
    place = run.place(out)
    resumed = _begun(run, place)
    code = "import sys; from tests.golden.distillation_runs import shortened as s; "
    command = [sys.executable, "-c", f"{code}sys.exit(s({run.share}))", "generate", run.prompt]
    command += ["--json", "--preset", run.preset, "--distillation", run.name]
    command += ["--seed", str(run.seed), "-o", f"{place}.glb", "--report", str(place)]
    command += ["--checkpoint-dir", f"{place}.run", *["--resume"] * resumed]
    count = str(threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "NUMBA_NUM_THREADS": count}
    with place.with_suffix(".log").open("w") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        said = (child.stdout.read() if child.stdout else b"").decode().splitlines()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        return {"failed": child.returncode, "settings": asdict(run)}
    result = json.loads(said[-1]) | {"settings": asdict(run), "resumed": resumed}
    result["processor_seconds"] = used.ru_utime + used.ru_stime
    place.with_suffix(".json").write_text(json.dumps(result))
    return result


def _begun(run: Run, place: Path) -> bool:
    """Whether a checkpoint of these settings is there; others' are deleted."""
    noted, folder = place.with_suffix(".settings.json"), place.with_suffix(".run")
    settings = asdict(run)
    same = noted.exists() and json.loads(noted.read_text()) == settings
    if not same and folder.exists():
        shutil.rmtree(folder)
    noted.write_text(json.dumps(settings))
    return same and folder.exists() and any(folder.iterdir())


def make_all(
    runs: Iterable[Run],
    out: Path,
    jobs: int,
    minutes: float,
    tell: Callable[[Run, dict[str, Any]], None],
) -> dict[Run, dict[str, Any]]:
    """As many at a time as `jobs`; none is begun after `minutes`. Only what was made is told."""
    last = time.monotonic() + 60 * minutes
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def one(run: Run) -> tuple[Run, dict[str, Any] | None]:
        if time.monotonic() > last:
            return run, made(run, out)
        result = make(run, out, threads)
        tell(run, result)
        return run, result

    with ThreadPoolExecutor(jobs) as pool:
        return {run: result for run, result in pool.map(one, runs) if result is not None}
