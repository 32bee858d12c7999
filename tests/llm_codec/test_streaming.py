"""Any length: chunks, streams and files give the codes of a whole run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from llm_codec import LLMCodec, audio, chunks, streaming
from llm_codec.audio import AudioError
from llm_codec.codes import Codes, CodesError
from llm_codec.quantizer import pool, repeat
from llm_codec.parts import join

ODD = {"encoder_rates": (3, 5), "decoder_rates": (5, 3), "latent_dim": 16, "encoder_dim": 4}
LAYOUTS = {
    "spectral": {"coarse_dim": 4, "latent_norm": True},
    "waveform": {"encoder": "waveform", "decoder": "waveform"},
    "odd": {"encoder": "waveform", "decoder": "waveform", "vq_strides": (6, 3, 1), **ODD},
    "mixed": {"decoder": "waveform", "lookup": "euclidean", "latent_norm": True, "level_db": None},
}


@pytest.fixture(params=LAYOUTS, scope="module")
def any_codec(request: pytest.FixtureRequest) -> LLMCodec:
    """In float64: files read in blocks differ from arrays in the last digit of their samples."""
    return lively(LLMCodec.tiny(**LAYOUTS[request.param]).double())


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips of more than 3 blocks are run 2 blocks at a time."""
    monkeypatch.setattr(streaming, "CHUNK_BLOCKS", 2)
    monkeypatch.setattr(chunks, "WHOLE_BLOCKS", 3)


def lively(codec: LLMCodec) -> LLMCodec:
    """Moves the tables among the latents, so that a random encoder utters many words."""
    with torch.inference_mode():
        wave = torch.from_numpy(noise(20 * codec.config.block_samples, seed=9))
        residual = codec.latent(wave[None, None])
    for book, stride in zip(codec.quantizer.codebooks, codec.config.vq_strides, strict=True):
        pooled = pool(residual, stride)[0].mT
        book.table = pooled[torch.arange(len(book.table)) % len(pooled)].clone()
        book.prepare()
        residual = 1.1 * residual - repeat(book.vectors(book.search(pooled)).mT, stride)
    return codec.double()


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def pieces(clip: np.ndarray, draw: random.Random, longest: int) -> Iterator[np.ndarray]:
    """The clip in pieces of any size, empty ones among them."""
    start = 0
    while start < len(clip):
        size = draw.choice([0, 1, draw.randrange(longest), longest])
        yield clip[start : start + size]
        start += size


def whole(codec: LLMCodec, clip: np.ndarray) -> Codes:
    return codec.encode_clips([torch.from_numpy(clip)])[0]


def test_a_stream_gives_the_codes_of_a_whole_run(any_codec: LLMCodec) -> None:
    block, draw = any_codec.config.block_samples, random.Random(1)
    for trial in range(12):
        clip = noise(draw.randrange(1, 12 * block), trial)
        expected = whole(any_codec, clip)
        stream = any_codec.stream_encoder(
            gain=float(expected.gain), chunk_blocks=draw.randrange(1, 4))
        parts = [stream.push(piece) for piece in pieces(clip, draw, 3 * block)]
        parts = [part for part in parts if part is not None] + [stream.finish()]
        found = join(parts)
        assert found == expected and found.num_samples == len(clip)
        assert found.gain == pytest.approx(float(expected.gain), rel=1e-6)
        assert [*map(len, found.scales[0])] == [*map(len, expected.scales[0])]


def test_codes_come_when_the_latency_says(any_codec: LLMCodec) -> None:
    stream = any_codec.stream_encoder(gain=1.0)
    wait, block = stream.latency_samples, any_codec.config.block_samples
    assert stream.latency_ms == 1000 * wait / 16000 and wait > block
    clip = noise(wait + block)
    assert stream.push(clip[: wait - 1]) is None
    first = stream.push(clip[wait - 1 : wait])
    assert first.num_samples == block
    assert stream.push(clip[wait:-1]) is None and stream.push(clip[-1:]).num_samples == block


def test_the_level_is_that_of_the_start(any_codec: LLMCodec) -> None:
    clip = noise(9 * any_codec.config.block_samples)
    clip[len(clip) // 2 :] *= 5
    wait = any_codec.stream_encoder().latency_samples
    start = any_codec.level_gain(torch.from_numpy(clip[:wait]))
    for size in (1000, len(clip)):  # however it comes
        stream = any_codec.stream_encoder()
        parts = [stream.push(clip[at : at + size]) for at in range(0, len(clip), size)]
        for part in [*parts, stream.finish()]:
            assert part is None or part.gain == pytest.approx(1 / start)


def test_long_clips_are_chunked_to_the_same_codes(any_codec: LLMCodec, short_chunks: None) -> None:
    block = any_codec.config.block_samples
    for samples in (4 * block, 4 * block + 1, 11 * block - 7):
        clip = noise(samples, samples)
        wave = torch.from_numpy(clip)
        found = any_codec.encode(clip)
        padded = torch.zeros(1, 1, any_codec.config.padded_samples(samples))
        padded[0, 0, :samples] = wave * any_codec.level_gain(wave)
        with torch.inference_mode():
            expected = any_codec.words(padded)
        for one, other in zip(found.scales, expected, strict=True):
            assert torch.equal(one, other)
        assert found.num_samples == samples


def test_long_codes_are_chunked_to_the_same_sound(
    any_codec: LLMCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = noise(9 * any_codec.config.block_samples - 100)
    codes = any_codec.encode(clip)
    expected = any_codec.decode(codes, seed=None)
    noisy = any_codec.decode(codes, seed=3)
    for chunk in (1, 2, 5):
        monkeypatch.setattr(streaming, "CHUNK_BLOCKS", chunk)
        monkeypatch.setattr(chunks, "WHOLE_BLOCKS", 3)
        found = any_codec.decode(codes, seed=None)
        assert found.shape == expected.shape and torch.allclose(found, expected, atol=1e-5)
        if chunk == 1:
            noisy = any_codec.decode(codes, seed=3)
        assert torch.allclose(any_codec.decode(codes, seed=3), noisy, atol=1e-5)
    assert torch.allclose(found, noisy, atol=1e-5) == (any_codec.config.decoder == "spectral")


def test_a_stream_of_codes_gives_the_sound_of_a_whole_run(any_codec: LLMCodec) -> None:
    block = any_codec.config.block_samples
    for samples in (1, block, 3 * block, 7 * block + 5):
        clip = noise(samples, samples)
        encoder, decoder = any_codec.stream_encoder(gain=0.5), any_codec.stream_decoder(seed=None)
        codes = [encoder.push(clip[at : at + 999]) for at in range(0, samples, 999)]
        codes = [part for part in codes if part is not None] + [encoder.finish()]
        waves = [decoder.push(part) for part in codes] + [decoder.finish()]
        found, expected = torch.cat(waves, dim=-1), any_codec.decode(join(codes), seed=None)
        assert found.shape == expected.shape == (1, 1, samples)
        assert torch.allclose(found, expected, atol=1e-5)


def test_sound_comes_when_the_latency_says(any_codec: LLMCodec) -> None:
    block = any_codec.config.block_samples
    codes = any_codec.encode(noise(8 * block))
    stream = any_codec.stream_decoder()
    waits = stream.latency_samples // block
    for number in range(8):
        part = Codes(
            tuple(scale[:, number * size : (number + 1) * size] for scale, size in zip(
                codes.scales, any_codec.config.scale_frames(1), strict=True)),
            torch.tensor([block]), codes.gain, codes.codebook_sizes, codes.codec,
            vq_strides=codes.vq_strides, hop_length=codes.hop_length)
        assert stream.push(part).shape[-1] == (block if number + 1 >= waits else 0)
    assert stream.finish().shape[-1] == (waits - 1) * block


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_long_files_have_the_codes_of_their_samples(
    any_codec: LLMCodec, short_chunks: None, tmp_path: Path, rate: int
) -> None:
    clip = noise(rate * 3, rate)
    soundfile.write(tmp_path / "a.wav", np.stack([clip, 0.5 * clip], 1), rate, subtype="FLOAT")
    found = any_codec.encode(tmp_path / "a.wav")
    expected = any_codec.encode(np.stack([clip, 0.5 * clip]), sample_rate=rate)
    assert found == expected and found.num_samples == 48000
    assert float(found.gain) == pytest.approx(float(expected.gain), rel=1e-5)


def test_a_file_is_decoded_as_it_is_saved(
    any_codec: LLMCodec, short_chunks: None, tmp_path: Path
) -> None:
    for blocks in (2, 9):  # whole and chunked
        codes = any_codec.encode(noise(blocks * any_codec.config.block_samples - 3))
        for suffix in (".wav", ".flac"):
            any_codec.decode_file(codes, tmp_path / f"a{suffix}")
            found, rate = soundfile.read(tmp_path / f"a{suffix}", dtype="float32")
            expected = any_codec.decode(codes)[0, 0].clamp(-1, 1 - 2**-15).numpy()
            assert rate == 16000 and np.abs(found - expected).max() < 2**-15
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flac", "a.wav"]


def test_a_long_file_is_never_held_whole(
    codec: LLMCodec, short_chunks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(soundfile, "read", too_much)
    monkeypatch.setattr(audio, "save", too_much)
    soundfile.write(tmp_path / "a.wav", noise(48000), 16000)
    with pytest.raises(AudioError):
        audio.load(tmp_path / "a.wav")
    codec.decode_file(codec.encode(tmp_path / "a.wav"), tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").frames == 48000


def test_a_damaged_long_file_is_one_line(
    codec: LLMCodec, short_chunks: None, tmp_path: Path
) -> None:
    clip = noise(48000)
    clip[40000] = np.nan
    soundfile.write(tmp_path / "a.wav", clip, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match="a.wav holds NaN"):
        codec.encode(tmp_path / "a.wav")


def test_streams_refuse_what_they_cannot_take(codec: LLMCodec) -> None:
    with pytest.raises(AudioError, match="no samples"):
        codec.stream_encoder().finish()
    with pytest.raises(ValueError, match="gain is -1"):
        codec.stream_encoder(gain=-1)
    stream = codec.stream_encoder()
    stream.push(noise(100))
    codes = stream.finish()
    with pytest.raises(ValueError, match="finished"):
        stream.push(noise(100))
    decoder = codec.stream_decoder()
    assert decoder.push(codes).shape[-1] == 100
    with pytest.raises(CodesError, match="ended"):
        decoder.push(codes)
    with pytest.raises(CodesError, match="one clip"):
        codec.stream_decoder().push(Codes.stack([codes, codes]))
