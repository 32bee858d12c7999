"""Reconstruction losses: zero for the same sound, larger for a worse one, with gradients."""

from __future__ import annotations

import pytest
import torch

from llm_codec.training.losses import ReconstructionLoss


@pytest.fixture(scope="module")
def loss() -> ReconstructionLoss:
    return ReconstructionLoss(16000)


@pytest.fixture
def wave() -> torch.Tensor:
    return 0.1 * torch.randn(2, 1, 7680, generator=torch.Generator().manual_seed(0))


def test_the_same_sound_costs_nothing(loss: ReconstructionLoss, wave: torch.Tensor) -> None:
    assert {name: value.item() for name, value in loss(wave, wave).items()} == {"mel": 0, "stft": 0}


def test_more_noise_costs_more(loss: ReconstructionLoss, wave: torch.Tensor) -> None:
    noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(1))
    costs = [loss(wave + part * noise, wave) for part in (0.001, 0.01, 0.1, 1.0)]
    for name in ("mel", "stft"):
        values = [cost[name].item() for cost in costs]
        assert values == sorted(values) and values[0] > 0


def test_a_level_of_ten_is_its_logarithm(loss: ReconstructionLoss, wave: torch.Tensor) -> None:
    mel = loss(10 * wave, wave)["mel"].item()
    assert mel == pytest.approx(2.3026, abs=0.02)


def test_silence_gives_finite_gradients(loss: ReconstructionLoss, wave: torch.Tensor) -> None:
    for wanted in (wave, torch.zeros_like(wave)):
        output = (1e-4 * wave).requires_grad_()
        sum(loss(output, wanted).values()).backward()
        assert output.grad.isfinite().all() and output.grad.abs().max() > 0


def test_filters_are_not_trained(loss: ReconstructionLoss) -> None:
    assert not list(loss.parameters()) and not loss.state_dict()


@pytest.mark.parametrize("samples", [1, 400])
def test_a_clip_shorter_than_a_window_is_heard_with_silence_behind(
    loss: ReconstructionLoss, wave: torch.Tensor, samples: int
) -> None:
    short, other = wave[..., :samples], 0.5 * wave[..., :samples]
    padded = [torch.nn.functional.pad(one, (0, 2048 - samples)) for one in (other, short)]
    assert loss(other, short) == loss(*padded) and loss(other, short)["mel"] > 0
