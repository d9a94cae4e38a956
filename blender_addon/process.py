"""A server on this computer: finds the program, starts it so that it outlives Blender, ends it.

In: the Python or program that the user points at, or the PATH. Out: a process and its log. Nothing
here waits. No bpy.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MISSING = (
    "The program 'propsmith' is not on the PATH: install it with 'pip install propsmith', or name "
    "the Python that has it in the preferences."
)
HIDDEN = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYTHONSTARTUP")  # Blender's, not the server's
TAIL = 4000  # bytes of the log that are looked at


class ProcessError(Exception):
    """One sentence for the user."""


@dataclass
class Backend:
    """A server that this Blender started."""

    process: subprocess.Popen[bytes]
    log: Path

    def problem(self) -> str:
        """Why it has ended, or "" while it runs."""
        code = self.process.poll()
        if code is None or code == 0:
            return ""
        said = last_sentence(self.log)
        if said:
            return said
        return f"The server ended at once (code {code}): Open Log tells more."


def command_of(chosen: str) -> list[str]:
    """chosen: a Python, a 'propsmith' program, or "". Raises ProcessError."""
    if not chosen:
        found = shutil.which("propsmith")
        if not found:
            raise ProcessError(MISSING)
        return [found]
    path = Path(chosen)
    if path.is_dir():
        raise ProcessError(f"'{chosen}' is a folder: name the Python or 'propsmith' inside it.")
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ProcessError(f"'{chosen}' is no program: name the Python that has Propsmith.")
    if path.name.lower().startswith("python"):
        return [str(path), "-m", "backend.cli"]
    return [str(path)]


def start(command: Sequence[str], log: Path, options: Sequence[str] = ()) -> Backend:
    """Detached: it goes on when Blender ends. Raises ProcessError."""
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    extra: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        extra = {"creationflags": detached}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [*command, "serve", *options],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                cwd=str(log.parent),
                **extra,
            )
    except OSError as error:
        reason = error.strerror or error
        raise ProcessError(f"'{command[0]}' can't be started: {reason}.") from error
    return Backend(process, log)


def last_sentence(log: Path) -> str:
    """What the program said at the end to its user."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    said = [line for line in lines if line.startswith("propsmith: ")]
    if said:
        return said[-1].removeprefix("propsmith: ")
    if any("No module named" in line and "backend" in line for line in lines):
        return "That Python does not have Propsmith: run 'pip install propsmith' with it."
    return lines[-1].strip() if lines else ""


def end(pid: int) -> None:
    """Asks it to save and stop. Raises ProcessError."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except OSError as error:
        raise ProcessError(f"The server (process {pid}) can't be stopped: {error}.") from error
