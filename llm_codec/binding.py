"""A vocabulary in the tokens of one LLM: codes <-> ids <-> text, and back exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from llm_codec.codes import Codes
from llm_codec.config import CodecConfig
from llm_codec.parts import sounding
from llm_codec.parsing import Parser
from llm_codec.spelling import Spelling, VocabularyError, spell

if TYPE_CHECKING:
    from llm_codec.vocabulary import Vocabulary


class BoundVocabulary:
    """A vocabulary in the token ids of one tokenizer: codes <-> ids <-> text.

    Made by `Vocabulary.bind`. Ids are written scale by scale: all words of scale 1, then all of
    scale 2, and so on. Scales may share words: the counts, not the ids, say where one ends.
    """

    def __init__(
        self, vocabulary: Vocabulary, tokenizer: Any, config: CodecConfig | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.config = config or _standard_config(vocabulary.sizes)
        if self.config.codebook_sizes != vocabulary.sizes:
            raise VocabularyError(
                f"the vocabulary has {vocabulary.sizes} words per scale, the codec "
                f"{self.config.codebook_sizes}; they must agree"
            )
        distinct = {
            scale: spell(tokenizer, scale, vocabulary.scales.index(scale) + 1)
            for scale in dict.fromkeys(vocabulary.scales)
        }
        self._spellings: list[Spelling] = [distinct[scale] for scale in vocabulary.scales]
        for number, spelling in enumerate(self._spellings, start=1):
            spelling.check(number, end_known=all(s.fixed for s in self._spellings[number:]))

    @property
    def token_ids(self) -> list[tuple[tuple[int, ...], ...]]:
        """For each scale, the ids of each code."""
        return [spelling.ids for spelling in self._spellings]

    def word(self, scale: int, code: int) -> str:
        """The word of ``code`` at ``scale`` (from 1), or the name of a raw id.

        That is its token as the tokenizer writes it, or ``<id:N>`` where the token has no name,
        spaces in it, or the name of another entry of the scale.
        """
        return self._names[scale - 1].entries[code]

    def scale_spans(
        self, codes: Codes, scales: int | None = None, trim: bool = False
    ) -> list[tuple[int, list[int]]]:
        """Ids of one clip, scale by scale.

        Args:
            codes: one clip, T_k codes at scale k.
            scales: how many leading scales to speak, 1 to K; None means all.
            trim: leave out the words that stand for padding alone.

        Returns:
            For each scale its number, from 1, and its ids.

        Raises:
            VocabularyError: a batch, codes of another vocabulary, or no such scale.
        """
        return [
            (number, [token for code in part for token in spelling.ids[code]])
            for number, part, spelling in self._parts(codes, scales, trim)
        ]

    def to_ids(self, codes: Codes, scales: int | None = None, trim: bool = False) -> list[int]:
        """Token ids of one clip; arguments and errors as for `scale_spans`."""
        return [token for _, ids in self.scale_spans(codes, scales, trim) for token in ids]

    def to_words(self, codes: Codes, scales: int | None = None, trim: bool = False) -> list[str]:
        """Words of one clip in the order of the ids; arguments as for `scale_spans`."""
        parts = self._parts(codes, scales, trim)
        return [self.word(number, code) for number, part, _ in parts for code in part]

    def to_text(self, codes: Codes, scales: int | None = None, trim: bool = False) -> str:
        """Words of one clip, each with a space before it; arguments as for `scale_spans`.

        Where all entries are words, a tokenizer that splits text at spaces, as nearly all do,
        turns it into the same ids. Raw ids show by name: `from_text` reads them back, a
        tokenizer need not.
        """
        return "".join(f" {word}" for word in self.to_words(codes, scales, trim))

    def to_codes(
        self, ids: Iterable[int], num_samples: int | None = None, gain: float = 1.0,
        trim: bool | None = None,
    ) -> Codes:
        """Parses the ids of one clip: the exact inverse of ``to_ids(codes, trim=...)``.

        Words that trimming left out come back as repetitions of the last word of their scale;
        every word that stands for sound is the one that was there.

        Args:
            ids: L token ids, all K scales.
            num_samples: true samples of the clip, without which trimmed ids cannot be read; None
                takes all that the words span.
            gain: level, as in `Codes`.
            trim: whether words of padding were left out; None takes what the ids fit.

        Returns:
            Codes of one clip. Their ``codec`` is empty: ids do not say who chose them.

        Raises:
            VocabularyError: the ids are no clip; says at which token the parse stops.
        """
        scales = Parser(self.config, self._spellings).parse(tuple(ids), num_samples, trim)
        return self._codes(scales, num_samples, gain)

    def from_words(
        self, words: Iterable[str], num_samples: int | None = None, gain: float = 1.0,
        trim: bool | None = None,
    ) -> Codes:
        """The exact inverse of `to_words`; arguments and errors as for `to_codes`."""
        scales = Parser(self.config, self._names).parse(tuple(words), num_samples, trim)
        return self._codes(scales, num_samples, gain)

    def from_text(
        self, text: str, num_samples: int | None = None, gain: float = 1.0,
        trim: bool | None = None,
    ) -> Codes:
        """The exact inverse of `to_text`; arguments and errors as for `to_codes`."""
        return self.from_words(text.split(), num_samples, gain, trim)

    @cached_property
    def _names(self) -> list[Spelling]:
        """Words of each scale as they are written: every entry is one item."""
        named = {
            scale: _name(self.tokenizer, scale, self.vocabulary.scales.index(scale) + 1)
            for scale in dict.fromkeys(self.vocabulary.scales)
        }
        return [named[scale] for scale in self.vocabulary.scales]

    def _codes(self, scales: list[list[int]], num_samples: int | None, gain: float) -> Codes:
        """Codes of one clip of whole blocks."""
        span = len(scales[0]) * self.config.vq_strides[0] * self.config.hop_length
        return Codes(
            scales=tuple(torch.tensor([part]) for part in scales),
            num_samples=torch.tensor([num_samples or span]),
            gain=torch.tensor([gain], dtype=torch.float32),
            codebook_sizes=self.vocabulary.sizes,
            vocabulary=self.vocabulary.fingerprint,
            vq_strides=self.config.vq_strides,
            hop_length=self.config.hop_length,
            sample_rate=self.config.sample_rate,
        )

    def _parts(
        self, codes: Codes, scales: int | None, trim: bool
    ) -> list[tuple[int, list[int], Spelling]]:
        """Number, codes and spelling of each scale that is to be spoken."""
        count = len(self._spellings) if scales is None else scales
        if len(codes) != 1:
            raise VocabularyError(f"{len(codes)} clips in one Codes; take one of them, codes[0]")
        if codes.codebook_sizes != self.vocabulary.sizes[: len(codes.scales)]:
            raise VocabularyError(
                f"the codes have {codes.codebook_sizes} words per scale, the vocabulary "
                f"{self.vocabulary.sizes}; use the vocabulary of the codec that made them"
            )
        if not self.vocabulary.is_named(codes.vocabulary):
            raise VocabularyError(
                f"the codes are of vocabulary {codes.vocabulary}, this one is "
                f"{self.vocabulary.fingerprint}; use that of the codec that made them"
            )
        if not 1 <= count <= len(self._spellings):
            raise VocabularyError(f"scales is {scales}; expected 1 to {len(self._spellings)}")
        if count > len(codes.scales):
            raise VocabularyError(
                f"the codes hold {len(codes.scales)} of {len(self._spellings)} scales; give "
                f"scales={len(codes.scales)}, or encode with more"
            )
        parts = []
        for number in range(1, count + 1):
            part = sounding(codes, number - 1) if trim else codes.scales[number - 1][0]
            parts.append((number, part.tolist(), self._spellings[number - 1]))
        return parts


def _name(tokenizer: Any, entries: Sequence[str | int], number: int) -> Spelling:
    """Names of one scale's entries: distinct, and without spaces, so that text can be cut."""
    words = [
        entry if isinstance(entry, str) else tokenizer.convert_ids_to_tokens(entry)
        for entry in entries
    ]
    times = Counter(words)
    names = [
        entry if isinstance(entry, str)
        else word if word and word.split() == [word] and times[word] == 1
        else f"<id:{entry}>"
        for entry, word in zip(entries, words, strict=True)
    ]
    return Spelling(names, [(name,) for name in names], number)


def _standard_config(sizes: tuple[int, ...]) -> CodecConfig:
    """Units of the released codec for any number of scales: the last one runs at full rate."""
    strides = tuple(2**power for power in reversed(range(len(sizes))))
    return CodecConfig(vq_strides=strides, codebook_sizes=sizes)
