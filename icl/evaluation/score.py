"""Numbers with their uncertainty: shares of right answers, and means."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Z_95 = 1.959964  # two-sided 95 % point of the normal distribution
RESAMPLES = 2000  # of the bootstrap; moves its ends by a few tenths of a per cent


@dataclass(frozen=True)
class Score:
    """Right answers, counted for each clip asked about.

    Args:
        clips: (right answers, times asked) of every clip, in a fixed order.
    """

    clips: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, right: Iterable[bool], clips: Iterable[Hashable]) -> Score:
        """Count answers; ``clips`` names the clip that each was about."""
        counts: dict[Hashable, tuple[int, int]] = {}
        for hit, clip in zip(right, clips, strict=True):
            hits, asked = counts.get(clip, (0, 0))
            counts[clip] = hits + bool(hit), asked + 1
        return cls(tuple(counts.values()))

    @property
    def correct(self) -> int:
        """Right answers."""
        return sum(hits for hits, _ in self.clips)

    @property
    def n(self) -> int:
        """Answers."""
        return sum(asked for _, asked in self.clips)

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the accuracy (Wilson 1927, eq. 4): 0 <= low <= high <= 1.

        It takes answers for independent, which two about one clip are not; see `clip_interval`.
        """
        return wilson(self.accuracy, self.n)

    @property
    def clip_interval(self) -> tuple[float, float]:
        """95 % percentile interval of the accuracy when the clips asked about are drawn anew.

        Cluster bootstrap (Davison & Hinkley 1997, sec. 3.8), seeded: all answers about a clip
        are drawn together. It cannot foresee what no clip has shown: where all answers are right
        it has no width, and the Wilson interval is the one to quote.
        """
        return cluster_bootstrap(self.clips)

    @property
    def standard_error(self) -> float:
        """Of the accuracy, for independent answers."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / self.n)

    def to_dict(self) -> dict[str, Any]:
        """Accuracy, counts, standard error and both intervals as JSON values."""
        return {
            "accuracy": self.accuracy,
            "n": self.n,
            "standard_error": self.standard_error,
            "interval_95": list(self.interval),
            "clips": len(self.clips),
            "clip_bootstrap_interval_95": list(self.clip_interval),
        }


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson 95 % interval of a share of ``n`` independent answers: 0 <= low <= high <= 1."""
    spread = Z_95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    variance = share * (1 - share) / n + spread / (4 * n)
    half = Z_95 * math.sqrt(variance) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_of(values: Iterable[float], clips: Iterable[Hashable]) -> dict[str, Any]:
    """Mean of measurements, with the same uncertainty as a `Score`, as JSON values.

    Args:
        values: one or more.
        clips: what each was measured on; those of one clip are drawn together.
    """
    sums: dict[Hashable, tuple[float, int]] = {}
    measured = []
    for value, clip in zip(values, clips, strict=True):
        total, count = sums.get(clip, (0.0, 0))
        sums[clip] = total + value, count + 1
        measured.append(value)
    spread = float(np.std(measured, ddof=1)) if len(measured) > 1 else 0.0
    return {
        "mean": float(np.mean(measured)),
        "n": len(measured),
        "standard_error": spread / math.sqrt(len(measured)),
        "clips": len(sums),
        "clip_bootstrap_interval_95": list(cluster_bootstrap([*sums.values()])),
    }


def cluster_bootstrap(clips: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Interval of ``sum / count`` over (sum, count) of clips drawn anew."""
    counts = np.array(clips)
    draws = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
    sums, asked = counts[draws].sum(axis=1).T
    low, high = np.quantile(sums / asked, (0.025, 0.975))
    return float(low), float(high)
