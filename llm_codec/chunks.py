"""Clips and files of any length: run chunk by chunk, in the memory of one chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from llm_codec import blocks, streaming
from llm_codec.codes import Codes
from llm_codec.parts import join
from llm_codec.stream_encoder import StreamEncoder
from llm_codec.streaming import StreamDecoder

if TYPE_CHECKING:
    from llm_codec.codec import LLMCodec

WHOLE_BLOCKS = 250  # clips up to this length are run whole: 60 s of the released layout


def encode(codec: LLMCodec, clip: Tensor, level: float, scales: int | None) -> Codes:
    """Codes of a clip (S,) of any length; only the chunks at work take memory."""
    return join(_encoded(codec, _split(codec, clip), level, scales))


def encode_file(codec: LLMCodec, path: str | PathLike, scales: int | None) -> Codes:
    """Codes of a file of any length, read twice: once for its level, once for its words."""
    rate = codec.config.sample_rate
    squares = count = 0
    if codec.config.level_db is not None:
        for block in blocks.read(path, rate):
            squares += float(np.square(block, dtype=np.float64).sum())
            count += len(block)
    level = codec.level_of((squares / max(count, 1)) ** 0.5)
    return join(_encoded(codec, blocks.read(path, rate), level, scales))


def _encoded(
    codec: LLMCodec, parts: Iterable[Any], level: float, scales: int | None
) -> Iterator[Codes]:
    stream = StreamEncoder(codec, 1.0 / level, scales, streaming.CHUNK_BLOCKS)
    stream.level = level  # not twice inverted: the words are those of a whole run, bit for bit
    for part in parts:
        if (codes := stream.push(part)) is not None:
            yield codes
    yield stream.finish()


def decode(codec: LLMCodec, codes: Codes, seed: int | None, scales: int | None) -> Tensor:
    """Sound (B, 1, S) of clips of any length; only the chunks at work take memory beside it."""
    wave = torch.zeros(len(codes), 1, int(codes.num_samples.max()))
    for row, item in zip(wave[:, 0], codes, strict=True):
        filled = 0
        for piece in pieces(codec, item, seed, scales):
            row[filled : filled + piece.shape[-1]] = piece[0, 0]
            filled += piece.shape[-1]
    return wave


def pieces(
    codec: LLMCodec, codes: Codes, seed: int | None, scales: int | None
) -> Iterator[Tensor]:
    """Sound of one clip of any length, (1, 1, S) after (1, 1, S)."""
    codec.check_codes(codes)
    left = int(codes.num_samples)
    for wave in StreamDecoder(codec, seed, scales).run_all(codes):
        yield wave[..., :left]
        left = max(0, left - wave.shape[-1])


def _split(codec: LLMCodec, clip: Tensor) -> tuple[Tensor, ...]:
    return clip.split(streaming.CHUNK_BLOCKS * codec.config.block_samples)
