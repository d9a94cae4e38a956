"""Both kinds of priors from tiny random folders: loading, conditioning, guidance, bad folders."""

import json
import shutil

import pytest
import torch

from backend.cameras import turntable
from backend.errors import InputError, PriorError
from backend.guidance.base import Views
from backend.guidance.diffusion import x0_from_output
from backend.guidance.distil import GuidanceConfig, distil
from backend.guidance.embedded import EmbeddedConfig, resize
from backend.guidance.priors import PRIORS, load_prior
from backend.guidance.prop_conditioning import unfold
from backend.guidance.stable_diffusion import StableDiffusionConfig
from backend.guidance.texts import ROW, mixed
from tests.tiny_models import write_embedded, write_stable_diffusion

FP32 = EmbeddedConfig(precision="fp32")
SD_WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="session")
def sd_folder(tmp_path_factory):
    return write_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="session")
def embedded_folder(tmp_path_factory):
    return write_embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture
def copied(embedded_folder, tmp_path):
    return shutil.copytree(embedded_folder, tmp_path / "copy")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def predict(prior, domain="shaded", azimuth_first=0, backgrounds=None, scale=5.0, cameras=True):
    """x0 of two fixed noisy images under one condition."""
    channels = prior.unet.config["in_channels"]
    noisy = torch.randn(2, channels, 8, 8, generator=seeded())
    views = turntable(8)[[azimuth_first, azimuth_first + 1]] if cameras else None
    return prior.predict_x0(noisy, torch.full((2,), 500), Views(views, domain, backgrounds), scale)


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_a_loss_runs_and_its_gradient_reaches_the_images(which, request):
    prior = load_prior(request.getfixturevalue(which), "a red chair", "blue")
    results = []
    for _ in range(2):
        images = torch.rand(3, 3, 24, 24, generator=seeded(1)).requires_grad_()
        loss = distil(prior, GuidanceConfig("sds")).loss(
            images, Views(turntable(3)), 0.5, seeded(2)
        )
        loss.backward()
        results.append((loss.detach(), images.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][1].isfinite().all()
    assert (results[0][1].abs().amax((1, 2, 3)) > 0).all()
    assert all(p.grad is None and not p.requires_grad for p in prior.unet.parameters())


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_guidance_scale_0_and_1_are_the_two_branches(which, request):
    folder = request.getfixturevalue(which)
    config = FP32 if which == "embedded_folder" else None
    prior = load_prior(folder, "a red chair", config=config)
    unconditional, conditional = predict(prior, scale=0.0), predict(prior, scale=1.0)
    assert not torch.allclose(unconditional, conditional)
    expected = unconditional + 3 * (conditional - unconditional)
    torch.testing.assert_close(predict(prior, scale=3.0), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_a_negative_prompt_takes_the_unconditional_branchs_place(which, request):
    folder = request.getfixturevalue(which)
    config = FP32 if which == "embedded_folder" else StableDiffusionConfig(view_wording=False)
    negative = load_prior(folder, "a chair", "a red table", config=config)
    itself = load_prior(folder, "a red table", config=config)
    torch.testing.assert_close(predict(negative, scale=0.0), predict(itself, scale=1.0))


def test_embedded_prediction_follows_camera_background_domain_and_words(embedded_folder):
    prior = load_prior(embedded_folder, "a red chair", config=FP32)
    base = predict(prior, backgrounds=torch.ones(2, 3))
    others = [
        predict(prior, azimuth_first=3, backgrounds=torch.ones(2, 3)),
        predict(prior, cameras=False, backgrounds=torch.ones(2, 3)),
        predict(prior, backgrounds=torch.zeros(2, 3)),
        predict(prior, backgrounds=None),
        predict(prior, domain="normal", backgrounds=torch.ones(2, 3)),
        predict(load_prior(embedded_folder, "a blue chair", config=FP32)),
    ]
    for other in others:
        assert (other - base).abs().max() > 1e-4
    torch.testing.assert_close(predict(prior, backgrounds=torch.ones(2, 3)), base)


def test_unknown_conditions_are_zeros(embedded_folder):
    prior = load_prior(embedded_folder, "a red chair")
    vector = prior._condition(Views(None, "albedo"), 2)
    assert vector[:, :15].eq(0).all()
    assert vector[:, 15:].tolist() == [[0, 1, 0, 0]] * 2
    # A middle grey is zero too, so the fourth number says that it is known.
    known = prior._condition(Views(None, "albedo", torch.full((2, 3), 0.5)), 2)
    assert known[:, 11:15].tolist() == [[0, 0, 0, 1]] * 2


def test_bf16_stays_close_to_fp32(embedded_folder):
    full = predict(load_prior(embedded_folder, "a red chair", config=FP32))
    half = predict(
        load_prior(embedded_folder, "a red chair", config=EmbeddedConfig(precision="bf16"))
    )
    # bfloat16 has 8 bits; guidance 5 enlarges the difference of two branches.
    assert 0 < (half - full).norm() / full.norm() < 0.1


def test_clip_x0_keeps_the_pixels_range(embedded_folder):
    config = EmbeddedConfig(precision="fp32", clip_x0=True)
    clipped = predict(load_prior(embedded_folder, "a red chair", config=config))
    free = predict(load_prior(embedded_folder, "a red chair", config=FP32))
    assert free.abs().max() > 1
    torch.testing.assert_close(clipped, free.clamp(-1, 1))


def test_words_are_ignored_aloud_and_plurals_are_known(embedded_folder):
    prior = load_prior(embedded_folder, "The crimson chairs of two boxes, berries with zorks")
    assert prior.ignored_words == ("crimson", "two", "zorks")
    plain = load_prior(embedded_folder, "chair box berry with")
    torch.testing.assert_close(prior.tokens, plain.tokens)
    assert load_prior(embedded_folder, "chair", "ugly").ignored_words == ("ugly",)


def test_words_beyond_the_last_place_are_named(embedded_folder):
    prior = load_prior(embedded_folder, "red " * 10 + "table")
    assert prior.ignored_words == ("table",)


@pytest.mark.parametrize("prompt", ["a zork", "a zork with"])
def test_a_prompt_of_unknown_words_alone_still_runs_with_a_warning(embedded_folder, prompt, caplog):
    prior = load_prior(embedded_folder, prompt)
    assert prior.ignored_words == ("zork",)
    assert f"none of the words of '{prompt}'" in caplog.text and "chair" in caplog.text


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_weights_of_words_move_the_text(which, request):
    folder = request.getfixturevalue(which)

    def text(prompt):
        prior = load_prior(folder, prompt)
        return prior.tokens[2] if which == "embedded_folder" else prior.texts[ROW["prompt"]]

    torch.testing.assert_close(text("a (red:1.0) chair"), text("a red chair"))
    assert not torch.allclose(text("a (red:1.5) chair"), text("a red chair"))
    assert not torch.allclose(text("a (red:1.5) chair"), text("a red (chair:1.5)"))


def test_embedded_encode_resizes_by_areas_and_folds(embedded_folder):
    prior = load_prior(embedded_folder, "chair")
    images = torch.rand(2, 3, 64, 64)
    small = images.view(2, 3, 16, 4, 16, 4).mean((3, 5))
    latents = prior.encode(images, seeded())
    assert latents.shape == (2, 12, 8, 8)
    torch.testing.assert_close(unfold(latents, 2), small)
    assert resize(torch.full((1, 3, 37, 37), 0.3), 16).sub(0.3).abs().max() < 1e-6


def test_the_hash_changes_with_one_byte_of_weights(copied, embedded_folder):
    file = copied / "unet/diffusion_pytorch_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    before = load_prior(embedded_folder, "chair").weights_hash
    assert load_prior(copied, "chair", config=FP32).weights_hash == before
    file.write_bytes(content)
    after = load_prior(copied, "chair", config=FP32).weights_hash
    assert len(before) == 64 and after != before


def test_files_of_half_precision_alone_will_do(sd_folder, tmp_path):
    folder = shutil.copytree(sd_folder, tmp_path / "half")
    for part in ("unet", "vae", "text_encoder"):
        (file,) = (folder / part).glob("*.safetensors")
        file.rename(file.with_suffix(".fp16.safetensors"))
    got = predict(load_prior(folder, "a red chair"))
    torch.testing.assert_close(got, predict(load_prior(sd_folder, "a red chair")))


def damage_cut(folder):
    file = folder / SD_WEIGHTS
    file.write_bytes(file.read_bytes()[:1000])


def damage_empty(folder):
    (folder / SD_WEIGHTS).write_bytes(b"")


def damage_gone(folder):
    (folder / SD_WEIGHTS).unlink()


def damage_index(folder):
    (folder / "model_index.json").write_text("{")


def damage_text(folder):
    (folder / "text_encoder/config.json").unlink()


def damage_scheduler(folder):
    shutil.rmtree(folder / "scheduler")


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
@pytest.mark.parametrize(
    "damage",
    [damage_cut, damage_empty, damage_gone, damage_index, damage_text, damage_scheduler],
)
def test_a_damaged_folder_is_a_prior_error(which, damage, request, tmp_path):
    folder = shutil.copytree(request.getfixturevalue(which), tmp_path / "damaged")
    damage(folder)
    with pytest.raises(PriorError, match="damaged"):
        load_prior(folder, "a red chair")


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_missing_tensors_are_refused_rather_than_random(which, request, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(request.getfixturevalue(which), tmp_path / "copy")
    tensors = load_file(folder / SD_WEIGHTS)
    del tensors["conv_out.bias"]
    save_file(tensors, folder / SD_WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(PriorError, match=r"conv_out\.bias"):
        load_prior(folder, "a red chair")


def test_index_without_its_settings_is_a_prior_error(copied):
    index = json.loads((copied / "model_index.json").read_text())
    del index["fold"]
    (copied / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(PriorError, match="fold"):
        load_prior(copied, "chair")


def test_unknown_names_classes_and_domains_say_what_is_on_offer(tmp_path, sd_folder):
    with pytest.raises(PriorError, match=r"no prior 'magic'.*embedded, mvdream, richdreamer, sd15"):
        load_prior("magic", "a chair")
    with pytest.raises(PriorError, match="does not ship"):
        load_prior("sd15", "a chair")
    with pytest.raises(PriorError, match="no model_index"):
        load_prior(tmp_path, "a chair")
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(PriorError, match="FluxPipeline"):
        load_prior(tmp_path, "a chair")
    with pytest.raises(PriorError, match="'normal'"):
        predict(load_prior(sd_folder, "a chair"), domain="normal")
    assert "embedded" in PRIORS


def test_an_empty_prompt_is_refused_before_anything_is_loaded():
    with pytest.raises(InputError, match="no words"):
        load_prior("magic", "  ")


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_stable_diffusion_reads_what_its_scheduler_says(kind, tmp_path):
    """The network's raw output is the same; only its meaning changes."""
    prior = load_prior(write_stable_diffusion(tmp_path, kind), "a red chair")
    noisy, t = torch.randn(2, 4, 8, 8), torch.tensor([300, 300])
    text = prior.texts[ROW["prompt"]].expand(2, -1, -1)
    output = prior.unet(noisy, t, encoder_hidden_states=text).sample
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000).double() ** 2
    a = torch.cumprod(1 - betas, 0)[t].float()
    expected = x0_from_output(output, noisy, a, kind)
    got = prior.predict_x0(noisy, t, Views(None), 1.0)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_stable_diffusion_with_zero_terminal_snr_is_finite_at_the_end(tmp_path):
    folder = write_stable_diffusion(tmp_path, "v_prediction", rescale_betas_zero_snr=True)
    prior = load_prior(folder, "a red chair")
    assert prior.alphas_cumprod[-1] == 0
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    distil(prior, GuidanceConfig("sds")).loss(images, Views(None), 0.9999, seeded()).backward()
    assert images.grad.isfinite().all()


def test_stable_diffusion_words_the_view(sd_folder):
    prior = load_prior(sd_folder, "a red chair")
    views = turntable(8)[[0, 1, 2]]
    known, rows = Views(views), prior.texts
    both = mixed(["negative", "prompt"], rows, known, 3, True)
    negative, texts = both[:3], both[3:]
    front, side = rows[ROW["front"]], rows[ROW["side"]]
    torch.testing.assert_close(texts[0], front)
    torch.testing.assert_close(texts[1], (front + side) / 2)
    torch.testing.assert_close(texts[2], side)
    assert not torch.allclose(texts[0], texts[2])
    torch.testing.assert_close(negative[1], rows[ROW["negative"]])
    plain = mixed(["prompt"], rows, Views(None), 3, True)
    torch.testing.assert_close(plain[0], rows[ROW["prompt"]])


def test_branches_are_asked_by_name(sd_folder):
    prior = load_prior(sd_folder, "a red chair", "a blue table")
    noisy, t = torch.randn(2, 4, 8, 8, generator=seeded()), torch.tensor([300, 300])
    views = Views(turntable(2))
    with torch.no_grad():
        x0 = dict(zip(prior.branches, prior.denoise(noisy, t, views, prior.branches), strict=True))
    torch.testing.assert_close(x0["prompt"][0], x0["front"][0])  # the first camera is in front
    torch.testing.assert_close(x0["prompt"][1], x0["back"][1])
    for name in ("empty", "negative", "degraded", "side", "overhead"):
        assert not torch.allclose(x0[name][0], x0["prompt"][0]), name
    torch.testing.assert_close(x0["negative"], prior.predict_x0(noisy, t, views, 0.0))


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
@pytest.mark.parametrize("rule, rows", [("csd", (2, 2)), ("nfsd", (3, 2)), ("sds", (2, 2))])
def test_no_branch_is_asked_twice(which, rule, rows, request, monkeypatch):
    """rows: the network's, of one picture, at much noise and at little; without a negative prompt
    "negative" says what "empty" does, and NFSD's bad pictures are known to readers alone."""
    prior = load_prior(request.getfixturevalue(which), "a red chair")
    if which == "embedded_folder":
        rows = (2, 2)
    asked = []
    forward = type(prior.unet).forward

    def counted(self, sample, *rest, **more):
        asked.append(len(sample))
        return forward(self, sample, *rest, **more)

    monkeypatch.setattr(type(prior.unet), "forward", counted)
    guidance = distil(prior, GuidanceConfig(rule))
    for t, count in zip((0.7, 0.1), rows, strict=True):
        asked.clear()
        guidance.loss(torch.rand(1, 3, 24, 24), Views(turntable(1)), t, seeded())
        assert sum(asked) == count, (rule, t)


@pytest.mark.parametrize("which", ["sd_folder", "embedded_folder"])
def test_without_unwanted_words_negative_is_empty_to_the_bit(which, request):
    views, t = Views(turntable(2)), torch.tensor([300, 300])
    for words, same in (("", True), ("blue", False)):
        prior = load_prior(request.getfixturevalue(which), "a red chair", words)
        channels = prior.unet.config["in_channels"]
        noisy = torch.randn(2, channels, 8, 8, generator=seeded())
        with torch.no_grad():
            asked = prior.denoise(noisy, t, views, ("empty", "prompt", "negative"))
        assert torch.equal(asked[0], asked[2]) == same


def test_clip_tokens_match_the_tokenizers_own(sd_folder):
    """Segment by segment gives what the whole text would, and long prompts are cut to 77."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    from backend.guidance.clip_text import _tokenize
    from backend.prompt.parse import parse_prompt

    tokenizer = CLIPTokenizer.from_pretrained(sd_folder / "tokenizer")
    whole = tokenizer("a red chair", padding="max_length", max_length=77)["input_ids"]
    ids, scales = _tokenize(tokenizer, parse_prompt("a (red:1.5) chair"), 77)
    assert ids == whole
    assert sorted(set(scales)) == [1.0, 1.5] and scales[0] == 1.0
    long, _ = _tokenize(tokenizer, parse_prompt("red " * 200), 77)
    assert len(long) == 77 and long[-1] == tokenizer.eos_token_id
