"""Imported props: a tiny catalogue of our own making instead of the Debian package."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.errors import InputError
from backend.training import imported_kinds, props
from backend.training.data import CAMERAS, render_prop
from backend.training.imported import load_models
from backend.training.imported_looks import colour_word, surface_terms
from backend.training.imported_mesh import MAX_FACES, Surface, canonical, simplify
from backend.training.imported_parts import MAX_LOOKS
from backend.training.imported_props import (
    captions,
    imported_vocabulary,
    model_weights,
    recoloured,
    sample_imported,
)
from backend.training.looks import Look
from backend.training.sweethome import attribution, licence_of, parse_properties, read_catalogue
from backend.training.wavefront import Material
from shared.conventions import CANONICAL_RADIUS

CATALOGUE = """
license=Creative Commons Attribution 3.0 license
name#1=Chair
category#1=Living room
tags#1=Seat
model#1=/tiny/chair/chair.obj
width#1=50
depth#1=60
height#1=100
creator#1=Ann
name#2=Crate
category#2=Miscellaneous
tags#2=
model#2=/tiny/crate/crate.obj
width#2=50
depth#2=50
height#2=50
creator#2=Bob
name#3=Table
category#3=Living room
tags#3=
model#3=/tiny/table/table.obj
width#3=50
depth#3=50
height#3=50
creator#3=Cem
name#4=Rounded switch
category#4=Miscellaneous
tags#4=Electricity
model#4=/tiny/crate/crate.obj
width#4=5
depth#4=5
height#4=5
creator#4=Bob
"""
MTL = """newmtl red_wood
Kd 0.8 0.1 0.1
newmtl pictured
Kd 1 1 1
map_Kd two colours.png
"""


def box_obj(material: str, low=(0, 0, 0), high=(1, 1, 1), start: int = 0) -> str:
    """A box of quads, y up, each with the whole texture on it."""
    corners = [(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    lines = [
        "v " + " ".join(str(a + (b - a) * c) for a, b, c in zip(low, high, corner, strict=True))
        for corner in corners
    ]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1", f"usemtl {material}"]
    quads = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
    for quad in quads:
        lines.append("f " + " ".join(f"{v + 1 + start}/{t + 1}" for t, v in enumerate(quad)))
    return "\n".join(lines)


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    """A chair (seat, and a back at its rear), a pictured crate, a table not to be used."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4], pixels[4:] = (20, 40, 200), (230, 220, 40)
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "png")
    seat = box_obj("red_wood", (0, 0, 0), (1, 0.5, 1))
    back = box_obj("red_wood", (0, 0.5, 0), (1, 1, 0.2), 8)
    files: dict[str, str | bytes] = {
        "PluginFurnitureCatalog.properties": CATALOGUE,
        "tiny/chair/chair.obj": f"mtllib chair.mtl\n{seat}\n{back}\n",
        "tiny/chair/chair.mtl": MTL,
        "tiny/crate/crate.obj": f"mtllib crate.mtl\n{box_obj('pictured')}\n",
        "tiny/crate/crate.mtl": MTL,
        "tiny/crate/two colours.png": picture.getvalue(),
        "tiny/table/table.obj": box_obj("red_wood"),
        "tiny/table/LICENSE.txt": "Creative Commons Attribution-NonCommercial 3.0",
    }
    with zipfile.ZipFile(tmp_path / "tiny.sh3f", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return tmp_path


def test_the_catalogue_and_its_licences(folder):
    entries = read_catalogue(folder)
    assert [e.licence for e in entries] == ["CC BY 3.0", "CC BY 3.0", "other", "CC BY 3.0"]
    assert [e.allowed for e in entries] == [True, True, False, True]
    assert entries[0].size == (50, 60, 100)
    text = attribution(entries[:2])
    assert "CC BY 3.0, tiny, Ann: Chair" in text and "Bob: Crate" in text


def test_without_a_catalogue_it_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match="apt-get download sweethome3d-furniture"):
        read_catalogue(tmp_path)


def test_only_licensed_props_are_converted_and_the_cache_gives_them_back(folder):
    models = load_models(folder, folder / "cache")
    assert [m.kind for m in models] == ["chair", "crate"]
    again = load_models(folder, folder / "cache")
    for first, second in zip(models, again, strict=True):
        assert first.kind == second.kind and first.share == pytest.approx(second.share)
        for name in ("vertices", "faces", "part", "looks", "dominant"):
            assert np.array_equal(getattr(first, name), getattr(second, name))
    assert len(list((folder / "cache").iterdir())) == 1


def test_a_chair_stands_upright_and_faces_the_front(folder):
    chair = load_models(folder)[0]
    assert np.linalg.norm(chair.vertices, axis=1).max() == pytest.approx(CANONICAL_RADIUS)
    size = np.ptp(chair.vertices, axis=0)
    assert size / size[2] == pytest.approx([0.5, 0.6, 1.0], abs=1e-3)
    upper = chair.vertices[chair.vertices[:, 2] > 0.99 * chair.vertices[:, 2].max()]
    assert upper[:, 1].min() > 0  # the back is behind, at +y
    assert (chair.colour, chair.material) == ("red", "wooden")


def test_a_texture_becomes_faces_of_its_colours(folder):
    crate = load_models(folder)[1]
    assert 100 < len(crate.faces) <= MAX_FACES and 2 <= len(crate.looks) <= MAX_LOOKS
    blue = np.array([20, 40, 200]) / 255
    yellow = np.array([230, 220, 40]) / 255
    for colour in (blue, yellow):
        assert np.abs(crate.looks[:, :3] - colour).max(1).min() < 0.02
    side = (crate.part == np.abs(crate.looks[:, :3] - blue).max(1).argmin()).mean()
    assert 0.35 < side < 0.65


def test_recolouring_keeps_the_texture_lighter_and_darker(folder):
    crate = load_models(folder)[1]
    look = Look((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.3, 0.3), (1.0, 1.0))
    rows = recoloured(crate, look.row(0.0))
    assert rows.shape == (len(crate.looks), 13)
    assert np.allclose(rows[crate.dominant, 8], 1.0)
    if crate.dominant.sum() > 1:
        old = crate.looks[crate.dominant, :3].mean(1)
        assert (np.argsort(old) == np.argsort(rows[crate.dominant, :3].mean(1))).all()


def test_samples_are_rendered_and_named(folder):
    import torch

    models = load_models(folder)
    words = set(imported_vocabulary())
    rng = np.random.default_rng(3)
    seen = set()
    for i in range(40):
        prop = sample_imported(models[i % 2], rng)
        for text in captions(prop, 3, rng):
            assert set(text.split()) <= words
            assert prop.colour is None or len(text.split()) >= 2
            seen.add(text)
    assert len(seen) > 20
    views = render_prop(prop, CAMERAS.sample(2, torch.Generator().manual_seed(0)))
    assert views.shape == (2, 64, 64, 9) and (views[..., 8] == 255).sum() > 200


def test_weights_leave_out_what_is_held_out(folder, monkeypatch):
    models = load_models(folder)
    monkeypatch.setattr("backend.training.imported_props.HELD_OUT", ("crate",))
    assert model_weights(models).tolist() == [1.0, 0.0]
    assert model_weights(models, held_out=True).tolist() == [0.0, 1.0]


def test_heavy_meshes_become_light_without_losing_their_extent():
    n = 120
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, n), np.linspace(0, np.pi, n), indexing="ij")
    points = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)], -1).reshape(-1, 3)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij"))
    a = i * n + j
    faces = np.concatenate(
        [np.stack([a, a + 1, a + n], -1), np.stack([a + 1, a + n + 1, a + n], -1)]
    )
    sphere = Surface(points, faces, np.zeros(len(faces), int), np.arange(len(faces)))
    light = simplify(sphere, 1000, np.random.default_rng(0))
    assert 300 < len(light.faces) < 1400
    assert np.ptp(light.vertices, axis=0) == pytest.approx([2, 2, 2], abs=0.05)
    assert light.areas.sum() == pytest.approx(4 * np.pi, rel=0.03)


def test_a_flat_model_stays_flat():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], float)
    out = canonical(square, np.eye(3), (10, 10, 5))
    assert np.ptp(out[:, 2]) == 0 and np.isfinite(out).all()


def test_materials_and_colours_by_their_names():
    assert surface_terms(Material("white-plastic"))[1] == 0
    assert surface_terms(Material("chrome_2"))[1] == 1
    assert surface_terms(Material("black_metal"))[1] == 0
    shiny = Material("x", specular=(0.5, 0.5, 0.5), shininess=96.0)
    assert surface_terms(shiny)[0] == pytest.approx((2 / 98) ** 0.25)
    assert colour_word((0.8, 0.1, 0.1)) == "red" and colour_word((0.95, 0.95, 0.94)) == "white"
    assert colour_word((0.75, 0.72, 0.2)) in (None, "yellow")


def test_licences_are_told_by_their_words():
    assert licence_of("released under Creative Commons Zero") == "CC0"
    assert licence_of("Attribution-ShareAlike") == "other"
    assert licence_of("call me") == "unknown"
    common, models = parse_properties("# x\nlicense=Public domain\nname#12=Caf\\u00e9\n")
    assert common == {"license": "Public domain"} and models == {12: {"name": "Café"}}


def test_the_table_of_kinds_is_in_plain_words():
    for kind in imported_kinds.KINDS:
        for name in imported_kinds.all_names(kind):
            assert all(w.isascii() and w.isalpha() and w.islower() for w in name.split()), name
    assert {*imported_kinds.HELD_OUT, *imported_kinds.NATURE, *imported_kinds.FIXTURES} <= set(
        imported_kinds.KINDS
    )
    assert not set(imported_kinds.HELD_OUT) & set(props.KINDS)  # nor may the other source show them
    assert set(imported_kinds.BY_KEY.values()) - {""} <= set(imported_kinds.KINDS)


def test_kinds_of_both_sources_are_left_to_the_procedural_one(folder):
    """Mostly: the less variety the more, and models with names of their own keep to those."""
    chair, crate = load_models(folder)
    named = dataclasses.replace(crate, name="fruit box")
    foreign = dataclasses.replace(crate, kind="abacus")
    weights = model_weights([chair, named, foreign], variety=0.3)
    np.testing.assert_allclose(weights, np.array([0.09, 1.0, 1.0]) / 2.09)
    rng = np.random.default_rng(0)
    prop = sample_imported(named, rng)

    def share(variety: float) -> float:
        texts = captions(prop, 400, rng, variety)
        return sum("fruit box" in text for text in texts) / len(texts)

    assert 0.4 < share(1.0) < 0.6 and 0.8 < share(0.3) < 0.9
