"""The judges' own arithmetic, on props and classifiers whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from torch import nn

from backend.cameras import turntable
from backend.errors import InputError
from backend.evaluate.attributes import AttributeNet, Labels, load_attributes
from backend.evaluate.consistency import front_back_difference, mirrored_iou, read_sides
from backend.evaluate.glb import load_surface, surface_terms
from backend.evaluate.imagenet import CLASSES, classes_of, kind_in
from backend.evaluate.judge import Judge, load_judge
from backend.evaluate.pictures import Surface, render_mesh
from backend.evaluate.props import find_props, measure_props, prompt_of
from backend.evaluate.tables import share_below, table
from shared.conventions import to_gltf

LABELS = Labels(("chair", "mug"), ("red", "blue"), ("golden", "wooden"))


def test_the_table_of_classes_names_each_index_once() -> None:
    names: dict[int, str] = {}
    for classes in CLASSES.values():
        assert classes
        for index, name in classes.items():
            assert 0 <= index < 1000
            assert names.setdefault(index, name) == name
    assert len(set(names.values())) == len(names)


# From ImageNet's own list (synsets sorted by their number): a shift of the table would show here.
@pytest.mark.parametrize(
    ("kind", "index"),
    [("banana", 954), ("teapot", 849), ("umbrella", 879), ("backpack", 414), ("grand piano", 579)],
)
def test_well_known_indices(kind: str, index: int) -> None:
    assert index in classes_of([kind])


def test_prompts_name_their_longest_kind() -> None:
    assert kind_in("a green wine bottle") == "wine bottle"
    assert kind_in("a brown leather armchair") == "armchair"
    assert kind_in("a red fire hydrant") is None
    assert kind_in("a dark green mug", ("green", "dark green", "red")) == "dark green"


class Fixed(nn.Module):
    """Says the same of every picture, whatever its size."""

    def __init__(self, classes: dict[int, float]):
        super().__init__()
        self.logits = torch.zeros(1000)
        for index, value in classes.items():
            self.logits[index] = value

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape[1:] == (3, 224, 224)
        return self.logits.expand(len(images), -1)


def test_the_judge_chooses_among_the_prompt_sets_classes_alone() -> None:
    judge = Judge(Fixed({954: 5.0, 849: 4.0, 1: 9.0}), ["banana", "teapot", "umbrella", "hydrant"])
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert judge.kinds == ["banana", "teapot", "umbrella"]
    assert float(judge.scores(pictures).sum()) == pytest.approx(1)
    assert [judge.rank(pictures, k) for k in ("banana", "teapot", "umbrella")] == [0, 1, 2]
    assert judge.rank(pictures, "hydrant") is None


def test_the_real_judge_knows_a_ball_from_a_piano() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    judge = load_judge(["basketball", "grand piano", "teapot"])
    ball = trimesh.creation.icosphere(3, 0.9)
    colours = torch.tensor([[0.85, 0.4, 0.1]]).expand(len(ball.vertices), 3).clone()
    z = torch.as_tensor(np.asarray(ball.vertices), dtype=torch.float32)
    colours[(z.abs() < 0.04).any(1)] = 0.05
    surface = Surface(z, torch.as_tensor(np.asarray(ball.faces, np.int32)), colours)
    images = render_mesh(surface, turntable(2), 64)["shaded"].permute(0, 3, 1, 2)
    assert judge.rank(images, "basketball") == 0


def _towards(azimuth_deg: torch.Tensor, length: float = 1.0) -> torch.Tensor:
    a = torch.deg2rad(azimuth_deg)
    return torch.stack([a.sin(), a.cos()], 1) * length


def test_sides_that_are_told_apart() -> None:
    azimuth = turntable(8).azimuth_deg
    right = read_sides(_towards(azimuth + 10), azimuth)
    assert right.error_deg == pytest.approx(10, abs=1e-3) and right.sure == 1
    assert right.second_fronts == 0 and right.views_behind == 3 and not right.two_fronts


def test_a_prop_with_two_fronts_shows_them() -> None:
    azimuth = turntable(8).azimuth_deg
    janus = torch.where((azimuth > 90) & (azimuth < 270), azimuth + 180, azimuth)
    seen = read_sides(_towards(janus), azimuth)
    assert seen.second_fronts == 3 and seen.two_fronts


def test_a_prop_without_sides_is_no_janus() -> None:
    azimuth = turntable(8).azimuth_deg
    seen = read_sides(_towards(torch.zeros(8), 0.2), azimuth)
    assert seen.sure == 0 and seen.error_deg is None and not seen.two_fronts


def _box(red_front: bool = True) -> Surface:
    """A box with a knob to its left (+X); its front side (-Y) may be red, the rest is grey."""
    boxes = [trimesh.creation.box((1.0, 0.6, 0.8)), trimesh.creation.box((0.2, 0.2, 0.2))]
    boxes[1].apply_translation((0.6, 0, 0.3))
    mesh = trimesh.util.concatenate(boxes)
    mesh.unmerge_vertices()
    vertices = torch.as_tensor(np.asarray(mesh.vertices), dtype=torch.float32)
    faces = torch.as_tensor(np.asarray(mesh.faces, np.int32))
    colours = torch.full_like(vertices, 0.5)
    if red_front:
        front = torch.as_tensor(np.repeat(mesh.face_normals[:, 1] < -0.9, 3))
        colours[front] = torch.tensor([0.9, 0.1, 0.1])
    return Surface(vertices, faces, colours)


def test_opposite_outlines_of_a_solid_mirror_each_other() -> None:
    level = render_mesh(_box(), turntable(4, 0.0), 64)["mask"][..., 0]
    assert mirrored_iou(level) > 0.93  # perspective takes some of the knob
    assert mirrored_iou(torch.cat([level[:2], level[:2]])) < mirrored_iou(level)


@pytest.mark.parametrize("red_front", [True, False])
def test_front_and_back_differ_where_they_are_painted_so(red_front: bool) -> None:
    images = render_mesh(_box(red_front), turntable(4, 0.0), 64)
    difference = front_back_difference(images["albedo"].permute(0, 3, 1, 2), images["mask"][..., 0])
    assert difference == pytest.approx(0.4 if red_front else 0.0, abs=0.05)


def test_the_classifier_keeps_its_labels_in_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = AttributeNet(LABELS).eval()
    net.save(tmp_path / "net.safetensors")
    again = load_attributes(tmp_path / "net.safetensors")
    pictures = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    reading = again.read(pictures)
    assert again.labels == LABELS and reading.sides.shape == (2, 2)
    torch.testing.assert_close(reading.sides, net.read(pictures).sides)
    assert {reading.rank("colour", place) for place in (0, 1)} == {0, 1}


def test_a_missing_classifier_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"backend\.training attributes"):
        load_attributes(tmp_path / "none.safetensors")


@pytest.fixture
def glb(tmp_path: Path) -> Path:
    """A quad facing the front, its left half metal and smooth; glTF's axes, as exported."""
    corners = np.array([[-1.0, 0, 0], [1, 0, 0], [1, 0, 1], [-1, 0, 1]])
    uv = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    corners = np.concatenate(
        [corners * [0.5, 1, 1] - [0.5, 0, 0], corners * [0.5, 1, 1] + [0.5, 0, 0]]
    )
    uv = np.concatenate([uv * [0.5, 1], uv * [0.5, 1] + [0.5, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    terms = np.zeros((8, 8, 3), np.uint8)
    terms[:, :4], terms[:, 4:] = (255, 51, 255), (255, 204, 0)
    red = Image.fromarray(np.full((8, 8, 3), (255, 0, 0), np.uint8))
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=red, metallicRoughnessTexture=Image.fromarray(terms),
        metallicFactor=1.0, roughnessFactor=1.0,
    )  # fmt: skip
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    mesh = trimesh.Trimesh(to_gltf(corners), faces, visual=visual, process=False)
    path = tmp_path / "a_red_chair.glb"
    mesh.export(path)
    return path


def test_a_glb_comes_back_upright_with_its_terms(glb: Path) -> None:
    surface = load_surface(glb)
    low, high = surface.vertices.amin(0), surface.vertices.amax(0)
    assert float(high[0] - low[0]) == pytest.approx(2 * float(high[2] - low[2]), rel=1e-4)
    assert float((high - low)[1]) == pytest.approx(0, abs=1e-6)
    terms = surface_terms(surface)
    assert terms.metallic == pytest.approx(0.5) and terms.metal_share == pytest.approx(0.5)
    assert terms.roughness == pytest.approx(0.5, abs=0.01)
    assert terms.roughness_spread == pytest.approx(0.3, abs=0.01)
    front = render_mesh(surface, turntable(2, 0.0), 32)["orm"][0]
    assert float(front[16, 8, 2]) > 0.9 and float(front[16, 24, 2]) < 0.1


def test_a_row_for_every_prop(glb: Path) -> None:
    judge = Judge(Fixed({559: 3.0}), ["chair", "teapot"])
    rows = measure_props(find_props([glb.parent]), AttributeNet(LABELS).eval(), judge, 32)
    assert prompt_of(glb) == rows[0]["prompt"] == "a red chair"
    assert rows[0]["judge"] == 0 and rows[0]["kind"] in (0, 1) and rows[0]["material"] is None
    assert "a red chair" in table(rows)


def test_no_props_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no GLB"):
        find_props([tmp_path])


def test_shares_leave_out_what_was_not_asked() -> None:
    assert share_below([0, 1, None, 3], 1) == pytest.approx(1 / 3)
    assert share_below([None], 1) is None
