"""What a generator may answer: sound of a fitting length, or text; and how it is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import median, median_low
from typing import Protocol

from icl.any_length import AnyLength
from icl.constraint import FreeText, Grammar, LabelTrie
from icl.jobs import Job
from icl.scale_grammar import Path, Words
from icl.writer import Content, PromptWriter
from llm_codec.codes import Codes
from llm_codec.parts import sounding
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


@dataclass(frozen=True)
class _Shown:
    """Words of each scale that were shown, as token ids."""

    token_ids: tuple[tuple[Path, ...], ...]


class SoundAnswers:
    """Sound: the words of every scale that a length needs, of one length or any one of several.

    Args:
        job: says how long it lasts.
        words: the codec's words bound to the language model.
        scales: leading ones to make.
        examples: codes of targets, and sources.
        end: token that follows an answer in the prompt.
        seconds: length; None follows the job.
        choice: ``"all"`` words, or ``"shown"``: those the targets have on the same scale.
    """

    def __init__(
        self,
        job: Job,
        words: BoundVocabulary,
        scales: int,
        examples: Sequence[tuple[Content, Codes]],
        end: int,
        seconds: float | None = None,
        choice: str = "all",
    ) -> None:
        self.job = job
        self.words = leading(words, scales)
        self.choice = choice
        self.vocabulary = words.vocabulary
        self.examples = examples
        self.end = end
        self.seconds = seconds

    def grammar(self, source: Content) -> AnyLength:
        """Words of each scale, as many as one of the lengths has."""
        return AnyLength(self._choice, [*self._lengths(source)], self.end)

    def longest(self, source: Content) -> int:
        """Most tokens those words take; a shorter length has a word less for its end token."""
        lengths = self._lengths(source)
        return max(sum(map(int.__mul__, self._word_lengths, counts)) for counts in lengths)

    def read(self, ids: Sequence[int], source: Content) -> Codes:
        """Codes of those words, with length and level."""
        words, counts = self.grammar(source).read(ids)
        samples, gain = self._lengths(source)[counts], self._gain(source)
        codes = self.words.to_codes(words, samples, gain, trim=True)
        return dataclasses.replace(codes, vocabulary=self.vocabulary.fingerprint)

    @cached_property
    def _choice(self) -> Words:
        if self.choice == "all":
            return self.words
        shown = [
            sorted({code for _, target in self.examples for code in sounding(target, k).tolist()})
            for k in range(len(self.words.token_ids))
        ]
        books = zip(self.words.token_ids, shown, strict=True)
        return _Shown(tuple(tuple(map(book.__getitem__, codes)) for book, codes in books))

    @cached_property
    def _word_lengths(self) -> list[int]:
        return [max(map(len, book)) for book in self.words.token_ids]

    def _lengths(self, source: Content) -> dict[tuple[int, ...], int]:
        """Samples of the sounds that may come, by their words of each scale.

        Of targets with as many words, a middle one says how long it is to the sample.
        """
        config = self.words.config
        known: dict[tuple[int, ...], list[int]] = {}
        for wanted in self._samples(source):
            samples = max(config.hop_length, round(wanted))
            known.setdefault(config.valid_frames(samples), []).append(samples)
        return {counts: median_low(samples) for counts, samples in known.items()}

    def _samples(self, source: Content) -> list[float]:
        targets = [int(target.num_samples) for _, target in self.examples]
        if self.seconds is not None:
            return [self.seconds * self.words.config.sample_rate]
        if self.job.length == "shown":
            return targets
        if self.job.length == "source":
            return [int(source.num_samples)]
        pairs = zip(self.examples, targets, strict=True)
        ratio = median(made / int(known.num_samples) for (known, _), made in pairs)
        return [int(source.num_samples) * ratio]

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
