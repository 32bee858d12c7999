"""Semantic guidance: clips with a text count, by the frames they fill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec.training.data import Span
from llm_codec.training.semantic import Semantic
from llm_codec.training.term import Setting, Step

DIM, HOP = 6, 10
NAN = float("nan")
VECTORS = torch.tensor([[1.0, -1.0, 0.5], [NAN, NAN, NAN], [0.0, 2.0, 1.0]])


@pytest.fixture
def semantic() -> Semantic:
    torch.manual_seed(0)
    return Semantic(DIM, VECTORS, HOP)


@pytest.fixture
def judge(semantic: Semantic, coarse: torch.Tensor, make_step: Callable[..., Step]):
    """The loss of spans of `coarse`."""
    return lambda spans: semantic(make_step(spans=spans, parts=[coarse]))["semantic"]


@pytest.fixture
def coarse() -> torch.Tensor:
    return torch.randn(2, DIM, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)


def test_the_loss_is_its_formula(semantic: Semantic, coarse: torch.Tensor, judge) -> None:
    spans = [Span(0, 2, 0, 30), Span(0, 1, 30, 80), Span(1, 0, 15, 79)]
    told = [semantic.predict(coarse[0, :, :3].mean(1)), semantic.predict(coarse[1, :, 2:7].mean(1))]
    expected = ((told[0] - VECTORS[2]).abs().mean() + (told[1] - VECTORS[0]).abs().mean()) / 2
    assert torch.allclose(judge(spans), expected)


def test_clips_without_text_or_a_whole_frame_do_not_count(coarse: torch.Tensor, judge) -> None:
    spans = [Span(0, 0, 0, 40)]
    more = [*spans, Span(0, 1, 40, 80), Span(1, 2, 5, 14), Span(1, 2, 21, 29)]
    assert torch.equal(judge(spans), judge(more))
    loss = judge(more[1:])
    assert loss == 0
    loss.backward()  # a step without text still has a graph
    assert not coarse.grad.any()


def test_gradients_reach_the_scale_where_the_clip_is(
    semantic: Semantic, coarse: torch.Tensor, judge
) -> None:
    judge([Span(1, 0, 20, 50)]).backward()
    assert coarse.grad[1, :, 2:5].abs().min() > 0
    coarse.grad[1, :, 2:5] = 0
    assert not coarse.grad.any()
    assert semantic.predict.weight.grad.abs().sum() > 0


def test_vectors_are_neither_trained_nor_saved(semantic: Semantic) -> None:
    assert set(semantic.state_dict()) == {"predict.weight", "predict.bias"}
    assert all(p.requires_grad for p in semantic.parameters())


def test_the_map_can_learn_to_tell_texts_from_words(semantic: Semantic, judge) -> None:
    optimizer, losses = torch.optim.Adam(semantic.parameters(), lr=0.05), []
    for _ in range(100):
        optimizer.zero_grad()
        loss = judge([Span(0, 0, 0, 40), Span(1, 2, 0, 80)])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_texts_are_the_rows_and_the_llms_embeddings_are_the_default(
    setting: Callable[..., Setting], pair: Path
) -> None:
    rows = [{"label": "zero"}, {"label": ""}, {"label": "two"}, {"label": "two"}]
    semantic = Semantic.build(setting(rows, llm=str(pair)))
    assert semantic.known == [True, False, True, True]
    assert semantic.vectors.shape == (4, 32) and semantic.hop == 480
    assert torch.equal(semantic.vectors[2], semantic.vectors[3])
    assert not torch.equal(semantic.vectors[0], semantic.vectors[2])
