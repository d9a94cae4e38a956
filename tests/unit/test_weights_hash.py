"""A prior's hash: of every file that it reads, wherever the folder lies, and of nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from backend.errors import PriorError
from backend.guidance import weights
from backend.guidance.catalogue import RECORD
from backend.guidance.deepfloyd import DeepFloydConfig
from backend.guidance.priors import PRIORS, load_prior
from backend.guidance.sd3 import SD3Config
from backend.guidance.stable_diffusion import StableDiffusionConfig
from backend.reference.picture import load_reference
from tests.every_prior import CONFIGS, WRITERS
from tests.tiny_zero123 import write_picture

LARGE = [name for name in PRIORS if name not in ("embedded", "sd35", "zero123")]  # one a writer
NOT_READ = {"richdreamer": {"shaded/model_index.json"}}
SCHEDULE = "scheduler/scheduler_config.json"
SCHEDULES = {"richdreamer": ("shaded/" + SCHEDULE, "normal/" + SCHEDULE)}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("priors")
    return cache(lambda name: WRITERS[name](root / name))


@pytest.fixture(scope="module")
def hash_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    picture = write_picture(tmp_path_factory.mktemp("picture"))

    def load(folder: Path, name: str, config: Any = None) -> str:
        reference = load_reference(picture) if PRIORS[name].sees_image else None
        words, config = "" if reference else "red", config or CONFIGS.get(name)
        return load_prior(folder, words, config=config, reference=reference).weights_hash

    return load


@pytest.fixture
def copy_of(folder_of, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: shutil.copytree(folder_of(name), tmp_path / name)


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """One tensor's last number, the version that merges.txt tells, or a blank behind the rest."""
    before = file.read_bytes()
    after = {
        ".safetensors": before[:-1] + bytes([before[-1] ^ 1]),
        ".txt": before.replace(b"0.2", b"0.1"),
    }.get(file.suffix, before + b"\n")
    assert after != before
    file.write_bytes(after)
    yield
    file.write_bytes(before)


@pytest.mark.parametrize("name", LARGE)
def test_every_file_that_is_read_counts_and_no_other(name: str, copy_of, hash_of) -> None:
    folder = copy_of(name)
    found, alike = list(folder.rglob("*")), set()
    before = hash_of(folder, name)
    for file in filter(Path.is_file, found):
        with changed(file):
            if hash_of(folder, name) == before:
                alike.add(file.relative_to(folder).as_posix())
    assert alike == NOT_READ.get(name, set())
    for place in filter(Path.is_dir, [folder, *found]):
        (place / "README.md").write_text("Nobody reads this.\n")
    assert hash_of(folder, name) == before


@pytest.mark.parametrize("name", LARGE)
def test_equal_folders_have_equal_hashes(name: str, folder_of, copy_of, hash_of) -> None:
    assert hash_of(copy_of(name), name) == hash_of(folder_of(name), name)


@pytest.mark.parametrize("name", [name for name in LARGE if name != "sd3"])
def test_what_the_network_predicts_counts(name: str, folder_of, copy_of, hash_of) -> None:
    folder = copy_of(name)
    for place in SCHEDULES.get(name, (SCHEDULE,)):
        config = json.loads((folder / place).read_text())
        other = {"epsilon": "v_prediction", "v_prediction": "epsilon"}[config["prediction_type"]]
        (folder / place).write_text(json.dumps(config | {"prediction_type": other}))
    assert hash_of(folder, name) != hash_of(folder_of(name), name)


def test_t5_counts_where_it_is_read(folder_of, copy_of, hash_of) -> None:
    folder, without = copy_of("sd3"), SD3Config(image_size=16, t5=False)
    unread = hash_of(folder, "sd3", without)
    shutil.rmtree(folder / "text_encoder_3")
    absent = hash_of(folder, "sd3")
    assert absent == unread != hash_of(folder_of("sd3"), "sd3")


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_half_size_alone_will_do(name: str, folder_of, copy_of, hash_of) -> None:
    folder = copy_of(name)
    parts = {"unet", "vae", "text_encoder", "text_encoder_2", "image_encoder", "transformer"}
    views = ("mvdream/unet", "normal/unet", "albedo/unet")  # read by their plain name alone
    for file in list(folder.rglob("*.safetensors")):
        if file.parent.name in parts and not str(file.parent).endswith(views):
            file.rename(file.with_suffix(".fp16.safetensors"))
    assert hash_of(folder, name) != hash_of(folder_of(name), name)


def test_of_two_sizes_the_one_that_is_read_counts(copy_of, hash_of) -> None:
    """In half precision the network's small file is read, and yet the encoder's whole one."""
    folder, config = copy_of("sd15"), StableDiffusionConfig(precision="fp16")
    read = {}
    for part, stem in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        plain, small = (folder / part / f"{stem}{x}.safetensors" for x in ("", ".fp16"))
        shutil.copy(plain, small)
        read |= {plain: part == "text_encoder", small: part == "unet"}
    before = hash_of(folder, "sd15", config)
    for file, counts in read.items():
        with changed(file):
            assert (hash_of(folder, "sd15", config) != before) == counts


def test_t5_in_several_files_is_read_whole(copy_of, hash_of) -> None:
    """As IF is pulled: with the index of the halves, which themselves are left on the hub."""
    from transformers.models.t5.modeling_t5 import T5EncoderModel

    folder, config = copy_of("deepfloyd"), DeepFloydConfig(precision="fp16")
    part = folder / "text_encoder"
    model = T5EncoderModel.from_pretrained(part)
    (part / "model.safetensors").unlink()
    model.save_pretrained(part, max_shard_size="5KB")
    files = sorted(part.glob("*.safetensors"))
    index = json.loads((part / "model.safetensors.index.json").read_text())
    named = {tensor: "model.fp16-00001-of-00001.safetensors" for tensor in index["weight_map"]}
    other = part / "model.safetensors.index.fp16.json"
    other.write_text(json.dumps({"weight_map": named}))
    before = hash_of(folder, "deepfloyd", config)
    assert len(files) > 1
    for file, counts in [*((file, True) for file in files), (other, False)]:
        with changed(file):
            assert (hash_of(folder, "deepfloyd", config) != before) == counts


def test_stable_zero123_is_another_prior_by_what_says_so(tmp_path, folder_of, hash_of) -> None:
    """The same files by another name mean other cameras; the commit that they came from doesn't."""
    found = {}
    for name in ("plain", "stable"):
        folder = shutil.copytree(folder_of("stable-zero123"), tmp_path / name)
        found[name] = hash_of(folder, "zero123")
        for revision in "ab":
            record = {"repository": f"someone/{name}", "revision": revision}
            (folder / RECORD).write_text(json.dumps(record))
            assert hash_of(folder, "zero123") == found[name]
    assert found["plain"] != found["stable"]


@pytest.mark.parametrize("file", ["merges.txt", "vocab.json"])
def test_a_damaged_tokenizer_is_a_prior_error(file: str, copy_of, hash_of) -> None:
    folder = copy_of("sd15")
    (folder / "tokenizer" / file).write_text("#version: 0.2\nr e d\n")
    with pytest.raises(PriorError, match="tokenizer"):
        hash_of(folder, "sd15")


def test_a_file_that_is_named_twice_is_read_once(folder_of) -> None:
    folder = folder_of("sd15")
    once = [folder / "unet" / "diffusion_pytorch_model.safetensors"]
    assert weights.weights_hash(folder, once * 2) == weights.weights_hash(folder, once)
