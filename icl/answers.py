"""What a generator may answer: sound of the right length, or text; and how it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property, lru_cache
from statistics import median
from typing import Protocol

from icl.constraint import FreeText, Grammar, LabelTrie
from icl.jobs import Job
from icl.scale_grammar import ScaleGrammar
from icl.writer import Content, PromptWriter
from llm_codec.codes import Codes
from llm_codec.vocabulary import BoundVocabulary, Vocabulary


class Answers(Protocol):
    """Answers to the questions of one fit."""

    def grammar(self, source: Content) -> Grammar:
        """What the language model may say."""
        ...

    def longest(self, source: Content) -> int:
        """Most tokens that takes."""
        ...

    def read(self, ids: Sequence[int], source: Content) -> Codes | str:
        """What it has said."""
        ...


class SoundAnswers:
    """Sound: exactly the words of every scale that its length needs.

    Args:
        job: says how long it lasts.
        words: the codec's words bound to the language model.
        scales: leading ones to make.
        examples: codes of targets, and sources.
        seconds: length; None follows the job.
    """

    def __init__(
        self,
        job: Job,
        words: BoundVocabulary,
        scales: int,
        examples: Sequence[tuple[Content, Codes]],
        seconds: float | None = None,
    ) -> None:
        self.job = job
        self.words = leading(words, scales)
        self.vocabulary = words.vocabulary
        self.examples = examples
        self.seconds = seconds

    def grammar(self, source: Content) -> Grammar:
        """Words of each scale, as many as come."""
        return ScaleGrammar(self.words, self._counts(source))

    def longest(self, source: Content) -> int:
        """Most tokens those words take."""
        return sum(map(int.__mul__, self._word_lengths, self._counts(source)))

    def read(self, ids: Sequence[int], source: Content) -> Codes:
        """Codes of those words, with length and level."""
        gain = self._gain(source)
        codes = self.words.to_codes(ids, self._samples(source), gain, trim=True)
        return dataclasses.replace(codes, vocabulary=self.vocabulary.fingerprint)

    @cached_property
    def _word_lengths(self) -> list[int]:
        return [max(map(len, book)) for book in self.words.token_ids]

    def _counts(self, source: Content) -> tuple[int, ...]:
        return self.words.config.valid_frames(self._samples(source))

    def _samples(self, source: Content) -> int:
        config, targets = self.words.config, [int(t.num_samples) for _, t in self.examples]
        if self.seconds is not None:
            wanted = self.seconds * config.sample_rate
        elif self.job.length == "median":
            wanted = median(targets)
        elif self.job.length == "source":
            wanted = int(source.num_samples)
        else:
            pairs = zip(self.examples, targets, strict=True)
            ratio = median(made / int(known.num_samples) for (known, _), made in pairs)
            wanted = int(source.num_samples) * ratio
        return max(config.hop_length, round(wanted))

    def _gain(self, source: Content) -> float:
        """As the examples' level, against that of their sources if these are sounds."""
        if isinstance(source, Codes):
            ratios = [float(target.gain) / float(known.gain) for known, target in self.examples]
            return float(source.gain) * median(ratios)
        return median(float(target.gain) for _, target in self.examples)


class TextAnswers:
    """Text: one of those allowed, or free up to what follows an answer in the prompt.

    Args:
        writer: of the prompt.
        vocab_size: token ids of the language model are below this.
        allowed: texts; None leaves it free.
        max_tokens: of free text.

    Raises:
        PromptError: an allowed text has no tokens, or those of another.
    """

    def __init__(
        self,
        writer: PromptWriter,
        vocab_size: int,
        allowed: Sequence[str] | None = None,
        max_tokens: int = 64,
    ) -> None:
        self.writer = writer
        self._known: dict[tuple[int, ...], str] = {}
        if allowed is None:
            special = writer.tokenizer.all_special_ids
            self._longest = max_tokens
            self._grammar = FreeText(vocab_size, writer.end_id, max_tokens, special)
        else:
            self._known = dict(zip(writer.label_sequences(allowed), allowed, strict=True))
            self._longest = max(map(len, self._known))
            self._grammar = LabelTrie([*self._known])

    def grammar(self, source: Content) -> Grammar:
        """The same for all sources."""
        return self._grammar

    def longest(self, source: Content) -> int:
        """Tokens of the longest allowed text, or the most that free text may take."""
        return self._longest

    def read(self, ids: Sequence[int], source: Content) -> str:
        """The text, without spaces around it."""
        if self._known:
            return self._known[tuple(ids)]
        kept = [token for token in ids if token != self.writer.end_id]
        return self.writer.tokenizer.decode(kept).strip()


@lru_cache(maxsize=4)  # depends on nothing but the words and the tokenizer
def leading(words: BoundVocabulary, scales: int) -> BoundVocabulary:
    """The first ``scales`` of a vocabulary, bound to the same tokenizer."""
    if scales == len(words.token_ids):
        return words
    strides, sizes = words.config.vq_strides[:scales], words.config.codebook_sizes[:scales]
    config = dataclasses.replace(words.config, vq_strides=strides, codebook_sizes=sizes)
    return Vocabulary(words.vocabulary.scales[:scales]).bind(words.tokenizer, config)
