"""Where rounding could choose between two words, the choice is the same however a clip comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from llm_codec import LLMCodec, batch, chunks, streaming, ties
from llm_codec.parts import join
from llm_codec.quantizer import FrozenCodebook, nearest_and_lead, pool, repeat

LAYOUTS = {
    "spectral": {"lookup": "euclidean", "latent_norm": True, "coarse_dim": 4},
    "waveform": {"encoder": "waveform", "decoder": "waveform"},
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
BLOCK = 3840
EPS = torch.finfo(torch.float32).eps


def torn(layout: dict, clips: list[np.ndarray]) -> LLMCodec:
    """A codec with words on both sides of frames of these clips, but for rounding equally near."""
    codec = LLMCodec.tiny(**layout)
    residual = torch.cat([latent_of(codec, clip) for clip in clips], dim=2)
    for book, stride in zip(codec.quantizer.codebooks, codec.config.vq_strides, strict=True):
        frames = pool(residual, stride)[0].mT
        half = frames[torch.linspace(0, len(frames) - 1, len(book.table) // 2).long()]
        aside = torch.randn(half.shape, generator=torch.Generator().manual_seed(stride))
        aside -= half * (aside * half).sum(1, keepdim=True) / half.square().sum(1, keepdim=True)
        aside *= 0.1 * half.norm(dim=1, keepdim=True) / aside.norm(dim=1, keepdim=True)
        book.table = torch.cat((half + aside, half - aside))
        book.prepare()
        residual = residual - repeat(book.vectors(book.search(frames)).mT, stride)
    return codec


def latent_of(codec: LLMCodec, clip: np.ndarray) -> Tensor:
    wave = torch.from_numpy(clip)
    padded = torch.zeros(1, 1, codec.config.padded_samples(len(wave)))
    padded[0, 0, : len(wave)] = wave * codec.level_gain(wave)
    return codec.latent(padded)


@contextmanager
def rounded_by_shape(codec: LLMCodec) -> Iterator[mock.Mock]:
    """Latents that every shape of input rounds in its own way, by three last digits."""
    exact = codec.latent

    def latent(waveform: Tensor) -> Tensor:
        x = exact(waveform)
        seed = len(x) * 1000 + x.shape[2]
        error = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
        error *= x.norm(dim=1, keepdim=True) / error.norm(dim=1, keepdim=True)
        return x + 3 * EPS * error

    with mock.patch.object(codec, "latent", side_effect=latent) as watched:
        yield watched


def noise(samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def no_tie_is_near(book: FrozenCodebook, rows: Tensor, *_: Tensor) -> Tensor:
    return -torch.ones(len(rows))


@layouts
def test_near_ties_are_decided_as_alone(layout: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [noise(3 * BLOCK, seed) for seed in range(6)]
    codec = torn(layout, clips)
    with rounded_by_shape(codec):
        alone = [codec.encode(clip) for clip in clips]
        assert codec.encode(clips) == alone
        monkeypatch.setattr(ties, "rounding", no_tie_is_near)
        assert codec.encode(clips) != [codec.encode(clip) for clip in clips]


@layouts
def test_near_ties_are_decided_in_a_stream_as_in_the_whole(
    layout: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = noise(11 * BLOCK - 50, 1)
    codec = torn(layout, [clip])
    level = codec.level_gain(torch.from_numpy(clip))

    def streamed() -> bool:
        stream = codec.stream_encoder(gain=float(whole.gain), chunk_blocks=2)
        stream.level = level  # to the last digit
        parts = [stream.push(clip[at : at + 999]) for at in range(0, len(clip), 999)]
        return join([part for part in [*parts, stream.finish()] if part is not None]) == whole

    with rounded_by_shape(codec):
        whole = codec.encode(clip)
        assert streamed()
        monkeypatch.setattr(ties, "rounding", no_tie_is_near)
        whole = codec.encode(clip)
        assert not streamed()


@layouts
@settings(derandomize=True, deadline=None, max_examples=8, database=None)
@given(blocks=st.lists(st.integers(1, 6), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1),
       room=st.integers(1, 30), chunk=st.integers(1, 5), whole=st.integers(1, 9))
def test_any_batch_and_any_chunks_give_what_a_clip_gets_alone(
    layout: dict, blocks: list[int], seed: int, room: int, chunk: int, whole: int
) -> None:
    clips = [noise(count * BLOCK - seed % 97, seed + count) for count in blocks]
    codec = torn(layout, clips)
    with rounded_by_shape(codec):
        alone = [codec.encode(clip) for clip in clips]
        with mock.patch.multiple(batch, RUN_BLOCKS=room, WAITING_BLOCKS=2 * room):
            assert codec.encode(clips) == alone
        with mock.patch.object(streaming, "CHUNK_BLOCKS", chunk):
            with mock.patch.object(chunks, "WHOLE_BLOCKS", whole):
                assert [codec.encode(clip) for clip in clips] == alone


@layouts
def test_a_clip_without_near_ties_is_run_once(layout: dict) -> None:
    codec = LLMCodec.tiny(**layout)
    with rounded_by_shape(codec) as latent:
        codec.encode(noise(3 * BLOCK, 0))
        assert latent.call_count == 1


@pytest.mark.parametrize("lookup", ["cosine", "euclidean"])
@pytest.mark.parametrize("dim", [16, 128, 512])
def test_the_bound_covers_what_rounding_does_to_a_lead(lookup: str, dim: int) -> None:
    draw = torch.Generator().manual_seed(dim)
    book = FrozenCodebook(400, dim, lookup)
    book.table = torch.randn(400, dim, generator=draw) + 1
    book.prepare()
    exact = torch.randn(2000, dim, generator=draw).double()
    rows = exact.float() * (1 + 3 * EPS * torch.randn(2000, dim, generator=draw))
    found, lead = nearest_and_lead(rows, book.keys, book.offsets)
    scores = exact.float().double() @ book.keys.double().T - book.offsets.double()
    best = scores.gather(1, found[:, None])
    true = (best - scores.scatter(1, found[:, None], -torch.inf).amax(1, keepdim=True))[:, 0]
    bound = ties.rounding(book, rows, found, rows.norm(dim=1))
    assert ((lead - true).abs() < bound).all()
    assert (bound < 0.01 * lead.median()).all()  # and does not call everything a tie
