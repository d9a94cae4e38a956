"""Extension zips and their repository, the same bytes every time.

In: a folder for the output, platforms by Blender's names, a folder that keeps wheels. Out: the
paths of the zips; index.json and index.html lie beside them.

A zip for each platform rather than one for all: all extensions' wheels land in one folder of
Blender's, and a user should download one platform's, not four's. Nothing is compressed: wheels
are already, and deflated bytes differ between builds of zlib.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from backend.extension.manifest import NAME, for_platform, read_manifest, write_toml
from backend.extension.repository import INDEX, PAGE, Entry, entry_of, index_text, page_text
from backend.extension.sources import source_files
from backend.extension.wheels import wheels_for
from backend.files import replace_atomically

TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
MODE = 0o100644 << 16  # a plain file that all may read
UNIX = 3


def build_extension(output: Path, platforms: Sequence[str], wheels: Path | None) -> list[Path]:
    """wheels None: one zip for all platforms that carries none, for a Blender of a Linux
    distribution, whose Python is the system's and must have pyzmq.

    Raises InputError where the sources or wheels are not to be had, OSError for the disk.
    """
    sources = source_files()
    manifest = read_manifest(sources[NAME])
    output.mkdir(parents=True, exist_ok=True)
    entries: list[Entry] = []
    archives: list[Path] = []
    for platform in platforms if wheels else [""]:
        found = wheels_for(platform, wheels) if wheels else []
        packed = {path.name: path.read_bytes() for path in found}
        complete = for_platform(manifest, platform, list(packed)) if wheels else manifest
        files = {**sources, NAME: write_toml(complete)}
        files |= {f"wheels/{name}": content for name, content in packed.items()}
        archive = output / _archive_name(manifest, platform)
        _write_zip(archive, files)
        archives.append(archive)
        entries.append(entry_of(complete, archive))
    _write_text(output / INDEX, index_text(entries))
    _write_text(output / PAGE, page_text(entries))
    return archives


def _archive_name(manifest: Mapping[str, str], platform: str) -> str:
    """As Blender's own builder names them."""
    parts = (manifest["id"], manifest["version"], platform.replace("-", "_"))
    return f"{'-'.join(part for part in parts if part)}.zip"


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(files):
                info = zipfile.ZipInfo(name, TIME)
                info.external_attr, info.create_system = MODE, UNIX
                archive.writestr(info, files[name])

    replace_atomically(path, write)


def _write_text(path: Path, text: str) -> None:
    replace_atomically(path, lambda file: file.write(text.encode()))
