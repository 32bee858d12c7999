"""How much of a codebook is used, and how evenly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Usage:
    """Use of one codebook.

    Args:
        size: V.
        n: codes counted.
        used: different ones among them.
        entropy: of their frequencies, bit.
    """

    size: int
    n: int
    used: int
    entropy: float

    @classmethod
    def of(cls, counts: np.ndarray, size: int) -> Usage:
        """From how often each code was seen, (V,) or those that were seen at all, int64."""
        counts = np.sort(counts[counts > 0])  # sums in one order
        share = counts / max(counts.sum(), 1)
        entropy = float((share * np.log2(1 / share)).sum())
        return cls(size, int(counts.sum()), len(counts), entropy)

    @property
    def share(self) -> float:
        """Of the codebook, 0 to 1; low where few codes were counted."""
        return self.used / self.size

    @property
    def normalised_entropy(self) -> float:
        """Over log2 V: 1 if all are used alike."""
        return self.entropy / math.log2(self.size) if self.size > 1 else 1.0
