"""Semantic guidance: clips with a text count, by the frames they fill."""

from __future__ import annotations

import pytest
import torch

from llm_codec.training.semantic import Semantic, Span

DIM, HOP = 6, 10
NAN = float("nan")
VECTORS = torch.tensor([[1.0, -1.0, 0.5], [NAN, NAN, NAN], [0.0, 2.0, 1.0]])


@pytest.fixture
def semantic() -> Semantic:
    torch.manual_seed(0)
    return Semantic(DIM, VECTORS)


@pytest.fixture
def coarse() -> torch.Tensor:
    return torch.randn(2, DIM, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)


def test_the_loss_is_its_formula(semantic: Semantic, coarse: torch.Tensor) -> None:
    spans = [Span(0, 2, 0, 30), Span(0, 1, 30, 80), Span(1, 0, 15, 79)]
    told = [semantic.predict(coarse[0, :, :3].mean(1)), semantic.predict(coarse[1, :, 2:7].mean(1))]
    expected = ((told[0] - VECTORS[2]).abs().mean() + (told[1] - VECTORS[0]).abs().mean()) / 2
    assert torch.allclose(semantic(coarse, spans, HOP), expected)


def test_clips_without_text_or_a_whole_frame_do_not_count(
    semantic: Semantic, coarse: torch.Tensor
) -> None:
    spans = [Span(0, 0, 0, 40)]
    more = [*spans, Span(0, 1, 40, 80), Span(1, 2, 5, 14), Span(1, 2, 21, 29)]
    assert torch.equal(semantic(coarse, spans, HOP), semantic(coarse, more, HOP))
    loss = semantic(coarse, more[1:], HOP)
    assert loss == 0
    loss.backward()  # a step without text still has a graph
    assert not coarse.grad.any()


def test_gradients_reach_the_scale_where_the_clip_is(
    semantic: Semantic, coarse: torch.Tensor
) -> None:
    semantic(coarse, [Span(1, 0, 20, 50)], HOP).backward()
    assert coarse.grad[1, :, 2:5].abs().min() > 0
    coarse.grad[1, :, 2:5] = 0
    assert not coarse.grad.any()
    assert semantic.predict.weight.grad.abs().sum() > 0


def test_vectors_are_neither_trained_nor_saved(semantic: Semantic) -> None:
    assert set(semantic.state_dict()) == {"predict.weight", "predict.bias"}
    assert all(p.requires_grad for p in semantic.parameters())


def test_the_map_can_learn_to_tell_texts_from_words(coarse: torch.Tensor) -> None:
    torch.manual_seed(0)
    semantic = Semantic(DIM, VECTORS)
    optimizer = torch.optim.Adam(semantic.parameters(), lr=0.05)
    spans = [Span(0, 0, 0, 40), Span(1, 2, 0, 80)]
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = semantic(coarse.detach(), spans, HOP)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
