"""Any length in constant memory: chunks that overlap by what the networks see, and no more.

A chunk starts and ends on block boundaries, so that attention windows and pooled frames are those
of the whole clip, and reaches beyond the blocks that are kept by at least the receptive field
(`reach`). Every value the kept codes depend on is then the one of a whole run, but for rounding,
which chooses no word (`ties`): codes are equal. Decoded samples agree to rounding. A file that is
read in blocks is another input than its samples in one array: its level, and what was resampled,
may differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llm_codec.codes import Codes, CodesError
from llm_codec.noise import BlockNoise
from llm_codec.parts import count_blocks, cut
from llm_codec.reach import reach
from llm_codec.tone import Clock

if TYPE_CHECKING:
    from llm_codec.codec import LLMCodec

CHUNK_BLOCKS = 125  # kept of one run of the networks: 30 s of the released layout


class StreamDecoder:
    """Sound of codes as they come. Feed with `push`, end with `finish`.

    Args:
        codec: whose decoder to run.
        seed: of the noise that the waveform decoder adds; None adds none. The noise of a block
            depends on the seed and its place only: not on how the codes come, and not the noise
            of `LLMCodec.decode` for a short clip.
        scales: leading scales to use; None uses what the codes have.
    """

    def __init__(self, codec: LLMCodec, seed: int | None = 0, scales: int | None = None) -> None:
        self.codec, self.seed, self.scales = codec, seed, codec.check_scales(scales)
        self.block, self.frames = codec.config.block_samples, codec.config.block_frames
        self.reach = reach(codec.decoder, self.frames, self.block)
        self._held: list[list[Tensor]] = []  # from block _first on
        self._gains: list[Tensor] = []  # one a block, from block _done on
        self._first = self._done = self._received = 0
        self._clock = Clock()
        self._ended = False

    @property
    def latency_samples(self) -> int:
        """From the first sample of a block to its sound, in a stream of single blocks: the block,
        and the whole blocks of codes the decoder sees after it."""
        return (1 + self._after) * self.block

    @property
    def latency_ms(self) -> float:
        """`latency_samples` in milliseconds; computing time comes on top."""
        return 1000 * self.latency_samples / self.codec.config.sample_rate

    @property
    def _after(self) -> int:
        return -(-self.reach.right // self.frames)

    @torch.no_grad()
    def push(self, codes: Codes) -> Tensor:
        """Takes more codes and gives the sound that is settled by them.

        Args:
            codes: one clip, whole blocks; a part that ends within a block is the last.

        Returns:
            float32 (1, 1, S) that follows what was given before; S may be 0.

        Raises:
            CodesError: a batch, codes of another codec, or codes after the last.
        """
        if self._ended:
            raise CodesError("the stream has ended; start another with codec.stream_decoder()")
        if len(codes) != 1:
            raise CodesError(f"a stream is one clip; got codes of {len(codes)}")
        self.codec.check_codes(codes)
        count = self._take(codes)
        samples = int(codes.num_samples)
        if samples == count * self.block:
            return self._run(self._received - self._after)
        self._ended = True
        spare = count * self.block - samples
        wave = self._run(self._received, self._received)
        return wave[..., : wave.shape[-1] - spare]

    @torch.no_grad()
    def finish(self) -> Tensor:
        """The sound that waited for codes to come. float32 (1, 1, S), S may be 0."""
        self._ended = True
        return self._run(self._received, self._received)

    @torch.no_grad()
    def run_all(self, codes: Codes) -> Iterator[Tensor]:
        """Sound of all blocks of a clip whose end is known, padding included, chunk by chunk."""
        self._take(codes)
        while self._done < self._received:
            stop = min(self._received, self._done + CHUNK_BLOCKS)
            yield self._run(stop, self._received)

    def _take(self, codes: Codes) -> int:
        """Holds codes until their sound is settled; returns their blocks."""
        count = count_blocks(self.codec.config, codes)
        self._held.append(list(codes.scales[: self.scales]))
        self._gains.append(codes.gain.expand(count))
        self._received += count
        return count

    def _run(self, stop: int, end: int | None = None) -> Tensor:
        """Sound of the blocks from where we are to ``stop``, in a clip of ``end`` blocks."""
        waves = []
        while self._done < stop:
            waves.append(self._chunk(min(stop, self._done + CHUNK_BLOCKS), end))
        return torch.cat(waves, dim=-1) if waves else torch.zeros(1, 1, 0)

    def _chunk(self, stop: int, end: int | None) -> Tensor:
        before = -(-self.reach.left // self.frames)
        start = max(0, self._done - before)
        last = stop + self._after if end is None else min(stop + self._after, end)
        held = [torch.cat(scale, dim=1) for scale in zip(*self._held, strict=True)]
        codes = cut(self.codec.config, held, start - self._first, last - self._first)
        noise = None if self.seed is None else BlockNoise(self.seed, start, last - start)
        clock = self._clock
        clock.mark, clock.next_mark = ((at - start) * self.block for at in (self._done, stop))
        wave = self.codec.sound(codes, noise, clock)[..., clock.mark : clock.next_mark]
        gains = torch.cat(self._gains)
        wave = wave * gains[: stop - self._done].repeat_interleave(self.block)
        first = max(0, stop - before)
        rest = [scale.clone() for scale in cut(self.codec.config, held, first - self._first, None)]
        self._held, self._gains = [rest], [gains[stop - self._done :]]
        self._first, self._done = first, stop
        return wave
