"""A job on its way to the server: what goes ahead of it, and whether that server takes it at all.

In: a job's settings, perhaps a picture. Out: the job at the server, or one sentence and no job. An
older server leaves out what it has never heard of and makes another prop without a word, so a job
that asks for such a thing waits until it is known who is there.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import bridge, jobs, session, uploads
from .wire import errors, messages

Slices = Generator[Any, None, None]


def why_not(settings: messages.Settings, picture: bool = False) -> str:
    """Why the connected server takes no such job, or ""; also "" where none is connected."""
    if session.now.welcome is None:
        return ""
    features = session.now.welcome.features
    if settings.distillation_settings and "distillation-settings" not in features:
        return (
            "This server takes no settings of a distillation: update Propsmith there, or empty "
            "that field."
        )
    if not picture:
        return ""
    if "image" not in features:
        return "This server takes no pictures: update Propsmith there, or remove the picture."
    alone = not settings.prompt.strip() or settings.image_elevation is not None
    if alone and "image-alone" not in features:
        return (
            "This server needs a prompt beside a picture, and can't be told where that was seen "
            "from: update Propsmith there."
        )
    return ""


def start(job: str, settings: messages.Settings, picture: Path | None = None) -> None:
    """Now where nothing has to be known or sent before, else as soon as there is a connection.

    Raises WireError for settings outside their limits. A no is told in the panel, later.
    """
    if picture or (settings.distillation_settings and not session.is_up()):
        jobs.expect(job, settings)
        bridge.later(_when_up(job, settings, picture))
    else:
        jobs.submit(job, settings)


def _when_up(job: str, settings: messages.Settings, picture: Path | None) -> Slices:
    """The picture goes ahead of the job, whenever there is a connection."""
    while not session.is_up():
        yield session.WAITING
    problem = why_not(settings, bool(picture))
    if picture and not problem:
        try:
            settings = replace(settings, image=(yield from uploads.send(picture)))
            problem = why_not(settings, True)  # perhaps another server by now
        except (errors.RemoteError, OSError) as error:
            problem = f"The picture can't be sent: {error}"
    if job not in jobs.unheard:  # deleted meanwhile
        return
    if problem and not jobs.is_over(job):
        jobs.forget(job)
        session.tell(problem)
    else:
        jobs.submit(job, settings)
