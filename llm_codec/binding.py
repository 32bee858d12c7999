"""A vocabulary in the tokens of one LLM: codes <-> ids <-> text, and back exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from llm_codec.codes import Codes
from llm_codec.config import CodecConfig
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
        """The word of ``code`` at ``scale`` (from 1), or the token of a raw id."""
        entry = self.vocabulary.scales[scale - 1][code]
        return entry if isinstance(entry, str) else self.tokenizer.convert_ids_to_tokens(entry)

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

    def to_text(self, codes: Codes, scales: int | None = None, trim: bool = False) -> str:
        """Words of one clip, each with a space before it; arguments as for `scale_spans`.

        Raw ids are shown as the tokenizer writes their tokens: to be read, not to be parsed.
        """
        parts = self._parts(codes, scales, trim)
        return "".join(f" {self.word(number, code)}" for number, part, _ in parts for code in part)

    def to_codes(
        self, ids: Iterable[int], num_samples: int | None = None, gain: float = 1.0
    ) -> Codes:
        """Parses the ids of one clip: the exact inverse of ``to_ids(codes)``.

        Args:
            ids: L token ids, all K scales, untrimmed.
            num_samples: true samples of the clip; None takes all that the words span.
            gain: level, as in `Codes`.

        Returns:
            Codes of one clip. Their ``codec`` is empty: ids do not say who chose them.

        Raises:
            VocabularyError: the ids are no clip; says at which token the parse stops.
        """
        stream = tuple(ids)
        if num_samples is None:
            candidates = self._possible_blocks(len(stream))
        else:
            blocks = self.config.padded_samples(num_samples) // self.config.block_samples
            candidates = range(blocks, blocks + 1)
        scales = self._parse(stream, candidates)
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
        if codes.codebook_sizes != self.vocabulary.sizes:
            raise VocabularyError(
                f"the codes have {codes.codebook_sizes} words per scale, the vocabulary "
                f"{self.vocabulary.sizes}; use the vocabulary of the codec that made them"
            )
        if not 1 <= count <= len(self._spellings):
            raise VocabularyError(f"scales is {scales}; expected 1 to {len(self._spellings)}")
        parts = []
        for number in range(1, count + 1):
            step = codes.hop_length * codes.vq_strides[number - 1]
            stop = -(-int(codes.num_samples) // step) if trim else None
            part = codes.scales[number - 1][0, :stop].tolist()
            parts.append((number, part, self._spellings[number - 1]))
        return parts

    def _counts(self, blocks: int = 1) -> list[int]:
        """Words of each scale in so many blocks."""
        return [blocks * self.config.block_frames // stride for stride in self.config.vq_strides]

    def _possible_blocks(self, length: int) -> range:
        """Numbers of blocks that ``length`` tokens can hold."""
        pairs = list(zip(self._counts(), self._spellings, strict=True))
        least = sum(count * spelling.shortest for count, spelling in pairs)
        most = sum(count * spelling.longest for count, spelling in pairs)
        possible = range(max(1, -(-length // most)), length // least + 1)
        if not possible:
            size = f"{least}" if least == most else f"{least} to {most}"
            raise VocabularyError(
                f"{length} tokens are no whole clip: a clip is made of blocks of {size} tokens"
            )
        return possible

    def _parse(self, stream: tuple[int, ...], candidates: range) -> list[list[int]]:
        """Codes of each scale for the one number of blocks that fits the whole stream."""
        results = [self._read(stream, self._counts(blocks)) for blocks in candidates]
        whole = [codes for codes, _, reason in results if not reason]
        if len(whole) > 1:
            raise VocabularyError("the ids fit clips of several lengths; give num_samples")
        if not whole:
            raise VocabularyError(max(results, key=lambda result: result[1])[2])
        return whole[0]

    def _read(
        self, stream: tuple[int, ...], counts: list[int]
    ) -> tuple[list[list[int]], int, str]:
        """Codes of each scale, where reading stopped, and why it did ("" if all was read)."""
        scales: list[list[int]] = []
        position = 0
        for number, (spelling, count) in enumerate(zip(self._spellings, counts), start=1):
            codes, position = spelling.read(
                stream, position, self._end(stream, counts, number), count
            )
            if len(codes) < count:
                seen = f"token {stream[position]}" if position < len(stream) else "the end"
                where = f"position {position}, word {len(codes) + 1} of {count} of scale {number}"
                return scales, position, f"parsing stops at {where}: {seen} is no word of it"
            scales.append(codes)
        left = len(stream) - position
        return scales, position, f"{left} tokens are left at position {position}" if left else ""

    def _end(self, stream: tuple[int, ...], counts: list[int], number: int) -> int:
        """Where scale ``number`` must end: known if all later words are equally long."""
        later = list(zip(self._spellings, counts))[number:]
        if not all(spelling.fixed for spelling, _ in later):
            return len(stream)
        return len(stream) - sum(spelling.longest * count for spelling, count in later)


def _standard_config(sizes: tuple[int, ...]) -> CodecConfig:
    """Units of the released codec for any number of scales: the last one runs at full rate."""
    strides = tuple(2**power for power in reversed(range(len(sizes))))
    return CodecConfig(vq_strides=strides, codebook_sizes=sizes)
