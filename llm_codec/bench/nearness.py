"""Nearness: whether clips of one class are nearer to one another than clips of two."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from llm_codec.bench import bootstrap
from llm_codec.bench.needs import needs
from llm_codec.bench.summary import DIGITS
from llm_codec.bench.worker import Line

CHANCE = 0.5


class Nearness:
    """All pairs of some clips by Euclidean distance, near ones first.

    Args:
        features: one vector (D,) a clip.
        labels: class of each clip.

    Raises:
        ImportError: SciPy is not installed.
    """

    def __init__(self, features: Sequence[np.ndarray], labels: Sequence[str]) -> None:
        distances = needs("scipy.spatial.distance").pdist(np.stack([*features]))
        order = np.argsort(distances, kind="stable")
        pairs = np.triu_indices(len(labels), 1)
        self.count = len(labels)
        self._one, self._two = (side[order] for side in pairs)
        names = np.array(labels)
        self.same = names[self._one] == names[self._two]
        self._starts = np.flatnonzero(np.diff(distances[order], prepend=-1.0) > 0)

    def auc(self, clips: np.ndarray) -> float:
        """Share of (pair of one class, pair of two) whose former is nearer; equal counts half.

        It is the area under the ROC curve that tells the pairs apart by distance (Hanley and
        McNeil 1982). A clip that was drawn twice is in twice as many pairs, but in none with
        itself.

        Args:
            clips: numbers of the clips that count, (N,).

        Returns:
            0 to 1; NaN where there are no pairs of one of both sorts.
        """
        times = np.bincount(clips, minlength=self.count)
        weights = times[self._one] * times[self._two]
        near = np.add.reduceat(weights * self.same, self._starts)
        far = np.add.reduceat(weights, self._starts) - near
        total = float(near.sum()) * float(far.sum())
        farther = far.sum() - far.cumsum()
        return float(near @ (farther + far / 2)) / total if total else math.nan

    def score(self, seed: int) -> Line:
        """The area with its interval over clips drawn anew, as JSON values."""
        drawn = bootstrap.over_clips(self.auc, self.count, seed)
        return {
            "auc": round(self.auc(np.arange(self.count)), DIGITS), "clips": self.count,
            "pairs": len(self.same), "pairs_of_one_class": int(self.same.sum()),
            "chance": CHANCE, "interval_95": bootstrap.interval(drawn),
        }
