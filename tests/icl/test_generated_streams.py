"""Whatever is drawn under the grammar of scales decodes: any words, any length, any model."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icl.answers import leading
from icl.any_length import AnyLength
from icl.llm.base import StepwiseLLM
from icl.llm.sampling import Sampling
from icl.scale_grammar import ScaleGrammar
from llm_codec import LLMCodec, Vocabulary

WORDS = "ba be bi bo bu da de di do du za ze zi zo zu".split()
LONGER = [f"{word}r" for word in WORDS]  # several tokens each, and begin with those above
quick = settings(derandomize=True, deadline=None, max_examples=40, database=None,
                 suppress_health_check=[HealthCheck.too_slow])


class Noise(StepwiseLLM):
    """Thinks something else of the next token at every call."""

    context_length = 10_000
    fingerprint = "noise"

    def __init__(self, vocab_size: int, seed: int) -> None:
        self.vocab_size = vocab_size
        self._rng = torch.Generator().manual_seed(seed)

    def next_log_probs(self, ids):
        return (5 * torch.randn(self.vocab_size, generator=self._rng)).log_softmax(-1)


def books() -> st.SearchStrategy:
    """Words of three scales; those of the first may begin one another, as released ones do."""
    first = st.lists(st.sampled_from(WORDS + LONGER), min_size=1, max_size=9, unique=True)
    fine = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9, unique=True)
    return st.tuples(first, fine, fine)


@pytest.fixture(scope="module")
def tokenizer(make_tokenizer: Callable):
    return make_tokenizer(WORDS)


@quick
@given(
    books=books(), samples=st.integers(1, 30_000), scales=st.integers(1, 3),
    seed=st.integers(0, 99), temperature=st.sampled_from([0.0, 1.0, 4.0]),
)
def test_every_stream_is_parsed_and_decoded(tokenizer, books, samples, scales, seed, temperature):
    codec = LLMCodec.tiny(Vocabulary(books))
    words = leading(codec.vocabulary.bind(tokenizer, codec.config), scales)
    counts = words.config.valid_frames(samples)
    drawn = Sampling(temperature, seed=seed)
    ids = Noise(len(tokenizer), seed).generate([0], ScaleGrammar(words, counts), drawn)
    codes = words.to_codes(ids, samples, trim=True)
    assert words.to_ids(codes, trim=True) == ids
    assert codec.decode(codes).shape == (1, 1, samples)


@quick
@given(
    books=books(), shared=st.booleans(), samples=st.lists(st.integers(1, 20_000), min_size=1,
    max_size=6), scales=st.integers(1, 3), seed=st.integers(0, 99), best_of=st.integers(1, 3),
    end=st.sampled_from(["\n", "#", " ba", " z"]),
)  # fmt: skip
def test_every_stream_of_free_length_is_read_and_decoded(
    tokenizer, books, shared, samples, scales, seed, best_of, end
):
    """Also where the end token is a word, and where all scales share words of single tokens."""
    codec = LLMCodec.tiny(Vocabulary([books[1]] * 3 if shared else books))
    words = leading(codec.vocabulary.bind(tokenizer, codec.config), scales)
    lengths = {words.config.valid_frames(number): number for number in samples}
    (end,) = tokenizer(end)["input_ids"]
    grammar = AnyLength(words, [*lengths], end)
    drawn = Sampling(4.0, seed=seed, best_of=best_of)
    stream = Noise(len(tokenizer), seed).generate([0], grammar, drawn)
    ids, counts = grammar.read(stream)
    assert stream in (ids, [*ids, end]) and (stream == ids or counts != max(lengths))
    codes = words.to_codes(ids, lengths[counts], trim=True)
    assert words.to_ids(codes, trim=True) == ids
    assert codec.decode(codes).shape == (1, 1, lengths[counts])
    if shared:
        assert sum(counts) == len(ids)
