"""Trimming: words that stand for padding alone are left out and come back."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from llm_codec import LLMCodec, Vocabulary
from llm_codec.codes import Codes
from llm_codec.vocabulary import BoundVocabulary, VocabularyError

BLOCK = 3840


@pytest.fixture(scope="module")
def bound(vocabulary: Vocabulary, tokenizer: PreTrainedTokenizerFast) -> BoundVocabulary:
    return vocabulary.bind(tokenizer)


@pytest.fixture(scope="module")
def mixed(tokenizer: PreTrainedTokenizerFast) -> BoundVocabulary:
    """Words of one to five tokens at scale 1, every id of the tokenizer at the others."""
    every = range(len(tokenizer))
    return Vocabulary([["ba", "zuzu", "one", "twelve", "sixty"], every, every]).bind(tokenizer)


def make(bound: BoundVocabulary, num_samples: int) -> Codes:
    config, sizes = bound.config, bound.vocabulary.sizes
    generator = torch.Generator().manual_seed(num_samples)
    scales = [
        torch.randint(size, (1, count), generator=generator)
        for size, count in zip(sizes, config.scale_frames(num_samples), strict=True)
    ]
    return Codes(tuple(scales), torch.tensor([num_samples]), torch.ones(1), sizes)


def assert_restored(back: Codes, codes: Codes, valid: tuple[int, ...]) -> None:
    for one, other, count in zip(back.scales, codes.scales, valid, strict=True):
        assert one.shape == other.shape
        assert torch.equal(one[0, :count], other[0, :count])
        assert set(one[0, count:].tolist()) <= {int(other[0, count - 1])}


def test_a_second_costs_60_words_instead_of_70(bound: BoundVocabulary) -> None:
    """8.33, 16.67 and 33.33 frames stand for sound; five blocks have 10, 20 and 40."""
    codes = make(bound, 16000)
    assert [len(ids) for _, ids in bound.scale_spans(codes, trim=True)] == [9, 17, 34]
    assert len(bound.to_ids(codes, trim=True)) == 60 and len(bound.to_ids(codes)) == 70


def test_what_stands_for_sound_comes_back_at_any_length(bound: BoundVocabulary) -> None:
    """No other words do: at both edges of every frame of three blocks, and anywhere between."""
    edges = [480 * frame + extra for frame in range(24) for extra in (1, 480)]
    for num_samples in [*edges, *random.Random(0).sample(range(1, 3 * BLOCK), 200)]:
        codes = make(bound, num_samples)
        ids = bound.to_ids(codes, trim=True)
        back = bound.to_codes(ids, num_samples=num_samples)
        assert_restored(back, codes, bound.config.valid_frames(num_samples))
        assert bound.to_ids(back, trim=True) == ids and int(back.num_samples) == num_samples


@pytest.mark.parametrize("kind", ["bound", "mixed"])
@pytest.mark.parametrize("trim", [False, True])
def test_ids_words_and_text_invert(
    kind: str, trim: bool, request: pytest.FixtureRequest
) -> None:
    """At both edges of every frame of three blocks, told and not told whether it was trimmed."""
    bound = request.getfixturevalue(kind)
    edges = [480 * frame + extra for frame in range(24) for extra in (1, 480)]
    for num_samples in edges:
        codes = make(bound, num_samples)
        ids, words, text = (
            write(codes, trim=trim) for write in (bound.to_ids, bound.to_words, bound.to_text)
        )
        for told in (trim, None):
            back = bound.to_codes(ids, num_samples, trim=told)
            assert bound.from_words(words, num_samples, trim=told) == back
            assert bound.from_text(text, num_samples, trim=told) == back
            assert back == codes if not trim else bound.to_ids(back, trim=True) == ids


def test_a_restored_clip_decodes_like_any_other(
    codec: LLMCodec, bound: BoundVocabulary, tone: Callable
) -> None:
    codes = codec.encode(tone(440, seconds=1.0))
    back = bound.to_codes(bound.to_ids(codes, trim=True), 16000, gain=float(codes.gain))
    assert codec.decode(back).shape == codec.decode(codes).shape == (1, 1, 16000)


def test_what_is_not_said_is_asked_for(bound: BoundVocabulary) -> None:
    ids = bound.to_ids(make(bound, 16000), trim=True)
    with pytest.raises(VocabularyError, match="60 tokens.*give num_samples if words of padding"):
        bound.to_codes(ids)
    with pytest.raises(VocabularyError, match="does not tell its length; give num_samples"):
        bound.to_codes(ids, trim=True)
    with pytest.raises(VocabularyError, match="num_samples is 0"):
        bound.to_codes(ids, num_samples=0)
    with pytest.raises(VocabularyError, match="parsing stops|are left"):
        bound.to_codes(ids, num_samples=16000, trim=False)
    with pytest.raises(VocabularyError, match="parsing stops at position 8, word 9 of 9"):
        bound.to_codes(ids[:-1], num_samples=16000, trim=True)
