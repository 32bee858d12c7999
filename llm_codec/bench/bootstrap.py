"""Intervals of what is no plain mean: the bootstrap over clips, for any figure of clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llm_codec.bench.summary import DIGITS, RESAMPLES


def over_clips(figure: Callable[[np.ndarray], float], count: int, seed: int) -> np.ndarray:
    """A figure of clips drawn anew, with replacement, again and again.

    Whatever is of one clip (its words, the questions about it, the pairs it is in) comes and goes
    with it, as what is of one clip is not independent (cluster bootstrap, Davison and Hinkley
    1997, section 3.8).

    Args:
        figure: of numbers of clips, int64 (N,); NaN where these clips have none.
        count: N, of clips there are.
        seed: of the draws; the same for two figures draws the same clips for both.

    Returns:
        float64 (RESAMPLES,).
    """
    rng = np.random.default_rng(seed)
    return np.array([figure(rng.integers(count, size=count)) for _ in range(RESAMPLES)])


def ratio(sums: np.ndarray, counts: np.ndarray) -> Callable[[np.ndarray], float]:
    """The figure ``sum / count`` of clips that have (N,) sums over (N,) counts."""
    return lambda clips: float(sums[clips].sum() / counts[clips].sum())


def interval(values: np.ndarray) -> list[float] | None:
    """95 % percentile interval of values (R,) that `over_clips` gave; NaN are left out.

    It cannot foresee what no clip has shown: where all clips agree, it has no width.

    Returns:
        Low and high end; None where no value is left.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    return [round(float(end), DIGITS) for end in np.quantile(known, (0.025, 0.975))]
