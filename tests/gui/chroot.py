"""A real Blender of a chosen Debian release, in a folder of its own: `python -m tests.gui.chroot`.

In: a release (trixie has Blender 4.3, sid 5.2) and a folder. Out: a root file system there with
Blender and software OpenGL, about 2 GB, made once and then reused. Wants root, Debian's
debootstrap, and the mirror that this machine's own apt sources name.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path

SOURCES = Path("/etc/apt")
PACKAGES = (
    *("blender", "python3-numpy", "python3-requests", "libgl1-mesa-dri", "libegl1", "libgl1"),
    *("mesa-vulkan-drivers", "fonts-dejavu-core"),
)
# Its Blender runs on Python 3.14, for which the extension carries no pyzmq.
OF_RELEASE = {"trixie": (), "sid": ("python3-cattr", "python3-zmq")}


def make_chroot(release: str, folder: Path) -> None:
    """Installs Blender under `folder`, unless it is there already. Raises RuntimeError with what
    is missing, CalledProcessError where an installer fails."""
    if (folder / "usr/bin/blender").exists():
        return
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise RuntimeError("A chroot wants root and debootstrap (apt-get install debootstrap).")
    folder.mkdir(parents=True, exist_ok=True)
    quiet = {"stdout": subprocess.DEVNULL}
    bootstrap = ["debootstrap", "--variant=minbase", release, str(folder), find_mirror()]
    subprocess.run(bootstrap, check=True, **quiet)
    # A mirror may be a snapshot, which is signed but past its date.
    inside = ["chroot", str(folder), "apt-get", "-qq", "-o", "Acquire::Check-Valid-Until=false"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*inside, "update"], check=True, **quiet)
    subprocess.run(
        [*inside, "install", "-y", "--no-install-recommends", *PACKAGES, *OF_RELEASE[release]],
        check=True, env=environment, **quiet,
    )  # fmt: skip
    subprocess.run([*inside, "clean"], check=True)


def find_mirror(sources: Path = SOURCES) -> str:
    """The first Debian mirror that apt's sources name, in either of their two formats."""
    files = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    one_line = r"^deb\s+(?:\[[^]]*\]\s+)?(\S+/debian)/?\s"
    for pattern in (r"^URIs:\s*(\S+/debian)/?\s*$", one_line):
        if found := re.search(pattern, text, re.MULTILINE):
            return found[1]
    raise RuntimeError(f"No Debian mirror in {sources}: say which with apt's own sources.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", choices=OF_RELEASE)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    make_chroot(arguments.release, arguments.folder)
