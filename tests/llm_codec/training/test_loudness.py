"""Loudness: what is heard counts, what is added most."""

from __future__ import annotations

import pytest
import torch

from llm_codec.training.loudness import BANDS, THRESHOLDS, LoudnessLoss


@pytest.fixture(scope="module")
def loss() -> LoudnessLoss:
    return LoudnessLoss()


def speech(seed: int = 0) -> torch.Tensor:
    """(1, 1, 16000): a gliding buzz that comes and goes."""
    times = torch.arange(16000) / 16000
    turns = (120 * times + 30 * times**2)[None]
    buzz = sum(torch.cos(6.2832 * k * turns) / k for k in range(1, 20))
    noise = torch.randn(1, 16000, generator=torch.Generator().manual_seed(seed))
    return (0.1 * buzz * torch.sin(9 * times) ** 2 + 0.001 * noise)[None]


def test_there_is_a_threshold_for_each_band() -> None:
    assert len(THRESHOLDS) == BANDS


def test_a_difference_is_the_same_at_any_level(loss: LoudnessLoss) -> None:
    wave = speech()
    other = wave + 0.01 * torch.randn(wave.shape, generator=torch.Generator().manual_seed(1))
    wanted = loss(other, wave).item()
    for gain in (0.01, 1.0, 5.0):
        assert loss(gain * wave, gain * wave) < 1e-2 < 0.1 * wanted
        assert loss(gain * other, gain * wave).item() == pytest.approx(wanted, rel=1e-3)


def test_more_noise_is_more_disturbance(loss: LoudnessLoss) -> None:
    wave = speech()
    noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(1))
    found = [loss(wave + share * noise, wave).item() for share in (0.001, 0.01, 0.1)]
    assert found[0] < found[1] < found[2]


def test_what_is_added_disturbs_more_than_what_is_missing(loss: LoudnessLoss) -> None:
    wave, whistle = speech(), 0.05 * torch.cos(2.0 * torch.arange(16000))[None, None]
    assert loss(wave + whistle, wave) > 1.5 * loss(wave, wave + whistle)


def test_gradients_lead_to_the_sound(loss: LoudnessLoss) -> None:
    wave = speech()
    gain = torch.tensor(0.2, requires_grad=True)
    loss(gain * wave, wave).backward()
    assert gain.grad < 0
    silent = torch.zeros_like(wave, requires_grad=True)
    loss(silent, wave).backward()
    assert silent.grad.isfinite().all()
