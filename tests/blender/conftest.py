"""What the tests inside Blender share: the extension as a user has it, and a backend to talk to.

PROPSMITH_EXTENSION  the folder of `propsmith build-extension`, or a zip: it is installed into an
                     empty user folder. Without it the sources of this repository are used.
PROPSMITH_PYTHON     the interpreter of the main environment, which runs the server. Without it,
                     the repository's .venv.

noxfile.py sets both. By hand, with bpy, pytest and pyzmq installed:
`python -m pytest -o addopts= --confcutdir=tests/blender tests/blender`.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Seconds: far above what anything here takes, far below a stuck CI.
DEADLINE = float(os.environ.get("PROPSMITH_DEADLINE", "240"))
# Before bpy is imported: where Blender keeps its user's preferences and extensions.
USER = tempfile.mkdtemp(prefix="propsmith-blender-")
os.environ["BLENDER_USER_RESOURCES"] = USER
os.environ["XDG_CACHE_HOME"] = str(Path(USER) / "cache")
os.environ["XDG_RUNTIME_DIR"] = USER  # a server of the user's own is none of ours
_sessions: list[pytest.Session] = []
_over: list[pytest.Session] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    _sessions.append(session)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Nothing has failed since: the session's verdict is pytest's."""
    _over.extend(_sessions)


@atexit.register  # before bpy is imported, so it comes after what Blender does at exit
def _end() -> None:
    """As soon as Python's own end begins. Where a reference to it is left anywhere, Blender 4.2 as
    a module is not taken down with Python but after it, by C++: it frees its panels' classes in an
    interpreter that is no more (bpy_class_free in SpaceType's destructor) and crashes."""
    shutil.rmtree(USER, ignore_errors=True)
    blender = sys.modules.get("bpy")
    if _over and blender is not None and blender.app.version < (4, 5):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_over[-1].exitstatus)


ENVIRONMENT = os.environ.get("PROPSMITH_PYTHON", str(ROOT / ".venv/bin/python"))
INSTALLED = "bl_ext.user_default.propsmith"


def find_extension() -> Path | None:
    """This platform's zip."""
    named = os.environ.get("PROPSMITH_EXTENSION")
    if not named:
        return None
    path = Path(named)
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    machine = "arm64" if os.uname().machine in ("arm64", "aarch64") else "x64"
    return path if path.is_file() else next(path.glob(f"propsmith-*-{system}_{machine}.zip"))


def enable_addon() -> ModuleType:
    """The add-on's package, enabled; installed first if there is a zip. Safe to call again."""
    import addon_utils
    import bpy

    archive = find_extension()
    name = INSTALLED if archive else "blender_addon"
    if name in bpy.context.preferences.addons:
        return importlib.import_module(name)
    if not archive:
        sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    elif name not in sys.modules:
        addon_utils.enable("bl_pkg")
        done = bpy.ops.extensions.package_install_files(
            filepath=str(archive), repo="user_default", enable_on_install=True
        )
        assert done == {"FINISHED"}
    if name not in bpy.context.preferences.addons:
        assert addon_utils.enable(name, default_set=True), f"{name} can't be enabled"
    return importlib.import_module(name)


@pytest.fixture
def addon() -> ModuleType:
    """The add-on's package in an empty scene: `addon.bridge.pump()`, `addon.wire` ..."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, app_template="")
    addon = enable_addon()
    _forget(addon)
    return addon


def _forget(addon: ModuleType) -> None:
    """What it knew of an earlier test's server and jobs."""
    session, jobs = (importlib.import_module(f"{addon.__name__}.{n}") for n in ("session", "jobs"))
    session.disconnect()
    session.now.unsent.clear()
    for book in (jobs.infos, jobs.followers, jobs.views, jobs.unheard):
        book.clear()


def pump_until(
    addon: ModuleType, condition: Callable[[], Any], what: str, seconds: float = DEADLINE
) -> Any:
    """Does what Blender's timer would do until `condition` holds; returns its value."""
    bridge = importlib.import_module(f"{addon.__name__}.bridge")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        bridge.pump()
        if result := condition():
            return result
        time.sleep(0.01)
    raise AssertionError(f"not in time: {what}; {known(addon)}")


def known(addon: ModuleType) -> str:
    """What the add-on knows of the server, its jobs and their objects: for a failed test."""
    import bpy

    session, jobs = (importlib.import_module(f"{addon.__name__}.{n}") for n in ("session", "jobs"))
    states = [f"{job[:6]} {info.state} at {info.step}" for job, info in jobs.infos.items()]
    views = [f"{job[:6]} {len(view.positions)} vertices" for job, view in jobs.views.items()]
    things = [
        f"{thing.name}: {thing.propsmith.job[:6]} {thing.propsmith.role} {thing.mode}"
        for thing in bpy.data.objects
    ]
    followed = [job[:6] for job in jobs.followers]
    link = f"{session.now.link} '{session.now.sentence}'"
    return f"{link}, {states=}, {followed=}, {views=}, {things=}, unheard={len(jobs.unheard)}"


class Backend:
    """A server in the main environment that can be stopped, killed and started again.

    worker: None is `propsmith serve` as users run it, with the embedded prior. A file of
    tests/service replaces the worker: "fake_worker.py" does what its prompt says, without torch;
    "tiny_worker.py" makes a real prop in seconds, with tiny presets.
    """

    def __init__(self, folder: Path, worker: str | None = None, **options: Any):
        self.folder, self.worker, self.options = folder, worker, options
        self.file = folder / "connection.json"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Backend:
        # Its libraries are its own: nothing of Blender's environment leads there.
        hidden = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        environment |= {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
        log = open(self.folder / "server.log", "a")  # noqa: SIM115
        with log:
            self.process = subprocess.Popen(
                self._command(), cwd=ROOT, env=environment, stdout=log, stderr=log, text=True
            )
        deadline = time.monotonic() + DEADLINE
        while not self._serves():
            code = self.process.poll()
            assert code is None, f"the server ended with {code}: {self.log()}"
            assert time.monotonic() < deadline, f"the server did not start: {self.log()}"
            time.sleep(0.02)
        return self

    def _serves(self) -> bool:
        """Whether the connection file is of this process, which it writes when all is ready."""
        try:
            return json.loads(self.file.read_text())["pid"] == self.process.pid
        except (FileNotFoundError, ValueError):
            return False

    def _command(self) -> list[str]:
        if self.worker is None:
            options = ["--connection-file", str(self.file), "--data", str(self.folder / "data")]
            for name, value in self.options.items():
                options += [f"--{name.replace('_', '-')}", str(value)]
            return [ENVIRONMENT, "-m", "backend.cli", "serve", "--device", "cpu", *options]
        values = {"connection_file": str(self.file), "data": str(self.folder / "data")}
        values |= {"devices": ["cpu"], "worker": self.worker, **self.options}
        return [ENVIRONMENT, "tests/service/serve.py", json.dumps(values)]

    def log(self) -> str:
        return (self.folder / "server.log").read_text()[-2000:]

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE)
        self.process = None
        return code


@pytest.fixture
def start_backend(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    """Starts servers with a connection file in this test's folder; ends them after the test."""
    started: list[Backend] = []

    def start(worker: str | None = None, **options: Any) -> Backend:
        started.append(Backend(tmp_path, worker, **options))
        return started[-1].start()

    yield start
    for backend in started:
        if backend.process is not None:
            backend.kill()


def connect(parts: SimpleNamespace, addon: ModuleType) -> None:
    """To `parts.backend`; `parts.wait` pumps from now on."""
    chosen = parts.preferences.preferences()
    chosen.mode, chosen.connection_file = "FILE", str(parts.backend.file)
    chosen.interval = 0.05
    parts.wait = lambda condition, what: pump_until(addon, condition, what)
    parts.session.connect()
    parts.wait(parts.session.is_up, "a connection")


PARTS = ("bridge", "jobs", "live", "objects", "session", "preferences", "importer", "advice")
PARTS += ("settings", "process", "operators_server")


@pytest.fixture
def core(addon: ModuleType, start_backend: Callable[..., Backend]) -> Iterator[SimpleNamespace]:
    """The add-on's modules, connected to a fake worker's server; `.backend` is that."""
    parts = {name: importlib.import_module(f"{addon.__name__}.{name}") for name in PARTS}
    parts["messages"] = importlib.import_module(f"{addon.__name__}.wire").messages
    core = SimpleNamespace(addon=addon, **parts, backend=start_backend("fake_worker.py"))
    connect(core, addon)
    yield core
    core.session.disconnect()
