"""Reference pictures: read or refused in one sentence, cut out, placed, compared with, used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from backend import cli
from backend.errors import InputError
from backend.guidance.priors import load_prior
from backend.job import Job, RunFiles, new_context
from backend.pipeline import generate
from backend.reference.cutout import opacity_of
from backend.reference.likeness import LikenessConfig, color_likeness, likeness
from backend.reference.picture import load_reference, place
from backend.reference.reading import read_picture
from tests.tiny_job import TINY
from tests.tiny_models import write_embedded


def write_picture(path: Path, background=(230, 225, 215), size=(200, 160)) -> Path:
    """A red disc with a hole, off centre, over a background that grows darker downwards."""
    rows = np.linspace(1.0, 0.75, size[1])[:, None, None]
    picture = Image.fromarray((rows * np.full((size[1], size[0], 3), background)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((90, 40, 170, 120), fill=(190, 30, 40))
    draw.ellipse((118, 68, 142, 92), fill=background)
    picture.save(path)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_picture(tmp_path_factory.mktemp("picture") / "disc.png")


def disc(size=(160, 200)) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    radius = np.hypot(y - 80, x - 130)
    return (radius <= 40) & (radius > 12)


def test_the_prop_is_cut_out_of_a_plain_background(picture: Path) -> None:
    mask = opacity_of(read_picture(picture)) > 0.5
    assert (mask & disc()).sum() / (mask | disc()).sum() > 0.93


def test_a_picture_s_own_transparency_is_kept(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[20:50, 10:30] = (9, 200, 9, 255)
    Image.fromarray(pixels).save(tmp_path / "cut.webp", lossless=True)
    mask = opacity_of(read_picture(tmp_path / "cut.webp"))
    assert mask.sum() == 30 * 20


def test_the_prop_is_centred_and_fills_the_canonical_sphere(picture: Path) -> None:
    reference = load_reference(picture)
    rows, columns = np.nonzero(reference.opacity[0].numpy() > 0.5)
    side = len(reference.opacity[0])
    assert abs(rows.mean() - side / 2) < 4 and abs(columns.mean() - side / 2) < 4
    # A sphere's radius of 0.86 as half a cube's diagonal: its side over the picture's at 3 away.
    expected = 2 * 0.86 / 3**0.5 / (2 * 3 * np.tan(np.radians(20))) * side
    assert np.ptp(rows) == pytest.approx(expected, rel=0.06)
    assert reference.colors[0, side // 2, side // 2 + side // 8] == pytest.approx(0.75, abs=0.06)


def test_a_prop_that_touches_the_picture_s_edges_is_placed_whole() -> None:
    placed = place(np.ones((30, 90, 3), np.float32), np.ones((30, 90), np.float32))
    rows, columns = np.nonzero(placed[..., 3] > 0.5)
    assert np.ptp(columns) == pytest.approx(3 * np.ptp(rows), rel=0.1)


def bad(folder: Path, what: str) -> Path:
    path = folder / f"{what}.png"
    if what == "text":
        path.write_text("this is no picture")
    elif what == "cut short":
        whole = write_picture(folder / "whole.png").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif what == "dot":
        Image.new("RGB", (1, 1)).save(path)
    elif what == "huge":
        Image.new("1", (12_001, 40)).save(path)
    elif what == "transparent":
        Image.new("RGBA", (64, 64)).save(path)
    elif what == "blank":
        Image.new("RGB", (64, 64), (200, 10, 10)).save(path)
    return path


CASES = {
    "absent": "There is no image",
    "text": "not a PNG, JPEG or WebP",
    "cut short": "can't be read",
    "dot": "1 x 1 pixels",
    "huge": "12001 x 40 pixels",
    "transparent": "wholly transparent",
    "blank": "No prop can be told",
}


@pytest.mark.parametrize("what", CASES)
def test_a_bad_picture_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=CASES[what]):
        opacity_of(read_picture(bad(tmp_path, what)))


@pytest.mark.parametrize("what", ["text", "dot"])
def test_the_command_line_ends_with_2_and_writes_nothing(what: str, tmp_path: Path, capsys) -> None:
    path, out = bad(tmp_path, what), tmp_path / "out.glb"
    assert cli.main(["generate", "--image", str(path), "-o", str(out)]) == 2
    assert CASES[what] in capsys.readouterr().err and not out.exists()


def test_neither_prompt_nor_picture_is_refused(tmp_path: Path, capsys) -> None:
    assert cli.main(["generate", "-o", str(tmp_path / "out.glb")]) == 2
    assert "--image FILE" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "I;16", "LA"])
def test_every_mode_of_pixels_is_read(mode: str, tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    picture = Image.fromarray(grey)
    if mode != "I;16":
        picture = Image.fromarray((grey // 257).astype(np.uint8)).convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    picture.save(path)
    pixels = read_picture(path)
    assert pixels.shape == (64, 64, 4) and pixels[32, 60, 0] > 0.8 > 0.2 > pixels[32, 3, 0]


def test_a_picture_is_most_like_itself_and_pulls_towards_itself(picture: Path) -> None:
    reference, behind = load_reference(picture), torch.tensor([[0.2, 0.5, 0.9]])
    same, opacity = reference.over(behind, 48), reference.at(48)[1][None]
    zero = likeness(same, opacity, behind, reference, LikenessConfig())
    assert sum(zero.values()) < 1e-9
    other = torch.zeros_like(same).requires_grad_()
    sum(likeness(other, opacity, behind, reference, LikenessConfig()).values()).backward()
    assert ((same - other) * -other.grad >= 0).all()


def test_surface_colours_are_compared_inside_of_the_outline_alone(picture: Path) -> None:
    reference = load_reference(picture)
    wanted, opacity = reference.at(32)
    pixels = torch.arange(32 * 32)
    colors = torch.where(opacity > 0.95, wanted, 0.123).reshape(3, -1).T
    assert color_likeness(colors, pixels, 32, reference, 7.0) < 1e-9
    assert color_likeness(colors + 0.5, pixels, 32, reference, 8.0) == pytest.approx(2.0, rel=1e-4)
    none = torch.zeros(0, dtype=torch.long)
    assert color_likeness(colors[:0], none, 32, reference, 8.0) == 0


def test_a_prior_that_cannot_see_asks_for_words(picture: Path, tmp_path: Path) -> None:
    prior = write_embedded(tmp_path)
    with pytest.raises(InputError, match="words beside it"):
        load_prior(prior, "", reference=load_reference(picture))


def run(job: Job, folder: Path) -> tuple[bytes, dict, list[str]]:
    folder.mkdir()
    notes: list[str] = []
    context = new_context(job, torch.device("cpu"))
    files = RunFiles(folder / "prop.glb", folder / "checkpoint")
    made = generate(job, files, context, notes.append).files[0].read_bytes()
    return made, context.curves, notes


def test_every_stage_looks_at_the_picture_and_the_job_is_told_by_its_bytes(
    picture: Path, tmp_path: Path
) -> None:
    job = Job("a red chair", prior=str(write_embedded(tmp_path / "prior")), config=TINY)
    seen = replace(job, image=picture)
    plain, _, quiet = run(job, tmp_path / "plain")
    first, curves, notes = run(seen, tmp_path / "first")
    assert run(seen, tmp_path / "again")[0] == first != plain
    assert "outline" in curves["gaussians"][0] and "reference" in curves["gaussians"][0]
    assert "outline" in curves["mesh"][0] and "reference" in curves["materials"][0]
    assert not quiet and any("front alone" in note for note in notes)
    copy = write_picture(tmp_path / "copy.png")
    prior = load_prior(job.prior, job.prompt)
    same = replace(seen, image=copy).identity(prior)
    assert same == seen.identity(prior) != job.identity(prior)
    write_picture(copy, background=(10, 200, 10))
    assert replace(seen, image=copy).identity(prior) != same
