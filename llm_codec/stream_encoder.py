"""Codes of a sound that is still going on; `streaming` tells why they are those of a whole clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from llm_codec import audio as audio_io
from llm_codec import streaming
from llm_codec.audio import AudioError
from llm_codec.codes import Codes
from llm_codec.parts import cut
from llm_codec.reach import reach

if TYPE_CHECKING:
    from llm_codec.codec import LLMCodec


class StreamEncoder:
    """Codes of a sound that is still going on. Feed with `push`, end with `finish`.

    Args:
        codec: whose encoder to run.
        gain: `Codes.gain` of the stream, which fixes the level before encoding; that of a whole
            clip gives the codes of the whole clip. None takes the level of the first block and
            of what the encoder sees after it (1 where the codec leaves levels alone): start with
            sound.
        scales: leading scales to give, 1..K; None gives all.
        chunk_blocks: blocks of which codes are given at a time; more is cheaper and later.

    Raises:
        ValueError: gain, scales or chunk_blocks are out of range.
    """

    def __init__(self, codec: LLMCodec, gain: float | None = None, scales: int | None = None,
                 chunk_blocks: int = 1) -> None:
        if chunk_blocks < 1 or (gain is not None and not 0 < gain < float("inf")):
            raise ValueError(f"gain is {gain} and chunk_blocks {chunk_blocks}; both must be > 0")
        self.codec, self.scales, self.chunk = codec, codec.check_scales(scales), chunk_blocks
        self.block = codec.config.block_samples
        self.reach = reach(codec.encoder, self.block, codec.config.block_frames)
        self.level = None if gain is None else 1.0 / gain
        self._pieces: list[Tensor] = []  # from the start of block _first on
        self._first = self._done = self._received = 0
        self._finished = False

    @property
    def latency_samples(self) -> int:
        """From the first sample of a block to its codes: the block, and what the encoder sees
        of what comes after it."""
        return self.chunk * self.block + self.reach.right

    @property
    def latency_ms(self) -> float:
        """`latency_samples` in milliseconds; computing time comes on top."""
        return 1000 * self.latency_samples / self.codec.config.sample_rate

    def push(self, samples: Any) -> Codes | None:
        """Takes more sound and gives the codes that are settled by it.

        Args:
            samples: (S,) array or tensor at the codec's rate, any S, zero included.

        Returns:
            Whole blocks that follow those given before, or None where none is settled.

        Raises:
            AudioError: not finite, or not one clip.
            ValueError: the stream was finished.
        """
        if self._finished:
            raise ValueError("this stream is finished; start another with codec.stream_encoder()")
        if not len(samples):
            return None
        clips = audio_io.prepare(samples, target_rate=self.codec.config.sample_rate)
        if len(clips) > 1:
            raise AudioError(f"a stream is one clip; got a batch of {len(clips)}")
        self._pieces.append(clips[0].clone())  # callers reuse their buffers
        self._received += len(clips[0])
        return self._give(self._settled())

    @torch.no_grad()
    def finish(self) -> Codes:
        """Codes of all that was not given yet; at least one block.

        Raises:
            AudioError: nothing was ever pushed.
            ValueError: the stream was finished before.
        """
        if self._finished:
            raise ValueError("this stream was finished before; start another")
        if not self._received:
            raise AudioError("the stream holds no samples; push at least one before the end")
        self._finished = True
        return self._give(self._rest())

    @torch.no_grad()
    def _settled(self) -> list[list[Tensor]]:
        """Codes of each chunk that nothing to come can change."""
        end, parts = (self._received - self.reach.right) // self.block, []
        while end - self._done >= self.chunk:
            parts.append(self._run(min(end, self._done + max(self.chunk, streaming.CHUNK_BLOCKS))))
        return parts

    def _rest(self) -> list[list[Tensor]]:
        """Codes of each chunk up to the padded end."""
        end, parts = -(-self._received // self.block), []
        while self._done < end:
            stop = min(end, self._done + max(self.chunk, streaming.CHUNK_BLOCKS))
            parts.append(self._run(stop, end))
        return parts

    def _run(self, stop: int, end: int | None = None) -> list[Tensor]:
        """Codes of the blocks from where we are to ``stop``, in a clip of ``end`` blocks."""
        before, after = (-(-part // self.block) for part in (self.reach.left, self.reach.right))
        start = max(0, self._done - before)
        last = stop + after if end is None else min(stop + after, end)
        held = torch.cat(self._pieces)
        if self.level is None:
            self.level = self.codec.level_gain(held[: self.block + self.reach.right])
        # What is missing at the right is padding at the end of a clip, else out of reach.
        wave = held.new_zeros((last - start) * self.block)
        heard = held[(start - self._first) * self.block :][: len(wave)]
        wave[: len(heard)] = heard * self.level
        codes = self.codec.words(wave[None, None], self.scales)
        codes = cut(self.codec.config, codes, self._done - start, stop - start)
        first = max(0, stop - before)
        self._pieces = [held[(first - self._first) * self.block :].clone()]
        self._first, self._done = first, stop
        return codes

    def _give(self, parts: list[list[Tensor]]) -> Codes | None:
        if not parts:
            return None
        scales = [torch.cat(scale, dim=1) for scale in zip(*parts, strict=True)]
        span = scales[0].shape[1] * self.codec.config.vq_strides[0] * self.codec.config.hop_length
        known = self._received - (self._done * self.block - span)
        return self.codec.codes(scales, [min(span, known)], [1.0 / self.level])
