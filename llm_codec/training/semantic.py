"""Semantic guidance: the coarsest words of a clip should tell what is said in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Span(NamedTuple):
    """A clip inside a batch of crops.

    Args:
        row: of the batch.
        clip: number of the clip.
        start, stop: its samples in the row; ``start`` included, ``stop`` not.
    """

    row: int
    clip: int
    start: int
    stop: int


class Semantic(nn.Module):
    """The mean of the coarsest scale over a clip should tell its text's vector.

    arXiv 2406.10056, §3.4: the L1 distance between the time-mean of the first quantiser's output
    z_1 and the text's global vector g. Here through a learned linear map, as widths differ, and
    over the span of each clip where a crop strings several together (ours)::

        L = 1/N sum_n mean_e |W mean_t z_1[n, t] + b - g_n|_e

    over the N spans of clips that have a text; 0 where there are none.

    Args:
        dim: D.
        vectors: (clips, E) from `text_vectors`; NaN rows have no text. Not saved.
    """

    def __init__(self, dim: int, vectors: Tensor) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors, persistent=False)
        self.known = (~vectors.isnan().any(dim=1)).tolist()
        self.predict = nn.Linear(dim, vectors.shape[1])

    def forward(self, coarse: Tensor, spans: Sequence[Span], hop: int) -> Tensor:
        """Mean absolute error, ().

        Args:
            coarse: (B, D, T) the coarsest scale's part at full rate.
            spans: clips of the batch; those under one frame do not count.
            hop: samples a frame.
        """
        means, clips = [], []
        for row, clip, start, stop in spans:
            frames = coarse[row, :, -(-start // hop) : stop // hop]
            if self.known[clip] and frames.shape[1]:
                means.append(frames.mean(dim=1))
                clips.append(clip)
        if not clips:
            return 0 * coarse.sum()
        return (self.predict(torch.stack(means)) - self.vectors[clips]).abs().mean()
