"""SDXL, DeepFloyd IF and Stable Diffusion 3 from tiny random folders in their published layouts."""

import json
import shutil

import pytest
import torch

from backend.cameras import turntable
from backend.errors import PriorError
from backend.guidance import t5_text
from backend.guidance.base import Views
from backend.guidance.deepfloyd import DeepFloydConfig
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.lora import LoraAdapter
from backend.guidance.priors import load_prior
from backend.guidance.sd3 import SD3Config
from backend.guidance.sdxl import SDXLConfig
from backend.guidance.texts import ROW
from tests.tiny_priors import write_deepfloyd, write_sd3, write_sdxl

KINDS = {
    "sdxl": (write_sdxl, SDXLConfig(view_wording=False)),
    "deepfloyd": (write_deepfloyd, DeepFloydConfig(view_wording=False)),
    "sd3": (write_sd3, SD3Config(image_size=16, view_wording=False)),
}


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    write, config = KINDS[request.param]
    return write(tmp_path_factory.mktemp(request.param)), config


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noisy_for(prior, count=2):
    clean = prior.encode(torch.rand(count, 3, 16, 16, generator=seeded()), seeded())
    return torch.randn(clean.shape, generator=seeded(1)), torch.full((count,), 500)


def test_a_loss_runs_and_its_gradient_reaches_the_images(written):
    folder, config = written
    prior = load_prior(folder, "a red chair", "blue", config=config)
    results = []
    for _ in range(2):
        images = torch.rand(2, 3, 24, 24, generator=seeded(1)).requires_grad_()
        guidance = distil(prior, GuidanceConfig("rfds"))
        guidance.loss(images, Views(turntable(2)), 0.5, seeded(2)).backward()
        results.append(images.grad)
    assert torch.equal(*results) and results[0].isfinite().all()
    assert (results[0].abs().amax((1, 2, 3)) > 0).all()
    assert all(not p.requires_grad for p in prior.network.parameters())


def test_branches_are_the_wordings(written):
    folder, config = written
    prior = load_prior(folder, "a red chair", "a blue table", config=config)
    other = load_prior(folder, "a blue table", config=config)
    noisy, t = noisy_for(prior)
    negative, prompt = (prior.predict_x0(noisy, t, Views(None), s) for s in (0.0, 1.0))
    torch.testing.assert_close(negative, other.predict_x0(noisy, t, Views(None), 1.0))
    assert not torch.allclose(negative, prompt)
    expected = negative + 3 * (prompt - negative)
    got = prior.predict_x0(noisy, t, Views(None), 3.0)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_weights_of_words_move_the_text(written):
    folder, config = written

    def text(prompt):
        return load_prior(folder, prompt, config=config).texts[ROW["prompt"]]

    torch.testing.assert_close(text("a (red:1.0) chair"), text("a red chair"))
    assert not torch.allclose(text("a (red:1.5) chair"), text("a red chair"))


def test_vsd_s_adapter_fits_its_network(written):
    folder, config = written
    guidance = distil(load_prior(folder, "a red chair", config=config), GuidanceConfig("vsd"))
    images = torch.rand(2, 3, 16, 16, generator=seeded())
    before = guidance.state_dict()["adapter"]
    guidance.loss(images, Views(turntable(2)), 0.5, seeded())
    after = guidance.state_dict()["adapter"]
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_vsd_s_student_is_told_the_camera(written):
    folder, config = written
    prior = load_prior(folder, "a red chair", config=config)
    adapter = LoraAdapter(prior.network, 2, seeded())
    with torch.no_grad():
        adapter.cameras[0][2].weight.normal_(generator=seeded(1))
    noisy, t = noisy_for(prior)
    results = []
    for first in (0, 3):
        with adapter.active(turntable(8)[[first, first + 1]]), torch.no_grad():
            results.append(prior.denoise(noisy, t, Views(None), ("empty", "prompt"))[1])
    assert not torch.allclose(*results)


def test_vsd_s_adapter_reaches_what_the_words_of_sd3_become(tmp_path):
    prior = load_prior(write_sd3(tmp_path), "a red chair", config=SD3Config(image_size=16))
    adapter = LoraAdapter(prior.network, 2, seeded())
    assert "transformer_blocks/0/attn/to_add_out" in adapter.up


@pytest.mark.parametrize("name", ["deepfloyd", "sd3"])
def test_t5_takes_half_the_memory_and_says_nearly_the_same(tmp_path, monkeypatch, name):
    write, config = KINDS[name]
    folder, loaded, texts = write(tmp_path), [], []
    load = t5_text.load_text_model

    def noted(kind, place, dtype):
        loaded.append(load(kind, place, dtype))
        return loaded[-1]

    def precise(kind, place, _):
        return load(kind, place)

    for loader in (noted, precise):
        monkeypatch.setattr(t5_text, "load_text_model", loader)
        texts.append(load_prior(folder, "a red chair", config=config).texts)
    assert {p.dtype for p in loaded[0].parameters()} == {torch.bfloat16}
    assert texts[0].dtype == torch.float32 and not torch.equal(*texts)
    torch.testing.assert_close(*texts, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_in_several_files_are_one(tmp_path, variant):
    """Stable Diffusion 3.5 large's transformer is published so."""
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    _, config = KINDS["sd3"]
    folder = write_sd3(tmp_path)
    whole = load_prior(folder, "a red chair", config=config)
    part = folder / "transformer"
    network = SD3Transformer2DModel.from_pretrained(part)
    (part / "diffusion_pytorch_model.safetensors").unlink()
    network.save_pretrained(part, max_shard_size="20KB", variant=variant)
    files = sorted(part.glob("*.safetensors"))
    assert len(files) > 1
    split = load_prior(folder, "a red chair", config=config)
    noisy, t = noisy_for(whole)
    views = Views(None)
    assert torch.equal(*(p.predict_x0(noisy, t, views, 3.0) for p in (whole, split)))
    changed = bytearray(files[-1].read_bytes())
    changed[-1] ^= 1
    files[-1].write_bytes(changed)
    other = load_prior(folder, "a red chair", config=config)
    assert len({whole.weights_hash, split.weights_hash, other.weights_hash}) == 3
    files[-1].unlink()
    with pytest.raises(PriorError, match=files[-1].name):
        load_prior(folder, "a red chair", config=config)


def test_a_missing_part_is_a_prior_error(written, tmp_path):
    folder, config = written
    part = "transformer" if (folder / "transformer").is_dir() else "unet"
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(copy / part)
    with pytest.raises(PriorError, match=part):
        load_prior(copy, "a red chair", config=config)


def test_sdxl_is_told_its_own_size_and_the_text_s_vector(tmp_path):
    prior = load_prior(write_sdxl(tmp_path), "a red chair", config=SDXLConfig(view_wording=False))
    seen = {}
    forward = prior.unet.forward
    prior.unet.forward = lambda *args, **kwargs: seen.update(kwargs) or forward(*args, **kwargs)
    noisy, t = noisy_for(prior)
    prior.predict_x0(noisy, t, Views(None), 1.0)
    added = seen["added_cond_kwargs"]
    assert added["time_ids"].tolist() == [[16, 16, 0, 0, 16, 16]] * 2
    torch.testing.assert_close(added["text_embeds"][0], prior.pooled[ROW["prompt"]])
    assert seen["encoder_hidden_states"].shape == (2, 77, 16 + 24)


@pytest.mark.parametrize("zeros", [True, False, None])
def test_sdxl_is_told_nothing_by_zeros_where_its_index_says_so(tmp_path, zeros):
    """diffusers' force_zeros_for_empty_prompt, true where it isn't said."""
    folder = write_sdxl(tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    if zeros is not None:
        index["force_zeros_for_empty_prompt"] = zeros
    (folder / "model_index.json").write_text(json.dumps(index))
    silent, spoken = (load_prior(folder, "a red chair", n) for n in ("", "a blue table"))
    empty, negative = ROW["empty"], ROW["negative"]
    for rows in (silent.texts, silent.pooled):
        assert bool((rows[[empty, negative]] == 0).all()) == (zeros is not False)
    assert bool((spoken.texts[empty] == 0).all()) == (zeros is not False)
    assert spoken.texts[negative].abs().max() > 0 and spoken.pooled[negative].abs().max() > 0


def test_words_for_bad_pictures_are_the_user_s_or_the_paper_s(tmp_path):
    folder = write_sdxl(tmp_path)
    silent, spoken = (load_prior(folder, "a red chair", n) for n in ("", "a blue table"))
    torch.testing.assert_close(spoken.texts[ROW["poor"]], spoken.texts[ROW["negative"]])
    for name in ("empty", "negative", "prompt", "degraded"):
        assert not torch.allclose(silent.texts[ROW["poor"]], silent.texts[ROW[name]])


def test_deepfloyd_leaves_variances_out(tmp_path):
    config = DeepFloydConfig(view_wording=False)
    prior = load_prior(write_deepfloyd(tmp_path), "a red chair", config=config)
    noisy, t = noisy_for(prior)
    said = prior.texts[ROW["prompt"]].expand(2, -1, -1)
    output = prior.unet(noisy, t, encoder_hidden_states=said).sample
    assert output.shape[1] == 6
    a = prior.alphas_cumprod[500]
    expected = (noisy - (1 - a).sqrt() * output[:, :3]) / a.sqrt()
    torch.testing.assert_close(prior.predict_x0(noisy, t, Views(None), 1.0), expected)


def test_sd3_s_flow_is_read_as_a_diffusion(tmp_path):
    """x0 = z_s - s v at the flow's own length; s shifted by 3 as its scheduler says."""
    config = SD3Config(image_size=16, view_wording=False)
    prior = load_prior(write_sd3(tmp_path), "a red chair", config=config)
    noisy, _ = noisy_for(prior)
    index = torch.tensor([249, 799])
    even = torch.tensor([0.25, 0.8])
    s = (3 * even / (1 + 2 * even))[:, None, None, None]
    clean, noise = noisy, torch.randn(noisy.shape, generator=seeded(4))
    flow = (1 - s) * clean + s * noise
    a = prior.alphas_cumprod[index][:, None, None, None]
    diffusion = a.sqrt() * clean + (1 - a).sqrt() * noise
    velocity = prior.unet(
        hidden_states=flow,
        timestep=s[:, 0, 0, 0] * 1000,
        encoder_hidden_states=prior.texts[ROW["prompt"]].expand(2, -1, -1),
        pooled_projections=prior.pooled[ROW["prompt"]].expand(2, -1),
    ).sample
    got = prior.predict_x0(diffusion, index, Views(None), 1.0)
    torch.testing.assert_close(got, flow - s * velocity, rtol=1e-4, atol=1e-4)


def test_sd3_does_without_t5(tmp_path):
    config = SD3Config(image_size=16)
    prior = load_prior(write_sd3(tmp_path, t5=False), "a red chair", config=config)
    assert prior.texts.shape[1:] == (77 + 77, 32)
    assert prior.texts[:, 77:].eq(0).all() and prior.texts[:, :77, 20:].eq(0).all()


def test_views_are_put_into_words(tmp_path):
    prior = load_prior(write_sdxl(tmp_path), "a red chair")
    noisy, t = noisy_for(prior)
    views = Views(turntable(2))
    got = prior.denoise(noisy, t, views, ("prompt", "front", "back"))
    torch.testing.assert_close(got[0][0], got[1][0])
    torch.testing.assert_close(got[0][1], got[2][1])


def test_deepfloyd_reads_lower_case_as_it_was_trained(tmp_path):
    """T5's pieces of "Red" and "red" are not the same; Stable Diffusion 3 keeps the difference."""
    config = DeepFloydConfig(view_wording=False)
    write_deepfloyd(tmp_path / "if")
    small, great = (
        load_prior(tmp_path / "if", text, config=config).texts
        for text in ("a red (chair:1.5)", "A Red (CHAIR:1.5)")
    )
    assert torch.equal(small, great)
    write_sd3(tmp_path / "sd3")
    config = SD3Config(image_size=16, view_wording=False)
    small, great = (
        load_prior(tmp_path / "sd3", text, config=config).texts for text in ("a chair", "A CHAIR")
    )
    assert not torch.equal(small, great)
