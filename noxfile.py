"""Everything that must pass, as one command: `nox`. CI runs the same (.ci/run).

The sessions lint, types, package and tests share the environment that nox itself runs in, which
`pip install '.[dev]'` filled: torch is installed once. Each release of Blender's Python module gets
its own, as it needs another numpy or another Python: one that is on PATH or that pyenv has, or else
the session is skipped and says so. System packages are added where apt-get and root are there;
elsewhere the session says what is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

# Releases of Blender, the Python inside each, and the numpy that it was built with.
BLENDERS = {
    "4.2": ("3.11", "numpy<2"),
    "4.5": ("3.11", "numpy<2"),
    "5.0": ("3.11", "numpy<2"),
    "5.2": ("3.13", "numpy>=2.2,<3"),
}
nox.options.sessions = [
    *("lint", "types", "package", "validator", "tests", "props", "extension"),
    *(f"blender-{release}" for release in BLENDERS),
]
nox.options.error_on_external_run = False
nox.options.error_on_missing_interpreters = False  # a session says which it lacks, and is skipped
nox.options.download_python = "never"

PYTHON = sys.executable
ROOMS = ("backend", "shared", "blender_addon", "tests", "noxfile.py")
CODE = [room for room in ROOMS if Path(room).exists()]  # git keeps no empty one
ARTEFACTS = Path(".nox", "artefacts").absolute()  # what one session makes for the next
VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
BLENDER_LIBRARIES = (
    *("libgl1", "libx11-6", "libxi6", "libxfixes3", "libxrender1", "libxkbcommon0", "libsm6"),
    *("libice6", "libegl1", "libgl1-mesa-dri"),
)
# For two cores: most tests keep less than one busy, props keep all of one.
TWO_AT_A_TIME, THREE_AT_A_TIME = (("-n", n, "--dist", "loadfile") for n in "23")
MODELS = ("sweethome3d-furniture",)  # props that people have made: tests/golden
CLOCK = ("faketime",)  # with which tests turn a running server's clock


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Style and formatting: ruff."""
    session.run(PYTHON, "-m", "ruff", "check", *CODE)
    session.run(PYTHON, "-m", "ruff", "format", "--check", *CODE)


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Static types: mypy."""
    session.run(PYTHON, "-m", "mypy")


@nox.session(venv_backend="none")
def package(session: nox.Session) -> None:
    """The wheel holds all that a run needs: installed alone, away from the source tree."""
    wheels, site = ARTEFACTS / "wheels", ARTEFACTS / "site"
    for folder in (wheels, site, Path("build")):  # setuptools packs what an older build/ holds
        shutil.rmtree(folder, ignore_errors=True)
    pip = (PYTHON, "-m", "pip", "-q")
    session.run(*pip, "wheel", "--no-deps", "-w", str(wheels), ".")
    wheel = next(wheels.glob("*.whl"))
    session.run(*pip, "install", "--no-deps", "--target", str(site), str(wheel))
    check = (
        "import pathlib; from backend.guidance.priors import find_folder; "
        "f = find_folder('embedded'); assert f.is_relative_to(pathlib.Path.cwd()), f; "
        "assert list(f.rglob('*.safetensors')), f"
    )
    with session.chdir(site):
        session.run(PYTHON, "-m", "backend.cli", "--version")
        session.run(PYTHON, "-c", check)


@nox.session(venv_backend="none")
def validator(session: nox.Session) -> None:
    """Installs the Khronos glTF validator for the tests."""
    if not shutil.which("npm"):
        _apt_install(session, "nodejs", "npm")
    folder = ARTEFACTS / "validator"
    folder.mkdir(parents=True, exist_ok=True)
    session.run("npm", "install", "--silent", "--no-audit", "--prefix", str(folder), VALIDATOR)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The whole suite; `nox -s tests -- tests/unit/test_cli.py` for a part."""
    _apt_install(session, *CLOCK)
    options = session.posargs or THREE_AT_A_TIME
    session.run(PYTHON, "-m", "pytest", "-ra", *options, env=_test_environment())


@nox.session(venv_backend="none")
def props(session: nox.Session) -> None:
    """The slow tests: props from the shipped prior, with the draft preset; real ones, refined."""
    _apt_install(session, *MODELS)
    options = session.posargs or TWO_AT_A_TIME
    session.run(PYTHON, "-m", "pytest", "-ra", "-m", "slow", *options, env=_test_environment())


def _test_environment() -> dict[str, str]:
    modules = ARTEFACTS / "validator" / "node_modules"
    environment = {"GLTF_VALIDATOR_DIR": str(modules)} if modules.is_dir() else {}
    return {**environment, "PROPSMITH_ARTEFACTS": str(ARTEFACTS)}


@nox.session(venv_backend="none")
def extension(session: nox.Session) -> None:
    """The Blender extension's zips, for the sessions that install them."""
    folder = ARTEFACTS / "extension"
    shutil.rmtree(folder, ignore_errors=True)
    session.run(PYTHON, "-m", "backend.cli", "build-extension", "-o", str(folder))


def _blender(session: nox.Session, release: str) -> None:
    """The extension installed into Blender as a Python module, and driven against a server that
    runs in the main environment; a made prop, opened."""
    if not list((ARTEFACTS / "extension").glob("*.zip")):
        session.error("No extension to install: run `nox -s extension` first.")
    if not session.posargs and not (ARTEFACTS / "prop.glb").is_file():
        session.error("No prop to open: run `nox -s tests` first, which makes one.")
    _apt_install(session, *BLENDER_LIBRARIES)
    session.install(f"bpy=={release}.*", BLENDERS[release][1], "pytest>=8.3")
    # The suite's options name plug-ins that this environment does not have, and the add-on must
    # not find the sources beside it.
    options = ("-o", "addopts=", "-o", "pythonpath=", "--confcutdir=tests/blender", "-ra")
    session.run(
        "python", "-m", "pytest", *options, *(session.posargs or ["tests/blender"]),
        env={
            "PROPSMITH_EXTENSION": str(ARTEFACTS / "extension"),
            "PROPSMITH_PYTHON": PYTHON,
            "PROPSMITH_GLB": str(ARTEFACTS / "prop.glb"),
        },
    )  # fmt: skip


def _interpreter(version: str) -> str:
    """One that pyenv has, by its path: its shims on PATH answer for the chosen versions alone."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return version
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = sorted(versions.glob(f"{version}.*/bin/python{version}"))
    return str(found[-1]) if found else version


def _add_blender(release: str) -> None:
    """The release's session."""

    def run(session: nox.Session) -> None:
        _blender(session, release)

    run.__doc__ = f"The extension and a made prop in Blender {release} as a Python module."
    python = _interpreter(BLENDERS[release][0])
    nox.session(run, python=python, reuse_venv=True, name=f"blender-{release}")


for _release in BLENDERS:
    _add_blender(_release)


def _apt_install(session: nox.Session, *packages: str) -> None:
    """Adds Debian packages where we may; else trusts that they are there."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        session.log(f"Not root on Debian: make sure of {' '.join(packages)} yourself.")
        return
    have = session.run(
        "dpkg-query", "-W", "-f=${db:Status-Status} ${Package}\n", *packages,
        silent=True, success_codes=[0, 1], log=False,
    )  # fmt: skip
    installed = {line.split()[-1] for line in str(have).splitlines() if line[:10] == "installed "}
    if missing := [p for p in packages if p not in installed]:
        session.run("apt-get", "update", "-qq", silent=True)
        session.run(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing,
            silent=True, env={"DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
