"""Parsing: rows of tokens or words back to the codes of a whole clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_codec.config import CodecConfig
from llm_codec.spelling import Spelling, VocabularyError

Counts = tuple[int, ...]  # codes of each scale


class Parser:
    """Cuts a stream into the codes of each scale, and restores the tail that was left out.

    Args:
        config: units of the codec.
        spellings: of each scale.
    """

    def __init__(self, config: CodecConfig, spellings: Sequence[Spelling]) -> None:
        self.config = config
        self.spellings = tuple(spellings)

    def parse(
        self, stream: Sequence[int] | Sequence[str], num_samples: int | None, trim: bool | None
    ) -> list[list[int]]:
        """Codes of each scale, whole blocks of them.

        Where words of padding were left out, the last word of the scale is repeated: it needs no
        codec to know it, holds the last sound instead of starting another one, and trims away
        again to the same stream.

        Args:
            stream: all K scales, L tokens or words.
            num_samples: true samples of the clip; None takes all that the words span.
            trim: whether words of padding were left out; None takes what the stream fits.

        Raises:
            VocabularyError: the stream is no clip, or could be several; says where parsing stops.
        """
        stream = tuple(stream)
        layouts = self._layouts(stream, num_samples, trim)
        results = [self._read(stream, counts) for counts in layouts]
        whole = [codes for codes, _, reason in results if not reason]
        if len(whole) > 1:
            missing = "num_samples" if num_samples is None else "trim"
            raise VocabularyError(f"the words fit clips of several lengths; give {missing}")
        if not whole:
            raise VocabularyError(max(results, key=lambda result: result[1])[2])
        return self._restore(whole[0])

    def _layouts(
        self, stream: tuple, num_samples: int | None, trim: bool | None
    ) -> Iterable[Counts]:
        """Codes of each scale that the stream may hold."""
        if num_samples is None:
            if trim:
                raise VocabularyError("a trimmed clip does not tell its length; give num_samples")
            return map(self._counts, self._possible_blocks(len(stream)))
        if num_samples < 1:
            raise VocabularyError(f"num_samples is {num_samples}; expected at least 1")
        whole = self.config.scale_frames(num_samples)
        valid = self.config.valid_frames(num_samples)
        return {None: dict.fromkeys((valid, whole)), True: (valid,), False: (whole,)}[trim]

    def _restore(self, scales: list[list[int]]) -> list[list[int]]:
        """Fills every scale up to whole blocks with its last code."""
        strides = self.config.vq_strides
        frames = max(len(codes) * stride for codes, stride in zip(scales, strides, strict=True))
        whole = self.config.scale_frames(frames * self.config.hop_length)
        return [
            codes + codes[-1:] * (count - len(codes))
            for codes, count in zip(scales, whole, strict=True)
        ]

    def _counts(self, blocks: int = 1) -> Counts:
        """Codes of each scale in so many blocks."""
        return self.config.scale_frames(blocks * self.config.block_samples)

    def _possible_blocks(self, length: int) -> range:
        """Numbers of blocks that ``length`` tokens can hold."""
        pairs = list(zip(self._counts(), self.spellings, strict=True))
        least = sum(count * spelling.shortest for count, spelling in pairs)
        most = sum(count * spelling.longest for count, spelling in pairs)
        possible = range(max(1, -(-length // most)), length // least + 1)
        if not possible:
            size = f"{least}" if least == most else f"{least} to {most}"
            raise VocabularyError(
                f"{length} tokens are no whole clip: a clip is made of blocks of {size} tokens "
                "(give num_samples if words of padding were left out)"
            )
        return possible

    def _read(self, stream: tuple, counts: Counts) -> tuple[list[list[int]], int, str]:
        """Codes of each scale, where reading stopped, and why it did ("" if all was read)."""
        scales: list[list[int]] = []
        position = 0
        for number, (spelling, count) in enumerate(zip(self.spellings, counts), start=1):
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

    def _end(self, stream: tuple, counts: Counts, number: int) -> int:
        """Where scale ``number`` must end: known if all later words are equally long."""
        later = list(zip(self.spellings, counts))[number:]
        if not all(spelling.fixed for spelling, _ in later):
            return len(stream)
        return len(stream) - sum(spelling.longest * count for spelling, count in later)
