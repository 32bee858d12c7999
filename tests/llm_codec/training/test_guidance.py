"""Guidance of the coarsest scale: pairs of one label draw together, latents spread."""

from __future__ import annotations

import math

import pytest
import torch

from llm_codec.training.guidance import (
    REACH,
    SEGMENTS,
    TEMPERATURE,
    agreement,
    disturb,
    isotropy,
    steadiness,
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pairs(classes: int, distance: float, apart: float) -> torch.Tensor:
    """(2 classes, 6, 8): centres ``apart``, the two of a pair ``distance`` from each other."""
    centres = apart * torch.randn(classes, 6, 8).repeat_interleave(2, dim=0)
    return centres + distance * torch.randn(2 * classes, 6, 8)


def paths(latent: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
    """Agreement of clips that are alike as paths in time."""
    frames = torch.full((len(latent),), latent.shape[2]) if frames is None else frames
    return agreement(latent, frames, torch.zeros(len(latent), dtype=torch.bool))


def test_agreement_is_its_formula() -> None:
    latent = torch.randn(6, 3, SEGMENTS)
    rows = latent.flatten(1)
    total = 0.0
    for row in range(6):
        near = [-((rows[row] - rows[other]) ** 2).mean() / TEMPERATURE for other in range(6)]
        others = [near[other] for other in range(6) if other != row]
        total += torch.stack(others).logsumexp(0) - near[row ^ 1]
    expected = torch.as_tensor(total / 6)
    assert torch.allclose(paths(latent), expected, atol=1e-4)


def test_agreement_rewards_pairs_and_separation() -> None:
    good, loose, mixed = (
        paths(pairs(5, *shape)).item() for shape in ((0.1, 2.0), (1.0, 1.0), (1.0, 0.0))
    )
    assert good < 0.01 < loose < mixed
    same = paths(torch.zeros(10, 6, 8)).item()
    assert same == pytest.approx(math.log(9), rel=1e-5)


def test_only_frames_with_sound_count() -> None:
    latent, frames = torch.randn(4, 6, 8), torch.tensor([8, 5, 1, 3])
    changed = latent.clone()
    for row, count in enumerate(frames):
        changed[row, :, count:] = 100.0
    assert torch.equal(paths(latent, frames), paths(changed, frames))


def test_a_slower_word_is_the_same_path() -> None:
    fast = torch.randn(4, 6, 4)
    slow = torch.nn.functional.interpolate(fast, 8, mode="linear")
    both = torch.stack([fast, slow[..., ::2]], dim=1).flatten(0, 1)
    wide = torch.zeros(8, 6, 8)
    wide[::2, :, :4], wide[1::2] = fast, slow
    counts = torch.tensor([4, 8] * 4)
    assert paths(wide, counts) < paths(both) + 0.1 < math.log(7)


def test_agreement_draws_pairs_together() -> None:
    latent = pairs(3, 1.0, 0.3).requires_grad_()
    before = paths(latent)
    before.backward()
    assert paths(latent - 0.5 * latent.grad) < before


def test_clips_alike_on_the_whole_may_tell_it_in_any_order() -> None:
    latent, frames = torch.randn(8, 6, SEGMENTS), torch.full((8,), SEGMENTS)
    whole = torch.tensor([True] * 4 + [False] * 4)
    turned = latent.flip(2)
    expected = agreement(latent, frames, whole)
    mixed = torch.cat([turned[:4], latent[4:]])
    assert torch.allclose(agreement(mixed, frames, whole), expected)
    mixed[7] = turned[7]  # a word is not the same word backwards
    assert not torch.allclose(agreement(mixed, frames, whole), expected)
    means = latent.mean(dim=2, keepdim=True).expand_as(latent)
    assert torch.allclose(agreement(latent, frames, whole | True), paths(means))


def test_isotropy_asks_for_zero_mean_and_unit_covariance() -> None:
    rows = torch.randn(4000, 6)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(torch.cov(rows.T)), (rows - rows.mean(0)).T, upper=False
    )
    latent = white.unflatten(1, (10, 400)).movedim(1, 0)
    assert isotropy(latent).item() == pytest.approx(0, abs=1e-6)
    assert isotropy(latent + 2).item() == pytest.approx(4, rel=1e-3)
    assert isotropy(3 * latent).item() == pytest.approx(64, rel=1e-3)
    flat = latent.clone()
    flat[:, 1:] = flat[:, :1]
    assert isotropy(flat).item() == pytest.approx(5, rel=1e-3)


def test_noise_lies_below_each_clip_and_follows_the_seed() -> None:
    waves = torch.randn(40, 1, 16000) * torch.logspace(-3, 0, 40)[:, None, None]
    noise = disturb(waves, 1) - waves
    below = 20 * (waves.std(dim=-1) / noise.std(dim=-1)).log10()
    assert below.min() > 14.9 and below.max() < 35.1 and below.std() > 3
    assert torch.equal(disturb(waves, 1), disturb(waves, 1))
    assert not torch.equal(disturb(waves, 1), disturb(waves, 2))
    assert not disturb(torch.zeros(1, 1, 100), 1).any()


def test_steadiness_is_the_surprise_of_the_word_in_every_view() -> None:
    table, words = torch.randn(30, 4), torch.tensor([3, 7])
    views = [table[words] + 0.1 * torch.randn(2, 4) for _ in range(2)]
    surprise = [
        torch.stack([-((row - word) ** 2).sum() / (2 * REACH**2) for word in table])
        .log_softmax(0)[right] for view in views for row, right in zip(view, words, strict=True)
    ]
    expected = -torch.stack(surprise).mean()
    assert torch.allclose(steadiness(views, words, table), expected, atol=1e-5)
    assert steadiness([table[words]], words, 10 * table).item() > 1.0  # not where the words lie
    assert steadiness([10 * table[words]], words, 10 * table).item() < 1e-3
