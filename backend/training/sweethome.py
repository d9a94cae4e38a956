"""The catalogue of the Debian package sweethome3d-furniture: 820 named props and their licences.

The package is not part of the repository. `apt-get download sweethome3d-furniture && dpkg-deb -x
sweethome3d-furniture_*.deb FOLDER` unpacks it without being root; FOLDER, or where it is installed
`/usr/share/sweethome3d`, is what `read_catalogue` takes. Out come entries: what a model is called,
how large it is, who made it, under which licence, and which files it is in.

A model's own licence file counts before that of its catalogue. CC0 and CC BY let anybody adapt and
sell what they make of a model; models under any other licence, or none, are left out.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from backend.errors import InputError

CATALOGUE = "PluginFurnitureCatalog.properties"
HOW_TO_GET = (
    "Get them with `apt-get download sweethome3d-furniture && dpkg-deb -x "
    "sweethome3d-furniture_*.deb FOLDER` and give FOLDER."
)
# licence -> what its text or its name in a catalogue says; the first that matches counts
LICENCES = {
    "other": r"non-?commercial|share-?alike|no-?deriv|all rights reserved",
    "CC0": r"creative commons zero|public domain|\bCC-?0\b",
    "CC BY 3.0 US": r"attribution 3\.0 united states",
    "CC BY 3.0": r"creative commons attribution|attribution 3\.0",
}
ALLOWED = ("CC0", "CC BY 3.0", "CC BY 3.0 US")
MADE_BY = re.compile(r'(?:downloading "[^"]*" by|Created by:|Author:)\s*([^\n]{2,40})')


@dataclass(frozen=True)
class Entry:
    """One model of a catalogue; `path` is that of its OBJ inside `archive`."""

    key: str  # catalogue/model, unique
    name: str
    category: str
    tags: tuple[str, ...]
    creator: str
    licence: str  # a key of LICENCES, or "unknown"
    archive: Path
    path: str
    size: tuple[float, float, float]  # width, depth, height in cm
    rotation: np.ndarray  # (3, 3), applied to the OBJ's vertices (y up, front +z)

    @property
    def allowed(self) -> bool:
        return self.licence in ALLOWED


class Archive:
    """A catalogue's zip; files are found whatever the case of their names."""

    def __init__(self, path: Path):
        self.path = path
        self.zip = zipfile.ZipFile(path)

    @cached_property
    def names(self) -> dict[str, str]:
        return {name.lower(): name for name in self.zip.namelist()}

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        out = defaultdict(list)
        for name in self.zip.namelist():
            out[str(PurePosixPath(name).parent)].append(name)
        return dict(out)

    def read(self, path: str) -> bytes | None:
        name = self.names.get(path.lower())
        return None if name is None else self.zip.read(name)

    def text(self, path: str) -> str:
        return (self.read(path) or b"").decode("utf-8", "replace")


def read_catalogue(folder: Path) -> list[Entry]:
    """Every entry of every .sh3f under `folder`, in a fixed order; InputError if there is none."""
    archives = sorted(Path(folder).rglob("*.sh3f"), key=lambda p: p.name)
    if not archives:
        raise InputError(f"No furniture catalogue (*.sh3f) under {folder}. {HOW_TO_GET}")
    return [entry for path in archives for entry in _entries(Archive(path))]


def _entries(archive: Archive) -> list[Entry]:
    common, models = parse_properties((archive.read(CATALOGUE) or b"").decode("latin-1"))
    return [_entry(archive, common, fields) for _, fields in sorted(models.items())]


def parse_properties(text: str) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """A catalogue's text -> (what holds for all of it, number -> what holds for that model)."""
    common: dict[str, str] = {}
    models: dict[int, dict[str, str]] = defaultdict(dict)
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith("#"):
            continue
        value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), value)
        field, hash_sign, number = key.strip().partition("#")
        if hash_sign and number.isdigit():
            models[int(number)][field] = value.strip()
        elif not hash_sign:
            common[field] = value.strip()
    return common, dict(models)


def _entry(archive: Archive, common: dict[str, str], fields: dict[str, str]) -> Entry:
    path = fields["model"].lstrip("/")
    own = licence_text(archive, path)
    rotation = np.array(fields.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), float)
    author = MADE_BY.search(own)
    return Entry(
        key=f"{archive.path.stem}/{PurePosixPath(path).stem}",
        name=fields["name"],
        category=fields.get("category", ""),
        tags=tuple(t.strip() for t in fields.get("tags", "").split(",") if t.strip()),
        creator=re.split(r"\.Premalink|\. |,$", author[1])[0]
        if author
        else fields.get("creator", ""),
        licence=licence_of(own) if own else licence_of(common.get("license", "")),
        archive=archive.path,
        path=path,
        size=(float(fields["width"]), float(fields["depth"]), float(fields["height"])),
        rotation=rotation.reshape(3, 3),
    )


def licence_text(archive: Archive, path: str) -> str:
    """What the licence files beside a model say, without markup; "" where there is none."""
    beside = archive.folders.get(str(PurePosixPath(path).parent), [])
    files = [n for n in beside if n.lower().endswith((".txt", ".html")) and "licen" in n.lower()]
    text = "\n".join(archive.text(n) for n in sorted(files))
    return re.sub(r"<style.*?</style>|<[^>]*>", "\n", text, flags=re.DOTALL)


def licence_of(text: str) -> str:
    """Which licence a text names: a key of LICENCES, or "unknown"."""
    found = [name for name, words in LICENCES.items() if re.search(words, text, re.IGNORECASE)]
    return found[0] if found else "unknown"


def attribution(entries: Iterable[Entry]) -> str:
    """Markdown: what was used, by whom, under which licence, as CC BY asks for."""
    lines: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for entry in entries:
        lines[entry.licence, entry.archive.stem, entry.creator].append(entry.name)
    rows = [
        f"- {licence}, {catalogue}, {creator or 'author not named'}: {', '.join(sorted(names))}"
        for (licence, catalogue, creator), names in sorted(lines.items())
    ]
    return "\n".join([*rows, ""])
