"""Properties that hold for any length, batch and chunk: lengths, codes, files, words."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_codec import LLMCodec, Vocabulary, batch, chunks, streaming
from llm_codec.codes import Codes

BLOCK = 3840
LAYOUTS = {
    "spectral": LLMCodec.tiny(lookup="euclidean", latent_norm=True, coarse_dim=4),
    "waveform": LLMCodec.tiny(encoder="waveform", decoder="waveform"),
}
quick = settings(derandomize=True, deadline=None, max_examples=12, database=None)
layouts = pytest.mark.parametrize("codec", LAYOUTS.values(), ids=LAYOUTS)
lengths = st.one_of(st.integers(1, 4 * BLOCK), st.sampled_from([1, BLOCK, BLOCK + 1, 3 * BLOCK]))
seeds = st.integers(0, 2**32 - 1)


def rounding(codec: LLMCodec) -> float:
    """How far two ways to the same sound may lie apart: the rounding of a pitch adds up."""
    return 5e-3 if codec.config.decoder == "spectral" else 1e-3


def sound(samples: int, seed: int) -> np.ndarray:
    """Noise of some level, float32 (S,)."""
    draw = np.random.default_rng(seed)
    return draw.normal(0, draw.uniform(0.003, 0.3), samples).astype(np.float32)


@layouts
@quick
@given(samples=st.lists(lengths, min_size=1, max_size=7), seed=seeds, room=st.integers(1, 20))
def test_codes_of_a_batch_are_those_of_each_clip(
    codec: LLMCodec, samples: list[int], seed: int, room: int
) -> None:
    clips = [sound(count, seed + number) for number, count in enumerate(samples)]
    with mock.patch.multiple(batch, RUN_BLOCKS=room, WAITING_BLOCKS=2 * room):
        together = codec.encode(clips)
    for clip, codes in zip(clips, together, strict=True):
        alone = codec.encode(clip)
        assert codes == alone and codes.gain == alone.gain
        assert int(codes.num_samples) == len(clip)


@layouts
@quick
@given(samples=st.integers(1, 14 * BLOCK), seed=seeds, chunk=st.integers(1, 6),
       whole=st.integers(1, 8), scales=st.integers(1, 3))
def test_codes_of_chunks_are_those_of_the_whole(
    codec: LLMCodec, samples: int, seed: int, chunk: int, whole: int, scales: int
) -> None:
    clip = sound(samples, seed)
    expected = codec.encode(clip, scales=scales)
    wave = codec.decode(expected, seed=None)
    with mock.patch.object(streaming, "CHUNK_BLOCKS", chunk):
        with mock.patch.object(chunks, "WHOLE_BLOCKS", whole):
            assert codec.encode(clip, scales=scales) == expected
            found = codec.decode(expected, seed=None)
    assert (found - wave).norm() <= rounding(codec) * wave.norm()


def pieces(clip: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """A clip cut anywhere; some pieces are empty."""
    draw, start = random.Random(seed), 0
    while start < len(clip):
        length = draw.choice([0, 1, 479, draw.randrange(2 * BLOCK)])
        yield clip[start : start + length]
        start += length


@layouts
@quick
@given(samples=st.integers(1, 8 * BLOCK), seed=seeds, chunk=st.integers(1, 4))
def test_codes_and_sound_of_a_stream_are_those_of_the_whole(
    codec: LLMCodec, samples: int, seed: int, chunk: int
) -> None:
    clip = sound(samples, seed)
    expected = codec.encode(clip)
    encoder = codec.stream_encoder(gain=float(expected.gain), chunk_blocks=chunk)
    parts = [encoder.push(piece) for piece in pieces(clip, seed)]
    parts = [part for part in [*parts, encoder.finish()] if part is not None]
    for number, scale in enumerate(expected.scales):
        assert torch.equal(torch.cat([part.scales[number] for part in parts], dim=1), scale)
    assert sum(int(part.num_samples) for part in parts) == samples
    decoder = codec.stream_decoder(seed=None)
    waves = [decoder.push(part) for part in parts]
    wave = torch.cat([*waves, decoder.finish()], dim=-1)
    whole = codec.decode(expected, seed=None)
    assert (wave - whole).norm() <= rounding(codec) * whole.norm()


@layouts
@quick
@given(samples=st.lists(lengths, min_size=1, max_size=4), seed=seeds, scales=st.integers(1, 3))
def test_decoded_sound_is_as_long_as_what_was_encoded(
    codec: LLMCodec, samples: list[int], seed: int, scales: int
) -> None:
    codes = codec.encode([sound(count, seed) for count in samples], scales=scales)
    waves = codec.decode(codes, seed=seed)
    assert [tuple(wave.shape) for wave in waves] == [(1, 1, count) for count in samples]
    assert all(bool(wave.isfinite().all()) for wave in waves)


@pytest.fixture(scope="module")
def bound(vocabulary: Vocabulary, tokenizer: object) -> object:
    return vocabulary.bind(tokenizer)


def draw_codes(sizes: tuple[int, ...], samples: int, seed: int, clips: int = 1) -> Codes:
    """Codes of clips of this length, of any content."""
    generator = torch.Generator().manual_seed(seed)
    counts = LAYOUTS["waveform"].config.scale_frames(samples)
    scales = [
        torch.randint(size, (clips, count), generator=generator)
        for size, count in zip(sizes, counts)  # not strict: there may be fewer scales
    ]
    gain = torch.rand(clips, generator=generator) * 10
    print_ = f"{seed:016x}"
    return Codes(tuple(scales), torch.full((clips,), samples), gain, sizes, print_, print_[::-1],
                 vq_strides=(4, 2, 1)[: len(sizes)])


@quick
@given(samples=lengths, seed=seeds)
def test_words_left_out_of_the_tail_come_back(bound: object, samples: int, seed: int) -> None:
    codes = draw_codes(bound.vocabulary.sizes, samples, seed)
    codes = dataclasses.replace(codes, vocabulary=bound.vocabulary.fingerprint)
    ids = bound.to_ids(codes, trim=True)
    back = bound.to_codes(ids, num_samples=samples)
    assert bound.to_ids(back, trim=True) == ids and int(back.num_samples) == samples
    valid = bound.config.valid_frames(samples)
    for one, other, count in zip(back.scales, codes.scales, valid, strict=True):
        assert one.shape == other.shape and torch.equal(one[:, :count], other[:, :count])
    assert bound.to_codes(bound.to_ids(codes), num_samples=samples, trim=False) == codes


@settings(quick, max_examples=60)
@given(samples=lengths, seed=seeds, clips=st.integers(1, 4),
       sizes=st.lists(st.integers(1, 70000), min_size=1, max_size=3).map(tuple))
def test_a_file_gives_everything_back(
    samples: int, seed: int, clips: int, sizes: tuple[int, ...]
) -> None:
    codes = draw_codes(sizes, samples, seed, clips)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.lcc"
        codes.save(path)
        back = Codes.load(path)
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(ValueError, match="damaged or cut short"):
            Codes.load(path)
    assert back == codes and (back.codec, back.vocabulary) == (codes.codec, codes.vocabulary)
    assert torch.equal(back.num_samples, codes.num_samples) and torch.equal(back.gain, codes.gain)
