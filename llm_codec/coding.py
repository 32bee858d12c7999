"""Coding: what a codec does with clips, files, lists of them and streams."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from llm_codec import audio as audio_io
from llm_codec import batch, blocks, chunks, ties
from llm_codec.codes import Codes, CodesError
from llm_codec.layers import Noise
from llm_codec.noise import ItemNoise
from llm_codec.parts import count_blocks
from llm_codec.stream_encoder import StreamEncoder
from llm_codec.streaming import StreamDecoder
from llm_codec.tone import Clock


class CodingMixin:
    """Encoding and decoding on top of `LLMCodec`'s networks."""

    @torch.no_grad()
    def encode(
        self, audio: Any, sample_rate: int | None = None, scales: int | None = None
    ) -> Codes | list[Codes]:
        """Audio to codes.

        Files of any length are read and run in constant memory; what that leaves equal is said in
        `llm_codec.streaming`.

        Args:
            audio: a path; an array or tensor (S,), (C, S) or (B, 1, S); or a list of these, which
                runs as a batch: each gets the codes it has alone (conditions: `ties.words`).
            sample_rate: Hz of arrays; None means the codec's own rate. Files carry theirs.
            scales: leading scales to give, 1..K; None gives all.

        Returns:
            `Codes`; for a list, a list of `Codes` in the same order.

        Raises:
            AudioError: the audio is missing, unreadable, empty or not finite.
            ValueError: the codec has no such number of scales.
        """
        scales = self.check_scales(scales)
        if isinstance(audio, (list, tuple)):
            return batch.encode(self, audio, sample_rate, scales)
        return batch.encode(self, [audio], sample_rate, scales)[0]

    def is_long(self, audio: Any) -> bool:
        """Whether this is a file better read block by block."""
        longest = chunks.WHOLE_BLOCKS * self.config.block_samples / self.config.sample_rate
        return isinstance(audio, (str, PathLike)) and blocks.seconds(audio) > longest

    def encode_clips(self, clips: Sequence[Tensor], scales: int | None = None) -> list[Codes]:
        """Codes of clips (S,) at the codec's rate that pad to one length, in one run."""
        length = self.config.padded_samples(len(clips[0]))
        levels = [self.level_gain(clip) for clip in clips]
        if length > chunks.WHOLE_BLOCKS * self.config.block_samples:
            pairs = zip(clips, levels, strict=True)
            return [chunks.encode(self, clip, level, scales) for clip, level in pairs]
        padded = clips[0].new_zeros(len(clips), 1, length)
        for row, clip, level in zip(padded[:, 0], clips, levels, strict=True):
            row[: len(clip)] = clip * level
        codes = self.codes(
            self.words(padded, scales), [*map(len, clips)], [1.0 / level for level in levels]
        )
        return [*codes]

    def words(self, waveform: Tensor, scales: int | None = None) -> list[Tensor]:
        """Codes of whole blocks. (B, 1, S) on the CPU -> int64 (B, T_k) of the leading scales."""
        device = self.quantizer.codebooks[0].table.device
        return [scale.cpu() for scale in ties.words(self, waveform.to(device), scales)]

    def codes(self, words: Sequence[Tensor], samples: list[int], gains: list[float]) -> Codes:
        """`Codes` of this codec. words: int64 (B, T_k) of leading scales; samples, gains: B."""
        return Codes(
            scales=tuple(words),
            num_samples=torch.tensor(samples),
            gain=torch.tensor(gains, dtype=torch.float32),
            codebook_sizes=self.config.codebook_sizes[: len(words)],
            vq_strides=self.config.vq_strides[: len(words)],
            hop_length=self.config.hop_length,
            sample_rate=self.config.sample_rate,
            codec=self.fingerprint,
            vocabulary=self.vocabulary.fingerprint if self.vocabulary else "",
        )

    def level_gain(self, clip: Tensor) -> float:
        """Factor that brings a clip (S,) to the codec's level."""
        return self.level_of(clip.square().mean().sqrt().item())

    def level_of(self, rms: float) -> float:
        """Factor for a clip of this RMS; 1 for silence or where level is off."""
        if self.config.level_db is None or rms < 1e-6:
            return 1.0
        return 10 ** (self.config.level_db / 20) / rms

    @torch.no_grad()
    def decode(
        self, codes: Codes | Sequence[Codes], seed: int | None = 0, scales: int | None = None
    ) -> Tensor | list[Tensor]:
        """Codes to audio of the original length.

        Args:
            codes: from this codec; or a list of these, which runs as a batch.
            seed: of the noise that the waveform decoder adds; same seed, same bytes. None adds no
                noise.
            scales: leading scales to use, 1..K; None uses what the codes have.

        Returns:
            (B, 1, S) float32, S the true number of samples. Shorter items of a batch are zero
            after their end. For a list, a list of these in the same order.

        Raises:
            CodesError: the codes come from another codec, or do not fit this one.
            ValueError: the codec has no such number of scales.
        """
        scales = self.check_scales(scales)
        if isinstance(codes, (list, tuple)):
            return batch.decode(self, codes, seed, scales)
        self.check_codes(codes)
        if count_blocks(self.config, codes) > chunks.WHOLE_BLOCKS:
            return chunks.decode(self, codes, seed, scales)
        noise = None if seed is None else ItemNoise(seed, len(codes))
        wave = self.sound(codes.scales[:scales], noise)
        wave = wave[..., : int(codes.num_samples.max())] * codes.gain.view(-1, 1, 1)
        beyond = torch.arange(wave.shape[-1]) >= codes.num_samples.view(-1, 1, 1)
        return wave.masked_fill(beyond, 0.0)

    def decode_file(
        self, codes: Codes, path: str | PathLike, seed: int | None = 0, scales: int | None = None
    ) -> None:
        """Codes of one clip of any length to a sound file, in constant memory.

        Args:
            codes, seed, scales: as for `decode`.
            path: ends in ``.wav`` or ``.flac``; 16 bit, with `origin` as its comment, written whole
                or not at all.

        Raises:
            CodesError: the codes do not fit this codec, or are a batch.
            AudioError: the path has another suffix.
        """
        if len(codes) != 1:
            raise CodesError(f"a file takes one clip; got codes of {len(codes)}")
        origin, rate = self.origin(codes, seed, scales), self.config.sample_rate
        if count_blocks(self.config, codes) <= chunks.WHOLE_BLOCKS:
            return audio_io.save(path, self.decode(codes, seed, scales), rate, origin)
        parts = chunks.pieces(self, codes, seed, self.check_scales(scales))
        return blocks.save(path, (part[0, 0].numpy() for part in parts), rate, origin)

    def origin(self, codes: Codes, seed: int | None, scales: int | None) -> str:
        """What a decoded file says of how it was made; arguments as for `decode`."""
        used = len(codes.scales[: self.check_scales(scales)])
        return f"llm-codec {self.fingerprint}, seed {seed}, scales {used}"

    def sound(
        self, words: Sequence[Tensor], noise: Noise | None, clock: Clock | None = None
    ) -> Tensor:
        """Whole blocks of sound, on the CPU. Tensors (B, T_k) of leading scales -> (B, 1, S)."""
        device = self.quantizer.codebooks[0].table.device
        latent = self.quantizer.decode([scale.to(device) for scale in words])
        return self.decoder(latent, noise, clock).float().cpu()

    def stream_encoder(self, **options: Any) -> StreamEncoder:
        """Encodes a sound that is still going on; options of `StreamEncoder`."""
        return StreamEncoder(self, **options)

    def stream_decoder(self, **options: Any) -> StreamDecoder:
        """Decodes codes as they come; options of `StreamDecoder`."""
        return StreamDecoder(self, **options)

    def check_scales(self, scales: int | None) -> int | None:
        """The same number, if the codec has that many scales.

        Raises:
            ValueError: it has not.
        """
        if scales is not None and not 1 <= scales <= self.config.num_scales:
            raise ValueError(f"scales is {scales}; this codec has 1 to {self.config.num_scales}")
        return scales

    def check_codes(self, codes: Codes) -> None:
        """Rejects codes that this codec did not or could not have made.

        Raises:
            CodesError: they are of another codec or shape. Codes of leading scales are fine.
        """
        if codes.codec and codes.codec != self.fingerprint:
            raise CodesError(f"these codes were made by codec {codes.codec}; this is codec "
                             f"{self.fingerprint}; decode with the codec that encoded")
        if self.vocabulary and not self.vocabulary.is_named(codes.vocabulary):
            raise CodesError(f"these codes are of vocabulary {codes.vocabulary}, the codec has "
                             f"{self.vocabulary.fingerprint}; decode with the codec whose words "
                             "were read")
        given = len(codes.scales)
        for name in ("codebook_sizes", "vq_strides", "hop_length", "sample_rate"):
            seen, expected = getattr(codes, name), getattr(self.config, name)
            if seen != (expected[:given] if isinstance(expected, tuple) else expected):
                raise CodesError(f"these codes have {name} {seen} but the codec has {expected}; "
                                 "decode with the codec that encoded")
        frames = codes.scales[0].shape[1] * codes.vq_strides[0]
        if frames % self.config.block_frames:
            raise CodesError(f"these codes span {frames} frames, which is not a multiple of "
                             f"{self.config.block_frames}; give whole blocks")
