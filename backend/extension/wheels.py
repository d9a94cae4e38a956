"""pyzmq's wheels, which the extension carries for the Pythons inside Blender.

In: a platform, and a folder that keeps wheels. Out: the wheels' files, whole and unmodified. What
the folder lacks, pip downloads from wherever its user's configuration says.

One version serves all: 26.4.0 is the last with a wheel for each minor Python. From 27 on there are
abi3 wheels, and Blender 5.1 and later refuse an extension that has both kinds. Blender's 4.2 to
5.0 run Python 3.11, 5.1 and later 3.13.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from backend.errors import InputError

PYZMQ = "pyzmq==26.4.0"
PYTHONS = ("3.11", "3.13")
SECONDS = "20"  # without an answer, after which pip gives up
# Blender's names, and the wheels' tags.
PLATFORMS = {
    "linux-x64": "manylinux_2_28_x86_64",
    "macos-arm64": "macosx_10_15_universal2",
    "macos-x64": "macosx_10_15_universal2",
    "windows-x64": "win_amd64",
}
# SHA-256 by Python and tag, as published.
DIGESTS = {
    ("3.11", "manylinux_2_28_x86_64"): (
        "2f9f7ffe9db1187a253fca95191854b3fda24696f086e8789d1d449308a34b88"
    ),
    ("3.13", "manylinux_2_28_x86_64"): (
        "6332452034be001bbf3206ac59c0d2a7713de5f25bb38b06519fc6967b7cf771"
    ),
    ("3.11", "macosx_10_15_universal2"): (
        "bfcf82644c9b45ddd7cd2a041f3ff8dce4a0904429b74d73a439e8cab1bd9e54"
    ),
    ("3.13", "macosx_10_15_universal2"): (
        "c43fac689880f5174d6fc864857d1247fe5cfa22b09ed058a344ca92bf5301e3"
    ),
    ("3.11", "win_amd64"): "963977ac8baed7058c1e126014f3fe58b3773f45c78cce7af5c26c09b6823896",
    ("3.13", "win_amd64"): "23ecc9d241004c10e8b4f49d12ac064cd7000e1643343944a10df98e57bc544b",
}


def wheels_for(platform: str, folder: Path) -> list[Path]:
    """The wheels of one platform, one a Python; `folder` keeps them for the next time.

    Raises InputError with what to do where one can't be had or is not what was published.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_wheel(python, PLATFORMS[platform], folder) for python in PYTHONS]


def file_name(python: str, tag: str) -> str:
    """As PyPI names it: pyzmq-26.4.0-cp311-cp311-win_amd64.whl"""
    cp = _abi(python)
    return f"{PYZMQ.replace('==', '-')}-{cp}-{cp}-{tag}.whl"


def _wheel(python: str, tag: str, folder: Path) -> Path:
    path = folder / file_name(python, tag)
    if not path.is_file():
        _download(python, tag, folder)
    if not path.is_file() or _digest(path) != DIGESTS[python, tag]:
        raise InputError(
            f"'{path}' is not the wheel that was published: delete it and try again, or name "
            "another folder with --wheels."
        )
    return path


def _download(python: str, tag: str, folder: Path) -> None:
    """By pip, whatever index its user has configured."""
    command = (
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", python),
        *("--abi", _abi(python), "--platform", tag, "--retries", "1", "--timeout", SECONDS),
        *("--disable-pip-version-check", "--no-input", "--dest", str(folder), PYZMQ),
    )
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise InputError(
            f"pip could not download {file_name(python, tag)} ({said[-1].strip()}): connect to "
            "the network, or name a folder that holds it with --wheels."
        )


def _abi(python: str) -> str:
    return f"cp{python.replace('.', '')}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
