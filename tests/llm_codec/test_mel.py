"""Mel filters and log-mel frames: centres, exact lengths, a floor."""

from __future__ import annotations

import math

import pytest
import torch

from llm_codec.mel import LogMel, mel_filters
from llm_codec.spectral import MEL_BANDS


@pytest.mark.parametrize(
    ("bins", "bands"), [(513, 80), (129, 40), (257, 64), (1025, 128), (33, 40)]
)
def test_filters_have_unit_sum_and_rising_centres(bins: int, bands: int) -> None:
    filters = mel_filters(16000, bins, bands)
    assert filters.shape == (bands, bins) and filters.min() >= 0
    assert torch.allclose(filters.sum(dim=1), torch.ones(bands))
    centres = filters @ torch.linspace(0, 8000, bins)
    assert (centres.diff() >= 0).all()


def test_filter_centres_follow_the_mel_scale() -> None:
    filters = mel_filters(16000, 8193, 20)
    hertz = torch.linspace(0, 8000, 8193)[filters.argmax(dim=1)]
    mels = 2595 * torch.log10(1 + hertz / 700)
    step = 2595 * math.log10(1 + 8000 / 700) / 21
    assert torch.allclose(mels, step * torch.arange(1, 21), atol=1.5)


def test_log_mel_has_one_frame_a_hop_and_a_floor() -> None:
    mel = LogMel(16000, 1024, 240, MEL_BANDS)
    for frames in (1, 2, 16, 33):
        assert mel(torch.randn(2, 1, 240 * frames)).shape == (2, MEL_BANDS, frames)
    assert torch.allclose(mel(torch.zeros(1, 1, 2400)), torch.tensor(math.log(1e-4)))


def test_log_mel_finds_a_tone() -> None:
    mel = LogMel(16000, 1024, 240, MEL_BANDS)
    wave = torch.sin(2 * math.pi * 1000 * torch.arange(4800) / 16000)[None, None]
    band = mel(wave)[0, :, 10].argmax()
    centre = mel.filters[band] @ torch.linspace(0, 8000, 513)
    assert abs(centre.item() - 1000) < 50
