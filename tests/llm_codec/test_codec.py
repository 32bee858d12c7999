"""LLMCodec: lengths, levels, determinism, saving and refusing, for both layouts."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_codec import LLMCodec, Vocabulary
from llm_codec.audio import AudioError
from llm_codec.codes import Codes, CodesError
from llm_codec.quantizer import pool, repeat

ODD = {"encoder_rates": (3, 5), "decoder_rates": (5, 3), "latent_dim": 16, "encoder_dim": 4}
LAYOUTS = {
    "spectral": {},
    "waveform": {"encoder": "waveform", "decoder": "waveform"},
    "odd": {"encoder": "waveform", "decoder": "waveform", "vq_strides": (6, 3, 1), **ODD},
    "mixed": {"decoder": "waveform", "lookup": "euclidean", "latent_norm": True},
}


@pytest.fixture(params=LAYOUTS, scope="module")
def any_codec(request: pytest.FixtureRequest) -> LLMCodec:
    return lively(LLMCodec.tiny(**LAYOUTS[request.param]))


def lively(codec: LLMCodec) -> LLMCodec:
    """Moves the tables among the latents: far from them, a random encoder utters one word only."""
    seeded = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        wave = torch.from_numpy(noise(20 * codec.config.block_samples, seed=9))
        residual = codec.latent(wave[None, None])
    for book, stride in zip(codec.quantizer.codebooks, codec.config.vq_strides, strict=True):
        pooled = pool(residual, stride)[0].mT
        book.table = pooled[torch.arange(len(book.table)) % len(pooled)].clone()
        book.prepare()
        words = book.vectors(book.search(pooled)).mT
        residual = residual - repeat(words, stride)
        residual = residual + 0.1 * residual.std() * torch.randn(residual.shape, generator=seeded)
    codec._fingerprint = None
    return codec


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_every_length_comes_back(any_codec: LLMCodec) -> None:
    config, draw = any_codec.config, random.Random(0)
    block = config.block_samples
    edges = [1, 2, block - 1, block, block + 1, config.hop_length, config.hop_length + 1]
    for samples in [*edges, *(draw.randrange(1, 3 * block) for _ in range(5))]:
        codes = any_codec.encode(noise(samples))
        frames = tuple(scale.shape[1] for scale in codes.scales)
        assert frames == config.scale_frames(samples)
        wave = any_codec.decode(codes)
        assert wave.shape == (1, 1, samples) and wave.dtype == torch.float32
        assert wave.isfinite().all()


def test_different_sounds_have_different_words(any_codec: LLMCodec) -> None:
    first, second = (any_codec.encode(noise(9000, seed)) for seed in (1, 2))
    assert first != second
    assert all(len(scale.unique()) > 2 for scale in first.scales)


def test_a_seed_names_the_bytes(any_codec: LLMCodec) -> None:
    codes = any_codec.encode(noise(5000))
    first, again, other, silent = (any_codec.decode(codes, seed=s) for s in (3, 3, 4, None))
    assert torch.equal(first, again)
    random_decoder = any_codec.config.decoder == "waveform"
    assert torch.equal(first, other) != random_decoder
    assert torch.equal(first, silent) != random_decoder
    state = torch.random.get_rng_state()
    any_codec.decode(codes)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_batch_and_a_list_give_the_codes_of_each_clip(any_codec: LLMCodec) -> None:
    clips = np.stack([noise(4000, seed) for seed in range(3)])
    batch = any_codec.encode(clips[:, None])
    assert isinstance(batch, Codes) and len(batch) == 3
    for number, alone in enumerate(any_codec.encode([*clips])):
        assert alone == batch[number]
        assert alone.gain == batch.gain[number] and alone.num_samples == 4000


def test_the_network_gives_a_batch_the_codes_of_its_items(any_codec: LLMCodec) -> None:
    length = 2 * any_codec.config.block_samples
    waves = torch.from_numpy(np.stack([noise(length, seed) for seed in (1, 2)]))
    together = any_codec.quantizer(any_codec.latent(waves[:, None])).codes
    for number, wave in enumerate(waves):
        alone = any_codec.quantizer(any_codec.latent(wave[None, None])).codes
        for one, many in zip(alone, together, strict=True):
            assert torch.equal(one[0], many[number])


def test_a_batch_of_two_lengths_is_silent_after_each_end(codec: LLMCodec) -> None:
    items = codec.encode([noise(3000), noise(2000)])
    wave = codec.decode(Codes.stack(items))
    assert wave.shape == (2, 1, 3000) and not wave[1, 0, 2000:].any()
    alone = codec.decode(items[1])[0, 0]
    assert (wave[1, 0, :2000] - alone).norm() < 1e-3 * alone.norm()


def test_paths_and_other_rates_are_read(codec: LLMCodec, tone_file: Callable[..., Path]) -> None:
    path = tone_file(300, 0.5)
    assert codec.encode(path).num_samples == codec.encode(str(path)).num_samples == 8000
    assert codec.encode(noise(4000), sample_rate=8000).num_samples == 8000
    with pytest.raises(AudioError, match="NaN"):
        codec.encode(np.full(100, np.nan, np.float32))


def test_a_codec_of_another_rate_resamples_to_it(tone_file: Callable[..., Path]) -> None:
    codec = LLMCodec.tiny(sample_rate=24000)
    codes = codec.encode(tone_file(300, 0.5))
    assert codes.num_samples == 12000 and codes.sample_rate == 24000
    assert codec.encode(noise(12000)).num_samples == 12000


def test_forward_reconstructs_whole_blocks(any_codec: LLMCodec) -> None:
    block = any_codec.config.block_samples
    wave = torch.from_numpy(noise(2 * block))[None, None]
    assert any_codec(wave).shape == wave.shape


@pytest.mark.parametrize("decibels", [-40, -15, 6])
def test_words_do_not_follow_the_level_and_the_gain_brings_it_back(decibels: int) -> None:
    codec, clip, factor = LLMCodec.tiny(), noise(8000), 10 ** (decibels / 20)
    loud, quiet = codec.encode(clip), codec.encode(clip * factor)
    assert loud == quiet
    assert quiet.gain / loud.gain == pytest.approx(factor, rel=1e-4)
    ratio = codec.decode(quiet).std() / codec.decode(loud).std()
    assert ratio.item() == pytest.approx(factor, rel=1e-4)
    rms = np.sqrt(np.mean(clip**2))
    assert loud.gain.item() == pytest.approx(rms * 10 ** (26 / 20), rel=1e-4)


def test_a_codec_without_level_leaves_it_alone() -> None:
    assert LLMCodec.tiny(level_db=None).encode(noise(4000)).gain == 1


def test_silence_has_codes_and_no_gain(codec: LLMCodec) -> None:
    codes = codec.encode(np.zeros(4000, np.float32))
    assert codes.gain == 1 and codec.decode(codes).isfinite().all()


def test_codes_of_another_codec_are_refused(codec: LLMCodec) -> None:
    other = LLMCodec.tiny(codec.vocabulary, seed=1)
    with pytest.raises(CodesError, match=f"{other.fingerprint}; this is codec {codec.fingerprint}"):
        codec.decode(other.encode(noise(100)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"codebook_sizes": (32, 32, 64)}, "codebook_sizes (32, 32, 64) but the codec has"),
        ({"vq_strides": (8, 4, 2)}, "vq_strides (8, 4, 2) but the codec has (4, 2, 1)"),
        ({"hop_length": 320}, "hop_length 320 but the codec has 480"),
        ({"sample_rate": 8000}, "sample_rate 8000 but the codec has 16000"),
        ({"frames": 4}, "span 4 frames, which is not a multiple of 8"),
    ],
)
def test_codes_that_do_not_fit_are_one_line(values: dict, message: str) -> None:
    frames = values.pop("frames", 8)
    shape = {"codebook_sizes": (32, 32, 32)} | values
    scales = tuple(torch.zeros(1, frames // stride, dtype=torch.int64) for stride in (4, 2, 1))
    codes = Codes(scales, torch.tensor([100]), torch.ones(1), **shape)
    with pytest.raises(CodesError) as caught:
        LLMCodec.tiny().decode(codes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_scales_that_do_not_lead_are_one_line(codec: LLMCodec) -> None:
    scales = tuple(torch.zeros(1, count, dtype=torch.int64) for count in (4, 8))
    codes = Codes(scales, torch.tensor([100]), torch.ones(1), (32, 32), vq_strides=(2, 1))
    with pytest.raises(CodesError, match="codebook_sizes"):
        codec.decode(codes)


def test_words_must_fit_the_codes(vocabulary: Vocabulary) -> None:
    with pytest.raises(ValueError, match="16, 32, 32.*32, 32, 32"):
        LLMCodec(LLMCodec.tiny().config, vocabulary)


def test_the_fingerprint_changes_with_any_weight() -> None:
    prints = {LLMCodec.tiny(seed=seed).fingerprint for seed in (0, 1, 2, 0)}
    assert len(prints) == 3 and all(len(name) == 16 for name in prints)


@pytest.mark.parametrize("shared", [False, True])
def test_weights_that_are_loaded_change_words_and_fingerprint(shared: bool) -> None:
    given, codec = lively(LLMCodec.tiny(seed=1)), lively(LLMCodec.tiny(seed=2))
    before = codec.fingerprint
    if shared:  # by scales with equal tables, which the weights to come are not
        for book in codec.quantizer.codebooks:
            book.table = codec.quantizer.codebooks[0].table
        codec.quantizer.share()
    codec.load_state_dict(given.state_dict())
    assert codec.fingerprint == given.fingerprint != before
    assert codec.encode(noise(9000)) == given.encode(noise(9000))


def test_codes_and_sound_can_be_learned_from() -> None:
    codec = LLMCodec.tiny()
    codes = codec.encode(noise(9000))
    torch.nn.Embedding(32, 4)(codes.scales[0]).sum().backward()
    layer = torch.nn.Conv1d(1, 1, 3)
    layer(codec.decode(codes)).sum().backward()
    assert layer.weight.grad.any()
