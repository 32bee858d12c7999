"""One attention layer whose heads are told what to look for and what to carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

HEAD_DIM = 64
THETA = 1e6  # rotary base: half of a head's directions hardly turn within a prompt
HALF = HEAD_DIM // 2
FREQUENCIES = THETA ** (-np.arange(HALF) / HALF)
STILL = HALF - 1  # slowest pair: position does not matter to it


@dataclass(frozen=True)
class WiredLayer:
    """An attention layer while it is wired.

    Args:
        attention: of a Llama: heads of `HEAD_DIM`, rotary base `THETA`.
        rms: typical size of what comes into the norm before it, which is undone by it.
        constant: direction that is the same in every token.
    """

    attention: nn.Module
    rms: float
    constant: int

    def clear(self, *heads: int) -> None:
        """Takes what some heads look for away."""
        for head in heads:
            rows = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
            self.attention.q_proj.weight[rows] = 0
            self.attention.k_proj.weight[rows] = 0

    def compare(self, head: int, at: int, query: Tensor, key: Tensor) -> None:
        """Adds ``(query @ stream) * (key @ stream)`` to a head's score, on a still direction."""
        gain = HEAD_DIM**0.25 * self.rms
        row = head * HEAD_DIM + _still(at)
        self.attention.q_proj.weight[row] += query * gain
        self.attention.k_proj.weight[row] += key * gain

    def prefer(self, head: int, key: Tensor) -> None:
        """Adds ``key @ stream`` to the score, whatever asks."""
        query = torch.zeros_like(key)
        query[self.constant] = 1.0
        self.compare(head, 0, query, key)

    def look(self, head: int, back: int, amplitude: float, pairs: range) -> None:
        """Adds a score that is 0 at the token ``back`` tokens away and falls off around it."""
        query, key = self.attention.q_proj.weight, self.attention.k_proj.weight
        for pair in pairs:
            gain = (amplitude * HEAD_DIM**0.5) ** 0.5 * self.rms
            angle, row = back * FREQUENCIES[pair], head * HEAD_DIM + pair
            key[row, self.constant] += gain
            query[row, self.constant] += gain * np.cos(angle)
            query[row + HALF, self.constant] -= gain * np.sin(angle)
        gain = (len(pairs) * amplitude * HEAD_DIM**0.5) ** 0.5 * self.rms
        key[head * HEAD_DIM + STILL, self.constant] += gain
        query[head * HEAD_DIM + STILL, self.constant] -= gain

    def carry(
        self, head: int, source: slice, target: slice, matrix: Tensor | None = None,
        gain: float = 1.0, at: int = 0,
    ) -> int:
        """Lets a head copy ``source``, through ``matrix``, to ``target``; returns the next row."""
        size = target.stop - target.start
        rows = slice(head * HEAD_DIM + at, head * HEAD_DIM + at + size)
        self.attention.v_proj.weight[rows] = 0
        self.attention.o_proj.weight[:, rows] = 0
        matrix = torch.eye(size) if matrix is None else matrix
        self.attention.v_proj.weight[rows, source] = matrix * self.rms
        self.attention.o_proj.weight[target, rows] = torch.eye(size) * gain
        return at + size


def _still(number: int) -> int:
    """Head dimension, slowest rotary pair first; `STILL` itself is left to `WiredLayer.look`."""
    pair, second = divmod(number + 1, 2)
    return STILL - pair + HALF * second
