"""Parts of a clip's codes: whole blocks, cut out and joined again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from llm_codec.codes import Codes, CodesError
from llm_codec.config import CodecConfig


def join(parts: Iterable[Codes]) -> Codes:
    """One clip of the parts a stream gave. All but the last must be whole blocks.

    Raises:
        CodesError: no parts, or parts of different codecs.
    """
    parts = list(parts)
    if not parts:
        raise CodesError("no codes to join; expected at least one part")
    if len({(part.codec, part.codebook_sizes) for part in parts}) > 1:
        raise CodesError("parts of different codecs cannot be joined; encode with one")
    scales = zip(*(part.scales for part in parts), strict=True)
    return dataclasses.replace(
        parts[0],
        scales=tuple(torch.cat(scale, dim=1) for scale in scales),
        num_samples=torch.stack([part.num_samples for part in parts]).sum(dim=0),
    )


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
