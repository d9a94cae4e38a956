"""The catalogue's models as training material: canonical, coloured by face, cached in one file.

`load_models(folder, cache)` converts every licensed model that is a prop (imported_kinds.py) once,
in a few minutes, and reads the cache after that. A model's faces point to looks (colour, roughness,
metallic); each look belongs to a slot (a material of the author's), and some slots together are the
model's dominant surface: what `sample_imported` (imported_props.py) gives other colours.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from backend.training.imported_kinds import kind_of
from backend.training.imported_looks import (
    SAID,
    colour_word,
    kind_of_material,
    plain_colour,
)
from backend.training.imported_mesh import (
    MAX_FACES,
    SIMPLIFIED_FACES,
    Surface,
    canonical,
    simplify,
    subdivide,
)
from backend.training.imported_parts import (
    dominant_parts,
    look_around,
    quantise,
    visible_shares,
)
from backend.training.sweethome import Archive, Entry, read_catalogue
from backend.training.wavefront import Material, Triangles, read_obj, sample_texture

log = logging.getLogger(__name__)

FORMAT = 4  # of the cache
OUTLINE = 0.93  # of the coverage must be left without the glass
INSIDE = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2]]) / 6  # barycentric sample points


@dataclass(frozen=True)
class ImportedModel:
    """One model. Geometry as in props.Prop; looks are (parts, 5): sRGB, roughness, metallic."""

    key: str
    kind: str
    name: str  # as the catalogue has it, cleaned
    vertices: np.ndarray  # (V, 3) float32 in the canonical sphere
    faces: np.ndarray  # (F, 3) int32
    part: np.ndarray  # (F,) int32 index into looks
    looks: np.ndarray  # (parts, 5) float32
    dominant: np.ndarray  # (parts,) bool: belongs to the dominant surface
    share: float  # of what is seen, that is dominant
    colour: str  # the word for the dominant surface as it is; "" for none
    material: str  # likewise


def load_models(folder: Path, cache: Path | None = None) -> list[ImportedModel]:
    """The models of the catalogue under `folder` (sweethome.py), from `cache` (a folder) if there.

    The cache file's name tells the format and the catalogue, so that it is never mistaken.
    """
    entries = [e for e in read_catalogue(folder) if e.allowed and kind_of(e)]
    digest = hashlib.sha256(f"{FORMAT}{[e.key for e in entries]}".encode()).hexdigest()[:12]
    file = None if cache is None else cache / f"imported-{digest}.npz"
    if file is not None and file.exists():
        return _read(file, entries)
    models = convert_all(entries)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, models)
    return models


def convert_all(entries: list[Entry]) -> list[ImportedModel]:
    """Entries -> models; those without a face that can be seen are left out, with a log line."""
    archives: dict[Path, Archive] = {}
    models = []
    for number, entry in enumerate(entries):
        archive = archives.setdefault(entry.archive, Archive(entry.archive))
        model = convert(entry, read_obj(archive, entry.path))
        if model is None:
            log.warning("%s has nothing to see", entry.key)
        else:
            models.append(model)
        if number % 100 == 99:
            log.info("%d of %d models converted", number + 1, len(entries))
    return models


def convert(entry: Entry, triangles: Triangles) -> ImportedModel | None:
    """One model, deterministic; None where nothing is left of it."""
    rng = np.random.default_rng(0)
    clear = np.array([m.opacity < 0.1 for m in triangles.materials])
    seen = ~clear[triangles.material] if not clear.all() else np.ones(len(triangles.faces), bool)
    if not seen.any():
        return None
    used = np.unique(triangles.faces[seen])
    vertices = np.zeros_like(triangles.vertices)
    vertices[used] = canonical(triangles.vertices[used], entry.rotation, entry.size)
    whole = Surface(vertices, triangles.faces, triangles.material, np.arange(len(triangles.faces)))
    surface = whole.kept(seen & (whole.areas > 1e-9))
    if len(surface.faces) == 0:
        return None
    if entry.category != "Vehicles":  # whose insides are empty, and windows dark
        surface = without_glass(surface, triangles.materials)
    textured = np.array([_varies(m) for m in triangles.materials])
    surface = simplify(surface, SIMPLIFIED_FACES if textured.any() else MAX_FACES, rng)
    surface = subdivide(surface, textured, MAX_FACES)
    colours, opaque = _colours(surface, whole, triangles)
    surface, colours = surface.kept(opaque), colours[opaque]
    if len(surface.faces) == 0:
        return None
    return _finished(entry, surface, colours, triangles.materials)


def without_glass(surface: Surface, materials: list[Material]) -> Surface:
    """Glass cannot be drawn: it goes where the rest has almost the same outline (a clock's face,
    an aquarium), and stays, opaque, where it is what there is to see (a bottle, a table's top)."""
    clear = [m.opacity < 0.6 and "water" not in m.name.lower() for m in materials]
    glass = np.array(clear)[surface.slot]
    if not glass.any() or glass.all():
        return surface
    coverage = []
    for shown in (surface, surface.kept(~glass)):
        views = look_around(shown, np.zeros(len(shown.faces)), np.zeros((1, 13), np.float32))
        coverage.append(views[..., 8].sum(dtype=float))
    return surface.kept(~glass) if coverage[1] > OUTLINE * coverage[0] else surface


def _varies(material: Material) -> bool:
    """Whether a material's texture has anything to show at 64 pixels."""
    return material.texture is not None and bool(material.texture.std((0, 1)).max() > 0.025)


def _colours(surface: Surface, whole: Surface, triangles: Triangles) -> tuple[np.ndarray, ...]:
    """The colour of each face (F, 3), and whether its texture is opaque there (F,)."""
    colours = np.array([plain_colour(m) for m in triangles.materials])[surface.slot]
    opaque = np.ones(len(colours), bool)
    for slot, material in enumerate(triangles.materials):
        mask = surface.slot == slot
        if material.texture is None or not mask.any():
            continue
        points = np.einsum("kc,fcx->fkx", INSIDE, surface.vertices[surface.faces[mask]])
        uv = _uv_at(points, surface.source[mask], whole, triangles)
        rgba = sample_texture(material.texture, uv)
        weight = rgba[..., 3:] + 1e-6
        colours[mask] = (rgba[..., :3] * weight).sum(1) / weight.sum(1)
        opaque[mask] = rgba[..., 3].mean(1) > 0.35
    return np.clip(colours, 0.02, 0.97), opaque


def _uv_at(points, source, whole: Surface, triangles: Triangles) -> np.ndarray:
    """Texture coordinates (f, k, 2) at points (f, k, 3) near the source faces (f,)."""
    a, b, c = (whole.vertices[whole.faces[source, i]] for i in range(3))
    e, g, p = b - a, c - a, points - a[:, None]
    ee, gg, eg = (e * e).sum(1), (g * g).sum(1), (e * g).sum(1)
    pe, pg = (p * e[:, None]).sum(2), (p * g[:, None]).sum(2)
    inverse = 1 / np.maximum(ee * gg - eg * eg, 1e-18)
    u = ((gg[:, None] * pe - eg[:, None] * pg) * inverse[:, None]).clip(-0.5, 1.5)
    v = ((ee[:, None] * pg - eg[:, None] * pe) * inverse[:, None]).clip(-0.5, 1.5)
    uv = triangles.uv[source]
    along, across = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return uv[:, None, 0] + u[..., None] * along[:, None] + v[..., None] * across[:, None]


def _finished(entry: Entry, surface: Surface, colours, materials: list[Material]) -> ImportedModel:
    part, looks, slots = quantise(surface.slot, colours, surface.areas, materials)
    seen = visible_shares(surface, part, slots)
    dominant, share = dominant_parts(looks, slots, seen)
    mean = np.average(looks[dominant, :3], axis=0, weights=seen[dominant] + 1e-6)
    said = kind_of_material(materials[slots[np.argmax(np.where(dominant, seen, -1))]])
    kind, name = kind_of(entry) or ("", "")
    return ImportedModel(
        key=entry.key, kind=kind, name=name,
        vertices=surface.vertices.astype(np.float32),
        faces=surface.faces.astype(np.int32),
        part=part.astype(np.int32), looks=looks.astype(np.float32), dominant=dominant,
        share=float(share),
        colour=(colour_word(mean) or "") if share > 0.55 else "",
        material=said if said in SAID and share > 0.45 else "",
    )  # fmt: skip


ARRAYS = ("vertices", "faces", "part", "looks", "dominant")


def _write(file: Path, models: list[ImportedModel]) -> None:
    """All models in one file: arrays end to end, and their lengths."""
    out: dict[str, np.ndarray] = {}
    for name in ARRAYS:
        parts = [getattr(m, name) for m in models]
        out[name] = np.concatenate(parts)
        out[f"{name}_count"] = np.array([len(p) for p in parts])
    for name in ("key", "kind", "name", "share", "colour", "material"):
        out[name] = np.array([getattr(m, name) for m in models])
    temporary = file.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, allow_pickle=False, **out)
    temporary.replace(file)


def _read(file: Path, entries: list[Entry]) -> list[ImportedModel]:
    """The cached models; what they are called comes from the catalogue and the table of kinds."""
    names = {entry.key: kind_of(entry) or ("", "") for entry in entries}
    with np.load(file, allow_pickle=False) as data:
        stored = {name: data[name] for name in data.files}
    split = {
        name: np.split(stored[name], np.cumsum(stored[f"{name}_count"])[:-1]) for name in ARRAYS
    }
    out = []
    for i, key in enumerate(stored["key"]):
        kind, name = names[str(key)]
        values = {f.name: split[f.name][i] for f in fields(ImportedModel) if f.name in ARRAYS}
        out.append(
            ImportedModel(
                key=str(key), kind=kind, name=name, share=float(stored["share"][i]),
                colour=str(stored["colour"][i]), material=str(stored["material"][i]), **values,
            )
        )  # fmt: skip
    return out
