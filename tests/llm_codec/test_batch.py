"""Lists of clips run as batches; every clip keeps what it gets alone."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_codec import LLMCodec, VocabularyError, batch
from llm_codec.audio import AudioError
from llm_codec.codes import Codes, CodesError

LAYOUTS = {
    "spectral": {},
    "waveform": {"encoder": "waveform", "decoder": "waveform"},
    "mixed": {"decoder": "waveform", "lookup": "euclidean", "latent_norm": True},
}


@pytest.fixture(params=LAYOUTS, scope="module")
def any_codec(request: pytest.FixtureRequest) -> LLMCodec:
    codec = LLMCodec.tiny(**LAYOUTS[request.param])
    if codec.config.decoder == "spectral":  # one pitch for all: what is told rounds, see below
        codec.decoder.pitch.project.weight[1:] = 0
    return codec


@pytest.fixture(params=[1, 5, 250])
def run_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "RUN_BLOCKS", request.param)
    monkeypatch.setattr(batch, "WAITING_BLOCKS", 2 * request.param)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def clips(codec: LLMCodec, count: int = 14) -> list[np.ndarray]:
    draw, block = random.Random(count), codec.config.block_samples
    lengths = [1, block, block + 1, *(draw.randrange(1, 4 * block) for _ in range(count - 3))]
    return [noise(length, seed) for seed, length in enumerate(lengths)]


def test_every_clip_gets_the_codes_it_has_alone(any_codec: LLMCodec, run_blocks: None) -> None:
    sounds = clips(any_codec)
    for sound, codes in zip(sounds, any_codec.encode(sounds), strict=True):
        alone = any_codec.encode(sound)
        assert codes == alone and codes.num_samples == len(sound) and codes.gain == alone.gain
        assert [scale.shape for scale in codes.scales] == [scale.shape for scale in alone.scales]


def test_every_clip_gets_the_sound_it_has_alone(any_codec: LLMCodec, run_blocks: None) -> None:
    codes = any_codec.encode(clips(any_codec))
    for item, wave in zip(codes, any_codec.decode(codes, seed=5), strict=True):
        alone = any_codec.decode(item, seed=5)
        assert (wave - alone).norm() <= 1e-5 * alone.norm()
        assert wave.shape == (1, 1, int(item.num_samples)) and wave.dtype == torch.float32


def test_a_list_holds_what_encode_takes(codec: LLMCodec, tone_file: Callable[..., Path]) -> None:
    path, stack = tone_file(300, 0.5), np.stack([noise(5000, 1), noise(5000, 2)])[:, None]
    found = codec.encode([path, stack, noise(8000)])
    assert [len(codes) for codes in found] == [1, 2, 1]
    assert found[0] == codec.encode(path) and found[1] == codec.encode(stack)
    shapes = [tuple(wave.shape) for wave in codec.decode(found)]
    assert shapes == [(1, 1, 8000), (2, 1, 5000), (1, 1, 8000)]
    assert codec.encode([]) == [] and codec.decode([]) == []
    with pytest.raises(AudioError, match="NaN"):
        codec.encode([noise(100), np.full(100, np.nan, np.float32)])


def test_codes_of_another_codec_in_a_list_are_refused(codec: LLMCodec) -> None:
    other = LLMCodec.tiny(codec.vocabulary, seed=1)
    with pytest.raises(CodesError, match="made by codec"):
        codec.decode([codec.encode(noise(100)), other.encode(noise(100))])


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_leading_scales_are_those_of_all(
    any_codec: LLMCodec, scales: int, tmp_path: Path
) -> None:
    clip = noise(3 * any_codec.config.block_samples)
    full, few = any_codec.encode(clip), any_codec.encode(clip, scales=scales)
    assert len(few.scales) == scales and few.vq_strides == full.vq_strides[:scales]
    for one, other in zip(few.scales, full.scales):
        assert torch.equal(one, other)
    wave = any_codec.decode(few)
    assert torch.equal(wave, any_codec.decode(full, scales=scales))
    assert torch.equal(wave, any_codec.decode(full)) == (scales == 3)
    few.save(tmp_path / "few.lcc")
    assert Codes.load(tmp_path / "few.lcc") == few
    assert any_codec.encode([clip, clip], scales=scales)[1] == few
    stream = any_codec.stream_encoder(gain=float(full.gain), scales=scales)
    assert stream.push(clip[:100]) is None and len(stream.finish().scales) == scales


@pytest.mark.parametrize("scales", [0, 4, -1])
def test_there_is_no_such_scale(codec: LLMCodec, scales: int) -> None:
    codes = codec.encode(noise(100))
    for call in (codec.stream_encoder, codec.stream_decoder):
        with pytest.raises(ValueError, match="this codec has 1 to 3"):
            call(scales=scales)
    for call, item in ((codec.encode, noise(100)), (codec.decode, codes)):
        with pytest.raises(ValueError, match=f"scales is {scales}; this codec has 1 to 3"):
            call(item, scales=scales)


def test_codes_of_leading_scales_are_spoken(codec: LLMCodec, tokenizer: object) -> None:
    words = codec.vocabulary.bind(tokenizer)
    full, few = codec.encode(noise(9000)), codec.encode(noise(9000), scales=2)
    assert words.to_ids(few, scales=2) == words.to_ids(full, scales=2)
    assert words.to_text(few, scales=1) == words.to_text(full, scales=1)
    with pytest.raises(VocabularyError, match="hold 2 of 3 scales; give scales=2"):
        words.to_ids(few)


def test_a_stack_sounds_as_each_of_its_clips_alone(any_codec: LLMCodec) -> None:
    items = [any_codec.encode(noise(3000, seed)) for seed in range(3)]
    together = any_codec.decode(Codes.stack(items), seed=5)
    for wave, item in zip(together, items, strict=True):
        alone = any_codec.decode(item, seed=5)[0]
        assert (wave - alone).norm() <= 1e-5 * alone.norm()


def test_a_pitch_that_is_told_sounds_nearly_as_alone(codec: LLMCodec) -> None:
    """Its rounding adds up from frame to frame, and is as many times larger in a harmonic."""
    codes = codec.encode([noise(3000, seed) for seed in range(3)])
    for item, wave in zip(codes, codec.decode(codes), strict=True):
        alone = codec.decode(item)
        assert (wave - alone).norm() <= 1e-2 * alone.norm()


def test_only_several_clips_have_a_bar(
    codec: LLMCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = []
    real = batch.tqdm
    monkeypatch.setattr(
        batch, "tqdm", lambda *a, **k: bars.append(k["disable"]) or real(*a, disable=True)
    )
    codec.encode(noise(900))
    codec.encode([noise(900)] * 2)
    assert bars == [True, None]  # None: on a terminal alone


def test_codes_of_another_vocabulary_are_refused(codec: LLMCodec, tokenizer: object) -> None:
    codes = dataclasses.replace(codec.encode(noise(900)), codec="", vocabulary="feedc0de")
    with pytest.raises(CodesError, match="of vocabulary feedc0de"):
        codec.decode(codes)
    with pytest.raises(VocabularyError, match="of vocabulary feedc0de"):
        codec.vocabulary.bind(tokenizer).to_ids(codes)
