"""A run can go on from an earlier codec around the same words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec import LLMCodec, Vocabulary
from llm_codec.training.config import TrainConfig
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import FrozenWords

Recipe = Callable[..., TrainConfig]


@pytest.fixture
def earlier(recipe: Recipe, words: FrozenWords, tmp_path: Path) -> TrainConfig:
    config = recipe(out=str(tmp_path / "earlier"))
    Trainer(config, words).train()
    return config


def test_it_begins_with_the_codec_as_it_was(
    earlier: TrainConfig, recipe: Recipe, words: FrozenWords, tmp_path: Path
) -> None:
    config = recipe(start=earlier.out, unquantised=0, learning_rate=1e-9, steps=1,
                    out=str(tmp_path / "later"))
    Trainer(config, words).train()
    before, after = (LLMCodec.from_pretrained(c.out) for c in (earlier, config))
    wave = torch.sin(torch.arange(16000) / 9)
    one, two = before.encode(wave), after.encode(wave)
    assert all(torch.equal(a, b) for a, b in zip(one.scales, two.scales, strict=True))
    sound = before.decode(one)
    assert (after.decode(two) - sound).std() < 0.1 * sound.std()  # tables are in half precision


def test_a_start_of_another_shape_or_with_a_warm_up_is_refused(
    earlier: TrainConfig, recipe: Recipe, words: FrozenWords
) -> None:
    with pytest.raises(ValueError, match="unquantised is 3 but the start is quantised"):
        recipe(start=earlier.out)
    other = recipe(start=earlier.out, unquantised=0)
    wider = dataclasses.replace(other, codec=other.codec | {"encoder_width": 24})
    with pytest.raises(ValueError, match="encoder is not that of its start"):
        Trainer(wider, words)


def test_a_start_that_speaks_other_words_is_refused(
    earlier: TrainConfig, recipe: Recipe, words: FrozenWords
) -> None:
    turned = [[*scale][::-1] for scale in words.vocabulary.scales]
    other = dataclasses.replace(words, vocabulary=Vocabulary(turned))
    with pytest.raises(ValueError, match="earlier speaks other words .* than the recipe asks for"):
        Trainer(recipe(start=earlier.out, unquantised=0), other)
