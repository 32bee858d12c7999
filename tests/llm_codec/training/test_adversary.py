"""Adversarial training: two sides that learn from each other and never move each other."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor, nn

from llm_codec.training.adversary import Adversary, build_discriminator

WANTED = torch.tensor([[[1.0, -1.0]]])


class Linear(nn.Module):
    """Two discriminators (B, 1, S) -> [one feature map, a score], as the real ones answer."""

    def __init__(self, factors: tuple[float, ...] = (2.0, 3.0)) -> None:
        super().__init__()
        self.factors = nn.ParameterList(torch.tensor(factor) for factor in factors)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        return [[factor * wave, factor * wave.square()] for factor in self.factors]


@pytest.fixture
def output() -> Tensor:
    return torch.tensor([[[0.5, 0.0]]], requires_grad=True)


def weights(adversary: Adversary) -> list[float]:
    return [factor.item() for factor in adversary.discriminator.factors]


def test_losses_of_the_codec_are_their_formulas(output: Tensor) -> None:
    losses = Adversary(Linear())(output, WANTED)
    scores = [((1 - 0.5) ** 2 + 1) / 2, ((1 - 0.75) ** 2 + 1) / 2]
    assert losses["adversarial"].item() == pytest.approx(sum(scores))
    assert losses["features"].item() == pytest.approx((2 + 3) * (0.5 + 1) / 2)


def test_the_loss_of_the_discriminators_is_its_formula(output: Tensor) -> None:
    loss = Adversary(Linear()).update(output, WANTED)
    fake = (0.5**2 + 0.75**2) / 2
    true = (1 - 2) ** 2 + (1 - 3) ** 2
    assert loss.item() == pytest.approx(fake + true) and not loss.requires_grad


def test_features_do_not_see_the_score(output: Tensor) -> None:
    wanted = output.detach()  # the same audio: only a score away from one costs anything
    losses = Adversary(Linear())(output, wanted)
    assert losses["features"] == 0 and losses["adversarial"] > 0


def test_the_codecs_losses_reach_the_codec_alone(output: Tensor) -> None:
    adversary = Adversary(Linear())
    before = weights(adversary)
    for name in ("adversarial", "features"):
        output.grad = None
        adversary(output, WANTED)[name].backward()
        assert output.grad.abs().sum() > 0, name
    assert all(p.grad is None for p in adversary.parameters())
    assert weights(adversary) == before


def test_an_update_reaches_the_discriminators_alone(output: Tensor) -> None:
    adversary = Adversary(Linear())
    before = weights(adversary)
    adversary(output, WANTED)  # what ran before does not leave them frozen
    adversary.update(output, WANTED)
    assert output.grad is None
    assert all(new != old for new, old in zip(weights(adversary), before, strict=True))


def test_discriminators_learn_to_tell_the_two_apart(output: Tensor) -> None:
    adversary = Adversary(nn.Sequential(nn.Flatten(), nn.Linear(2, 1), Score()))
    losses = [adversary.update(output, WANTED).item() for _ in range(300)]
    assert losses[-1] < 0.9 * losses[0]


class Score(nn.Module):
    """The same features twice, as one discriminator's map and score."""

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        return [[x, x]]


def test_state_and_optimiser_go_on_as_if_never_stopped(output: Tensor) -> None:
    whole, first, second = (Adversary(Linear()) for _ in range(3))
    for adversary in (whole, first):
        for _ in range(3):
            adversary.update(output, WANTED)
    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    assert whole.update(output, WANTED) == second.update(output, WANTED)
    assert weights(whole) == weights(second) != weights(first)


def test_a_missing_package_is_one_line_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dac.model.discriminator", None)
    with pytest.raises(ImportError, match=r"pip install 'llm-codec\[adversary\]'") as caught:
        build_discriminator(16000)
    assert "\n" not in str(caught.value)


def test_the_real_discriminators_answer_as_the_stand_in_does() -> None:
    pytest.importorskip("dac.model.discriminator", exc_type=ImportError)
    torch.manual_seed(0)
    adversary = Adversary(build_discriminator(16000, periods=[2], fft_sizes=[512]))
    wanted = 0.1 * torch.randn(1, 1, 3840)
    output = (wanted + 0.05 * torch.randn(1, 1, 3840)).requires_grad_()
    maps = adversary.discriminator(wanted)
    assert len(maps) == 2 and all(isinstance(part, Tensor) for maps_k in maps for part in maps_k)
    first = adversary.update(output, wanted)
    losses = adversary(output, wanted)
    sum(losses.values()).backward()
    assert output.grad.abs().max() > 0 and output.grad.isfinite().all()
    for _ in range(3):
        last = adversary.update(output, wanted)
    assert last < first
