"""Adversarial training: two sides that learn from each other and never move each other."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from llm_codec.training.adversary import Adversary, build_discriminator
from llm_codec.training.term import Step

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


class Alone:
    """Stands for an accelerator of one process."""

    def reduce(self, tensor: Tensor, how: str) -> Tensor:
        assert how == "mean"
        return tensor


@pytest.fixture
def step(output: Tensor, make_step: Callable[..., Step]) -> Step:
    return make_step(waves=WANTED, output=output)


def weights(adversary: Adversary) -> list[float]:
    return [factor.item() for factor in adversary.discriminator.factors]


def test_losses_of_the_codec_are_their_formulas(step: Step) -> None:
    losses = Adversary(Linear())(step)
    scores = [((1 - 0.5) ** 2 + 1) / 2, ((1 - 0.75) ** 2 + 1) / 2]
    assert losses["adversarial"].item() == pytest.approx(sum(scores))
    assert losses["features"].item() == pytest.approx((2 + 3) * (0.5 + 1) / 2)


def test_the_loss_of_the_discriminators_is_its_formula(step: Step) -> None:
    logged = Adversary(Linear()).learn(step, Alone())
    fake = (0.5**2 + 0.75**2) / 2
    true = (1 - 2) ** 2 + (1 - 3) ** 2
    assert logged == {"discriminator": pytest.approx(fake + true)}


def test_features_do_not_see_the_score(step: Step) -> None:
    same = dataclasses.replace(step, waves=step.output.detach())
    losses = Adversary(Linear())(same)  # only a score away from one costs anything
    assert losses["features"] == 0 and losses["adversarial"] > 0


def test_the_codecs_losses_reach_the_codec_alone(step: Step) -> None:
    adversary = Adversary(Linear())
    before = weights(adversary)
    for name in ("adversarial", "features"):
        step.output.grad = None
        adversary(step)[name].backward()
        assert step.output.grad.abs().sum() > 0, name
    assert all(p.grad is None for p in adversary.parameters())
    assert weights(adversary) == before


def test_learning_reaches_the_discriminators_alone(step: Step) -> None:
    adversary = Adversary(Linear())
    before = weights(adversary)
    adversary.learn(step, Alone())
    assert step.output.grad is None
    assert all(new != old for new, old in zip(weights(adversary), before, strict=True))
    for weight in adversary.parameters():  # nothing for the codec's optimiser to find
        assert weight.grad is None and not weight.requires_grad


def test_a_gradient_that_is_no_number_leaves_the_discriminators_as_they_were(step: Step) -> None:
    adversary = Adversary(Linear())
    before = weights(adversary)
    broken = dataclasses.replace(step, waves=torch.full_like(step.waves, float("nan")))
    with pytest.raises(ValueError, match="the gradient of step .* is nan"):
        adversary.learn(broken, Alone())
    assert weights(adversary) == before


def test_discriminators_learn_to_tell_the_two_apart(step: Step) -> None:
    adversary = Adversary(Linear((0.5, 0.1)))
    losses = [adversary.learn(step, Alone())["discriminator"] for _ in range(1000)]
    assert losses[-1] < 0.9 * losses[0]


def test_before_the_start_nobody_learns(step: Step) -> None:
    adversary = Adversary(Linear(), start=3)
    before = weights(adversary)
    early, first = (dataclasses.replace(step, number=number) for number in (2, 3))
    assert adversary(early) == {} == adversary.learn(early, Alone())
    assert weights(adversary) == before
    assert set(adversary(first)) == {"adversarial", "features"}
    adversary.learn(first, Alone())
    assert weights(adversary) != before


def test_a_resumed_run_goes_on_as_if_never_stopped(step: Step, tmp_path: Path) -> None:
    whole, first, second = (Adversary(Linear()) for _ in range(3))
    for adversary in (whole, first):
        for _ in range(3):
            adversary.learn(step, Alone())
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert whole.learn(step, Alone()) == second.learn(step, Alone())
    assert weights(whole) == weights(second) != weights(first)


def test_a_missing_package_is_one_line_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dac.model.discriminator", None)
    with pytest.raises(ImportError, match=r"pip install 'llm-codec\[adversary\]'") as caught:
        build_discriminator(16000, [2], [512])
    assert "\n" not in str(caught.value)


def test_the_real_discriminators_answer_as_the_stand_in_does(
    make_step: Callable[..., Step],
) -> None:
    pytest.importorskip("dac.model.discriminator", exc_type=ImportError)
    torch.manual_seed(0)
    adversary = Adversary(build_discriminator(16000, [2], [512]))
    wanted = 0.1 * torch.randn(1, 1, 3840)
    output = (wanted + 0.05 * torch.randn(1, 1, 3840)).requires_grad_()
    step = make_step(waves=wanted, output=output)
    maps = adversary.discriminator(wanted)
    assert len(maps) == 2 and all(isinstance(part, Tensor) for maps_k in maps for part in maps_k)
    sum(adversary(step).values()).backward()
    assert output.grad.abs().max() > 0 and output.grad.isfinite().all()
    losses = [adversary.learn(step, Alone())["discriminator"] for _ in range(4)]
    assert losses[-1] < losses[0]
