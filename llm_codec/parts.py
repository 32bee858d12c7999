"""Parts of a clip's codes: whole blocks, cut out and joined again, and what is no padding."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from llm_codec.codes import Codes, CodesError
from llm_codec.config import CodecConfig


def join(parts: Iterable[Codes]) -> Codes:
    """One clip of the parts a stream gave. All but the last must be whole blocks.

    Raises:
        CodesError: no parts, or parts of different codecs.
    """
    first, samples, held = None, 0, []
    for part in parts:
        if first is None:
            first, held = part, [array("q") for _ in part.scales]
        if (part.codec, part.codebook_sizes) != (first.codec, first.codebook_sizes):
            raise CodesError("parts of different codecs cannot be joined; encode with one")
        samples += int(part.num_samples)
        for words, scale in zip(held, part.scales, strict=True):
            words.frombytes(scale.numpy().tobytes())
    if first is None:
        raise CodesError("no codes to join; expected at least one part")
    # Arrays, because thousands of small tensors kept between large ones would tear the heap apart.
    scales = tuple(torch.from_numpy(np.array(words, dtype=np.int64))[None] for words in held)
    return dataclasses.replace(first, scales=scales, num_samples=torch.tensor([samples]))


def sounding(codes: Codes, scale: int) -> Tensor:
    """Codes of one clip that stand for sound, without those of the padding of its last block.

    Args:
        codes: of one clip.
        scale: 0..K-1.

    Returns:
        int64 (ceil(num_samples / samples of a code),).
    """
    step = codes.hop_length * codes.vq_strides[scale]
    return codes.scales[scale][0, : -(-int(codes.num_samples) // step)]


def count_blocks(config: CodecConfig, codes: Codes) -> int:
    """Whole blocks that codes span."""
    return codes.scales[0].shape[1] * codes.vq_strides[0] // config.block_frames


def cut(
    config: CodecConfig, scales: Sequence[Tensor], first: int, stop: int | None
) -> list[Tensor]:
    """Codes of the blocks [first, stop) of each scale (B, T_k)."""
    frames = config.block_frames
    return [
        scale[:, first * frames // stride : None if stop is None else stop * frames // stride]
        for scale, stride in zip(scales, config.vq_strides)
    ]
