"""Noise of the waveform decoder, the same whatever else is decoded in the same run."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor


class ItemNoise:
    """Gives each clip of a batch the noise that it gets alone.

    Args:
        seed: of every clip.
        items: B.
    """

    def __init__(self, seed: int, items: int) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for _ in range(items)]

    def __call__(self, shape: tuple[int, int, int]) -> Tensor:
        """(B, 1, T) float32."""
        return torch.cat([torch.randn(1, *shape[1:], generator=one) for one in self.generators])


class BlockNoise:
    """Noise that belongs to a place in the clip, so that it is the same in any chunk around it.

    Args:
        seed: of the clip.
        first: number of the chunk's first block in the clip.
        blocks: in the chunk.
    """

    def __init__(self, seed: int, first: int, blocks: int) -> None:
        self.seed, self.blocks, self.layer = seed, range(first, first + blocks), 0

    def __call__(self, shape: tuple[int, int, int]) -> Tensor:
        """(1, 1, T) float32, T a multiple of the blocks; each call is for the next layer."""
        self.layer += 1
        share = shape[-1] // len(self.blocks)
        return torch.cat([self._draw(block, share) for block in self.blocks])[None, None]

    def _draw(self, block: int, samples: int) -> Tensor:
        name = zlib.crc32(f"{self.seed} {self.layer} {block}".encode())  # 32 bits: all torch uses
        return torch.randn(samples, generator=torch.Generator().manual_seed(name))
