"""A Blender window that is driven as a user drives it: mouse, keyboard, and eyes.

In: a chroot with Blender (chroot.py), the extension's zip. Out: a running window on a virtual
display; clicks and keys by xdotool, pictures by ImageMagick's `import`. What a user would see with
the eyes alone, such as where a button is, `ask` reads from inside (inside.py).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

SIZE = (1400, 900)
EXCHANGE = "tmp/propsmith-window"  # inside the chroot: questions, answers, the extension, logs
DEADLINE = 600.0  # seconds until a window on a busy machine is up
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "BLENDER_USER_RESOURCES": f"/{EXCHANGE}/user",
    "XDG_RUNTIME_DIR": f"/{EXCHANGE}",
}


class Window:
    """One Blender in `root` and its display; a context manager that ends both."""

    def __init__(self, root: Path, display: int = 77):
        self.root, self.display = root, f":{display}"
        self.exchange = root / EXCHANGE
        self._processes: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count()

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, extension: Path, *files: Path) -> None:
        """Installs `extension` and opens the window; `files` lie beside inside.py for it."""
        self.install(extension, *files)
        self.start_blender()

    def install(self, extension: Path, *files: Path) -> None:
        """Into an empty user folder, by a Blender without a window."""
        shutil.rmtree(self.exchange, ignore_errors=True)
        self.exchange.mkdir(parents=True)
        shutil.copy(extension, self.exchange / "extension.zip")
        for file in (Path(__file__).with_name("inside.py"), *files):
            shutil.copy(file, self.exchange)
        screen = f"{SIZE[0]}x{SIZE[1]}x24"
        self._open("Xvfb", self.display, "-screen", "0", screen, "+extension", "GLX")
        self._wait(lambda: self._tool("xdotool", "getmouselocation", check=False), "the display")
        installing = self._blender("-b")
        if installing.wait(DEADLINE):
            raise RuntimeError(f"the extension was not installed: {self.log()}")
        self._processes.remove(installing)

    def start_blender(self) -> None:
        """Also after it was killed: its user folder stays."""
        for left in (*self.exchange.glob("*.ask"), *self.exchange.glob("*.answer")):
            left.unlink()
        geometry = ["--window-geometry", "0", "0", *map(str, SIZE)]
        self._blender(*geometry, "--gpu-backend", "opengl")
        self.ask("True", DEADLINE)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Blender without a window, to its end."""
        command = [shutil.which("chroot") or "chroot", str(self.root), "blender", *options]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, cwd="/")

    def _blender(self, *options: str) -> subprocess.Popen[bytes]:
        script = ["--python-exit-code", "3", "--python", f"/{EXCHANGE}/inside.py"]
        return self._open("chroot", str(self.root), "blender", *options, *script, env=ENVIRONMENT)

    def _open(self, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        environment = {**(env or os.environ), "DISPLAY": self.display}
        with open(self.exchange / f"{Path(command[0]).name}.log", "ab") as log:
            process = subprocess.Popen(
                [shutil.which(command[0]) or command[0], *command[1:]],
                env=environment, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _wait(self, condition: Any, what: str, seconds: float = DEADLINE) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := condition():
                return result
            dead = [p.args for p in self._processes if p.poll() is not None]
            if dead:
                raise RuntimeError(f"{dead[0]} ended: {self.log()}")
            time.sleep(0.02)
        raise TimeoutError(f"not in {seconds:g} s: {what}; {self.log()}")

    def log(self) -> str:
        """What Blender has said, its last lines."""
        path = self.exchange / "chroot.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    # ---- what a user does ----

    def move(self, x: float, y: float) -> None:
        """To a pixel of the screen, from the top left."""
        self._tool("xdotool", "mousemove", "--sync", str(round(x)), str(round(y)))

    def click(self, x: float, y: float, times: int = 1) -> None:
        self.move(x + 1, y)
        self.move(x, y)
        time.sleep(0.15)
        self._tool("xdotool", "click", "--repeat", str(times), "--delay", "90", "1")
        time.sleep(0.15)

    def key(self, *names: str) -> None:
        """xdotool's names: "ctrl+a", "Return"."""
        self._tool("xdotool", "key", "--delay", "60", *names)

    def type(self, text: str) -> None:
        self._tool("xdotool", "type", "--delay", "25", text)

    def picture(self, path: Path, quality: int = 80) -> None:
        """The whole screen, as JPEG or PNG by the path's ending."""
        self._tool(
            "import", "-window", "root", "-quality", str(quality), "-strip", str(path.absolute())
        )

    def _tool(self, *command: str, check: bool = True) -> bool:
        environment = {**os.environ, "DISPLAY": self.display}
        done = subprocess.run(command, env=environment, capture_output=True, check=check)
        return done.returncode == 0

    # ---- what the window says ----

    def ask(self, expression: str, seconds: float = 60.0) -> Any:
        """The value of a Python expression inside Blender, through JSON; inside.py's names, bpy,
        addon. Raises RuntimeError with the exception's text."""
        question = self.exchange / f"{next(self._numbers)}.ask"
        answer = question.with_suffix(".answer")
        half = question.with_suffix(".half")
        half.write_text(expression)
        half.rename(question)
        self._wait(answer.exists, f"an answer to {expression}", seconds)
        value = json.loads(answer.read_text())
        answer.unlink()
        if "error" in value:
            raise RuntimeError(f"{expression}: {value['error']}")
        return value["value"]

    def wait(self, expression: str, seconds: float = DEADLINE) -> Any:
        """Asks until the answer is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.ask(expression):
                return value
            time.sleep(0.1)
        raise TimeoutError(f"not in {seconds:g} s: {expression}; {self.log()}")

    def find(self, name: str, step: int = 7) -> tuple[int, int]:
        """Where in the sidebar the button of this operator or property is ("propsmith.generate",
        "propsmith.prompt"): the pointer goes down the panel and asks Blender what it is over.

        Raises LookupError.
        """
        left, top, width, height = self.ask("sidebar()")
        for y in range(top + 8, top + height - 4, step):
            for share in (0.35, 0.75):
                x = round(left + width * share)
                if name in self.under(x, y):
                    return x, y
        raise LookupError(f"nothing in the sidebar is '{name}'")

    def under(self, x: int, y: int) -> str:
        """The Python of the operator or the path of the property at a pixel; "" for neither."""
        self.move(x, y)
        time.sleep(0.05)
        self.ask("forget_clipboard()")
        self.key("ctrl+c")
        self.key("ctrl+shift+alt+c")
        return self.ask("clipboard()")
