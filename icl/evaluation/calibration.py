"""Whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10


def reliability(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Expected calibration error and the bins it is made of (Guo et al. 2017, eq. 3).

    Args:
        confidences: probability of each answer given, 0 to 1 (N,).
        right: whether it was right (N,).

    Returns:
        ``ece``: |accuracy - confidence| averaged over `BINS` equal bins, weighted by their
        answers; ``bins``: [mean confidence, accuracy, answers] of those that are not empty.
    """
    sure, hits = np.asarray(confidences, float), np.asarray(right, float)
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = [
        [float(sure[inside].mean()), float(hits[inside].mean()), int(inside.sum())]
        for inside in (places == place for place in range(BINS))
        if inside.any()
    ]
    ece = sum(abs(hit - confidence) * count for confidence, hit, count in bins) / len(sure)
    return {"ece": ece, "bins": bins}
