"""Consistency: two coarse scales tell features of the audio, whose own network stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from llm_codec.mel import LogMel
from llm_codec.spectral import MEL_BANDS, MEL_WINDOW
from llm_codec.training.consistency import Consistency, SmoothMel
from llm_codec.training.term import Setting, Step

HEARD = torch.randn(2, 10, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def consistency() -> Consistency:
    torch.manual_seed(0)
    return Consistency(6, 10, lambda waves, frames: HEARD[..., :frames])


@pytest.fixture
def step(make_step: Callable[..., Step]) -> Step:
    draw = torch.Generator().manual_seed(2)
    return make_step(parts=[torch.randn(2, 6, 16, generator=draw, requires_grad=True)
                            for _ in range(3)])


def test_the_loss_is_its_formula(consistency: Consistency, step: Step) -> None:
    coarse = step.looked.parts[0] + step.looked.parts[1]
    told = consistency.predict(coarse.unflatten(-1, (8, 2)).mean(-1))
    expected = (told - HEARD).abs().mean()
    assert torch.allclose(consistency(step)["consistency"], expected, atol=1e-6)


def test_gradients_reach_the_two_coarse_scales(consistency: Consistency, step: Step) -> None:
    consistency(step)["consistency"].backward()
    first, second, third = (part.grad for part in step.looked.parts)
    assert torch.equal(first, second) and first.abs().amin() > 0
    assert third is None


def test_the_map_can_learn(consistency: Consistency, step: Step) -> None:
    optimizer, losses = torch.optim.Adam(consistency.parameters(), lr=0.05), []
    for _ in range(100):
        optimizer.zero_grad()
        losses.append(consistency(step)["consistency"])
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_the_smoothed_spectrum_is_a_mean_over_frames() -> None:
    waves = 0.1 * torch.randn(2, 1, 3840, generator=torch.Generator().manual_seed(0))
    mel = LogMel(16000, MEL_WINDOW, 240, MEL_BANDS)(waves)
    smooth = SmoothMel(16000, 240)(waves.requires_grad_(), 4)
    assert torch.allclose(smooth, mel.unflatten(-1, (4, 4)).mean(-1), atol=1e-6)
    assert not smooth.requires_grad


def test_the_recipe_chooses_what_is_told(
    setting: Callable[..., Setting], whisper: str, make_step: Callable[..., Step]
) -> None:
    waves = 0.1 * torch.randn(2, 1, 38400, generator=torch.Generator().manual_seed(0))
    parts = [torch.randn(2, 16, 80, requires_grad=True) for _ in range(3)]
    for options, width in (({}, MEL_BANDS), ({"whisper": whisper}, 16)):
        term = Consistency.build(setting(), **options)
        assert term.predict.out_channels == width
        loss = term(make_step(waves=waves, parts=parts))["consistency"]
        loss.backward()
        assert loss > 0 and parts[1].grad.abs().max() > 0
        assert set(term.state_dict()) == {"predict.weight", "predict.bias"}
        assert all(p.requires_grad for p in term.parameters())
