"""Everything that must pass, as one command: `nox`. CI runs the same (.ci/run).

The sessions lint, types, package and tests share the environment that nox itself runs in, which
`pip install '.[dev]'` filled: torch is installed once. Blender's Python module gets its own, as
it needs another numpy. System packages are added where apt-get and root are there; elsewhere the
session says what is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "package", "validator", "tests", "props", "blender"]
nox.options.error_on_external_run = False

PYTHON = sys.executable
ROOMS = ("backend", "shared", "blender_addon", "tests", "noxfile.py")
CODE = [room for room in ROOMS if Path(room).exists()]  # git keeps no empty one
ARTEFACTS = Path(".nox", "artefacts").absolute()  # what one session makes for the next
VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
BLENDER_LIBRARIES = (
    *("libgl1", "libx11-6", "libxi6", "libxfixes3", "libxrender1", "libxkbcommon0", "libsm6"),
    *("libice6", "libegl1", "libgl1-mesa-dri"),
)


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
    session.run(PYTHON, "-m", "pytest", "-ra", *session.posargs, env=_test_environment())


@nox.session(venv_backend="none")
def props(session: nox.Session) -> None:
    """The slow tests: props from the shipped prior, with the draft preset."""
    session.run(PYTHON, "-m", "pytest", "-ra", "-m", "slow", env=_test_environment())


def _test_environment() -> dict[str, str]:
    modules = ARTEFACTS / "validator" / "node_modules"
    environment = {"GLTF_VALIDATOR_DIR": str(modules)} if modules.is_dir() else {}
    return {**environment, "PROPSMITH_ARTEFACTS": str(ARTEFACTS)}


@nox.session(python="3.11", reuse_venv=True)
def blender(session: nox.Session) -> None:
    """A made prop, opened in Blender 5.0 as a Python module."""
    _apt_install(session, *BLENDER_LIBRARIES)
    session.install("bpy==5.0.*", "numpy<2", "pytest>=8.3")
    glb = ARTEFACTS / "prop.glb"
    if not glb.is_file():
        session.error("No prop to open: run `nox -s tests` first, which makes one.")
    # The suite's options name plug-ins that this environment does not have.
    options = ("-o", "addopts=", "--confcutdir=tests/blender", "-ra", "tests/blender")
    session.run("pytest", *options, *session.posargs, env={"PROPSMITH_GLB": str(glb)})


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
