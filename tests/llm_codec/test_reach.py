"""What the networks see: measured by changing what lies inside and outside of it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from llm_codec import LLMCodec
from llm_codec.reach import reach
from llm_codec.tone import Clock

ODD = {"encoder_rates": (3, 5), "decoder_rates": (5, 3), "latent_dim": 16, "encoder_dim": 4}
WAVEFORM = {"encoder": "waveform", "decoder": "waveform", "noise": False}
LAYOUTS = {
    "spectral": {"encoder_depth": 2, "head_depth": 2, "coarse_dim": 4},
    "waveform": WAVEFORM,
    "odd": {**WAVEFORM, "vq_strides": (6, 3, 1), **ODD},
    "wide window": {**WAVEFORM, "attention_window": 16},
}


@pytest.fixture(params=LAYOUTS, scope="module")
def any_codec(request: pytest.FixtureRequest) -> LLMCodec:
    return LLMCodec.tiny(**LAYOUTS[request.param])


def moved(run: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, at: int) -> torch.Tensor:
    """Positions of the output that change with position ``at`` of the input (1, C, T)."""
    other = x.clone()
    other[..., at] += 0.5
    with torch.inference_mode():
        change = (run(x) - run(other)).abs().amax(dim=(0, 1))
    return (change > 1e-9).nonzero()[:, 0]  # rounding of the count of cycles is no sight


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_nothing_beyond_the_reach_is_seen(any_codec: LLMCodec, part: str) -> None:
    config, network = any_codec.config, copy.deepcopy(getattr(any_codec, part)).double()
    sizes = config.block_samples, config.block_frames
    inputs, outputs = sizes if part == "encoder" else sizes[::-1]
    found = reach(network, inputs, outputs)
    before, after = -(-found.left // inputs), -(-found.right // inputs)
    channels = 1 if part == "encoder" else config.latent_dim
    x = torch.randn(1, channels, (before + after + 1) * inputs, dtype=torch.float64)
    first, last = before * outputs, (before + 1) * outputs
    start, stop = before * inputs - found.left, (before + 1) * inputs + found.right

    def run(x: torch.Tensor) -> torch.Tensor:  # a tone's phase is carried, not seen
        if part == "encoder":
            return network(x)
        return network(x, None, Clock(first, first, torch.zeros(1, 1, dtype=torch.float64)))

    def seen(at: int) -> bool:
        hit = moved(run, x, at)
        return bool(((hit >= first) & (hit < last)).any())

    for at in {0, start - 1, stop, x.shape[-1] - 1}:
        if 0 <= at < start or stop <= at < x.shape[-1]:
            assert not seen(at), at
    if part == "decoder":  # exact; what an encoder makes of its last samples is below rounding
        assert seen(start) and seen(stop - 1)


def test_the_reach_is_no_guess() -> None:
    codec = LLMCodec.tiny(encoder="waveform", decoder="waveform")
    config = codec.config
    # Back from a block: the last convolution (3 frames) pulls in an attention window of 8 on
    # either side; then, per stride from 8 to 3, the strided convolution and 3 + 9 + 27 samples.
    left, right = 8, 8
    for stride in (8, 5, 4, 3):
        left = left * stride + -(-stride // 2) + 39
        right = right * stride + stride // 2 + 39
    found = reach(codec.encoder, config.block_samples, config.block_frames)
    assert (found.left, found.right) == (left + 3, right + 3)


def test_the_reach_into_spectra_is_no_guess() -> None:
    codec = LLMCodec.tiny()
    # 8 frames of attention and 3 of a depthwise convolution, at 480 samples; then half a frame of
    # the first convolution, and what a window of 1024 samples spans beyond that half.
    side = (8 + 3) * 480 + 240 + (1024 - 240) // 2
    found = reach(codec.encoder, codec.config.block_samples, codec.config.block_frames)
    assert (found.left, found.right) == (side, side)


def test_more_depth_is_more_reach() -> None:
    def right(**shape: int) -> int:
        codec = LLMCodec.tiny(**shape)
        return reach(codec.encoder, codec.config.block_samples, codec.config.block_frames).right

    frame = 480
    assert right(encoder_depth=3) - right(encoder_depth=1) == 2 * 3 * frame
