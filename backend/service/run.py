"""One job in the worker: from the server's order to a file, an end and its reasons.

In: an order, and hooks for progress, pictures and stopping. Out: DATA/jobs/ID/prop.glb, a small
picture of it, and outcome.json, written last: a job is done when that is there, whatever dies
afterwards. Until then its checkpoint stays, so that whatever dies before costs seconds.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from backend.checkpoint import JOB_FILE
from backend.errors import (
    CheckpointError,
    GenerationError,
    InputError,
    Interrupted,
    PropsmithError,
    StorageError,
)
from backend.files import replace_atomically
from backend.job import Job, RunFiles, new_context
from backend.loop import Progress, RunContext
from backend.pipeline import generate
from backend.request import choose_device, job_from
from backend.result import Result
from backend.runtime import prepare_process
from backend.service.folder import CHECKPOINT, OUTCOME, PROP
from backend.service.link import Ended, Run
from backend.service.memory import resident_memory
from backend.service.pictures import Painter
from backend.service.portrait import PREVIEW, portrait
from backend.service.store import Outcome
from backend.service.worker import Hooks, RunJob

log = logging.getLogger(__name__)
PREVIEW_SHARE = 0.04  # of a stage's time that may go into previews
LEAST_SECONDS = 0.6  # between two of them, also where that takes a larger share, up to MOST_SHARE
MOST_SHARE = 0.1


def load(device: str) -> tuple[str, RunJob]:
    """Prepares the process; returns the device's name and what runs a job on it."""
    prepare_process()
    chosen = choose_device(device)
    painter = Painter()
    return str(chosen), lambda order, hooks: run_job(order, hooks, chosen, painter)


def run_job(order: Run, hooks: Hooks, device: torch.device, painter: Painter) -> Ended:
    """Never raises: what goes wrong is the end's code and sentence."""
    hooks.use_memory_gauge(lambda: memory_in_use(device))
    try:
        _generate(order, hooks, device, painter)
    except Interrupted:
        return Ended(order.job, "stopped")
    except StorageError as error:
        return Ended(order.job, "storage", "storage", _sentence(error))
    except GenerationError as error:
        return Ended(order.job, "failed", "generation", _sentence(error))
    except PropsmithError as error:
        return Ended(order.job, "failed", "bad_settings", _sentence(error))
    except Exception as error:
        log.exception("job %s", order.job)
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return Ended(order.job, "out_of_memory")
        if isinstance(error, OSError):
            return Ended(order.job, "storage", "storage", _sentence(error))
        return Ended(order.job, "crashed", "worker_died", f"{type(error).__name__}: {error}"[:500])
    return Ended(order.job, "done")


def _generate(order: Run, hooks: Hooks, device: torch.device, painter: Painter) -> None:
    folder = Path(order.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    # One worker a job, and the server's word that the last one is gone: what it had begun to write
    # and its lock are left over.
    for begun in [*folder.glob(".*"), checkpoint / "lock"]:
        begun.unlink(missing_ok=True)
    resume = (checkpoint / JOB_FILE).is_file()
    try:
        result, notes = _attempt(order, hooks, device, painter, resume)
    except CheckpointError as error:
        if isinstance(error, StorageError) or not resume:
            raise
        # Damaged, or of an older version of Propsmith: the same job from its beginning.
        log.warning("job %s starts anew: %s", order.job, error)
        shutil.rmtree(checkpoint)
        result, notes = _attempt(order, hooks, device, painter, resume=False)
    _write_outcome(folder, with_portrait(result, folder), notes)
    shutil.rmtree(checkpoint, ignore_errors=True)  # the server looks after what a kill leaves


def _attempt(
    order: Run, hooks: Hooks, device: torch.device, painter: Painter, resume: bool
) -> tuple[Result, list[str]]:
    options = options_of(order)
    job = replace(job_from(options), prior=order.prior)
    notes: list[str] = []

    def progress(news: Progress) -> None:
        loss = next(iter(news.losses.values()), None)
        finite = loss if loss is not None and abs(loss) < 1e300 else None
        hooks.progress(news.stage, news.step, news.steps, news.seconds_left, finite)

    context = new_context(job, device, progress, hooks.stop_requested)
    context.checkpoint_seconds = order.checkpoint_seconds
    context.preview = PreviewBudget(order.job, hooks, painter).offer
    folder = Path(order.folder)
    files = RunFiles(folder / PROP, folder / CHECKPOINT, resume, keep_checkpoint=True)
    if options.refine is not None:
        return _refined(job, options.refine, files, context, notes.append), notes
    return generate(job, files, context, notes.append), notes


def _refined(
    job: Job,
    asked: SimpleNamespace,
    files: RunFiles,
    context: RunContext,
    note: Callable[..., None],
) -> Result:
    """The result has the mesh's own format where that can be written, or else is a GLB."""
    from backend.refine.request import OUTPUTS, REMESHED, RefineRequest
    from backend.refine.run import refine

    suffix = asked.mesh.suffix
    mask = ("mask" if suffix == ".npz" else "COLOR_0") if asked.masked else ""
    request = RefineRequest(asked.mesh, asked.mode, asked.strength, mask)
    kept = (REMESHED if asked.mode == "remesh" else OUTPUTS)[suffix][0]
    output = files.output.with_name(f"refined{kept}")
    return refine(job, request, replace(files, output=output), context, note)


def options_of(order: Run) -> SimpleNamespace:
    """The settings as `job_from` reads them: files by their paths. Raises InputError for one that
    is not there."""
    paths = {upload.digest: Path(upload.path) for upload in order.uploads}
    for path in paths.values():
        if not path.is_file():
            raise InputError("A file that the job needs is gone: upload it again and resume.")
    options = SimpleNamespace(**vars(order.settings))
    options.prompt = options.prompt.strip()
    if options.image is not None:
        options.image = paths[options.image]
    if options.refine is not None:
        options.refine = SimpleNamespace(**vars(options.refine))
        options.refine.mesh = _with_suffix(paths[options.refine.mesh], Path(order.folder))
    return options


def _with_suffix(path: Path, folder: Path) -> Path:
    """The same file in the job's folder, named by its format: readers go by that."""
    with open(path, "rb") as file:
        head = file.read(4)
    known = {b"PK\x03\x04": ".npz", b"glTF": ".glb", b"ply\n": ".ply", b"ply\r": ".ply"}
    source = folder / f"source{known.get(head, '.obj')}"
    if not source.is_file():
        replace_atomically(source, lambda target: target.write(path.read_bytes()))
    return source


class PreviewBudget:
    """Decides which snapshots are looked at: at the rate that was asked for, only when the last
    picture has arrived, and as long as they take no more than PREVIEW_SHARE of the stage's time;
    or MOST_SHARE, where else a second would pass with nothing new to see. The first one is free,
    and so are finished textures."""

    def __init__(
        self,
        job: str,
        hooks: Hooks,
        painter: Painter,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.job, self.hooks, self.painter, self.clock = job, hooks, painter, clock
        self.stage, self.began, self.spent, self.cost = "", 0.0, 0.0, 0.0
        self.shown = -1e9

    def offer(self, stage: str, step: int, snapshot: Callable[[], object]) -> None:
        now = self.clock()
        if stage != self.stage:
            self.stage, self.began, self.spent = stage, now, 0.0
        if not self._wanted(stage, now):
            return
        self.shown = now
        try:
            pictures = self.painter.paint(self.job, stage, step, snapshot())
        except GenerationError:
            pictures = []  # nothing solid yet
        for picture in pictures:
            self.hooks.send_picture(picture)
        self.cost = self.clock() - now
        self.spent += self.cost

    def _wanted(self, stage: str, now: float) -> bool:
        interval, waited = self.hooks.interval, now - self.shown
        if not interval:
            return False
        if stage == "bake":  # colours and textures are there, at next to no cost
            return True
        if self.hooks.picture_in_flight or waited < interval:
            return False
        if self.spent + self.cost <= PREVIEW_SHARE * (now - self.began):
            return True
        return waited >= LEAST_SECONDS and self.cost <= MOST_SHARE * waited


def with_portrait(result: Result, folder: Path) -> Result:
    """The result with FOLDER/preview.png among its files; without, where that can't be drawn."""
    path = folder / PREVIEW
    try:
        picture = portrait(result.files)
        replace_atomically(path, lambda file: file.write(picture))
    except Exception:  # whatever is wrong with the picture: the prop is there, and hours old
        log.exception("no picture of '%s'", folder)
        return result
    return replace(result, files=(*result.files, path))


def _write_outcome(folder: Path, result: Result, notes: list[str]) -> None:
    values = result.as_json()
    outcome = Outcome(
        weights=result.weights_hash,
        faces=result.faces,
        notes=[note[:500] for note in notes[:16]],  # all of a job fits into one header
        files=[{"name": p.name, "size": p.stat().st_size} for p in result.files],
        stages=values["stages"],
    )
    replace_atomically(folder / OUTCOME, lambda file: file.write(outcome.text().encode()))


def memory_in_use(device: torch.device) -> int:
    """Bytes: allocated on the GPU, or resident."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    return resident_memory()


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:2000] or type(error).__name__
