"""Intervals of figures of clips: as wide as they should be, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest

from llm_codec.bench import bootstrap, summary


def test_with_one_thing_a_clip_it_is_the_interval_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, 80)
    drawn = bootstrap.over_clips(bootstrap.ratio(values, np.ones(80)), 80, seed=1)
    assert drawn.shape == (summary.RESAMPLES,)
    assert bootstrap.interval(drawn) == pytest.approx(summary.interval([*values], 1), abs=0.05)


def test_things_of_one_clip_come_together():
    """Ten equal answers about each clip are worth one."""
    values = np.random.default_rng(0).integers(0, 2, 50).astype(float)
    once = bootstrap.over_clips(bootstrap.ratio(values, np.ones(50)), 50, seed=0)
    often = bootstrap.over_clips(bootstrap.ratio(10 * values, np.full(50, 10)), 50, seed=0)
    assert np.array_equal(once, often)
    other = bootstrap.over_clips(bootstrap.ratio(values, np.ones(50)), 50, seed=1)
    assert not np.array_equal(once, other)


def test_draws_without_a_figure_are_left_out():
    assert bootstrap.interval(np.array([np.nan, 0.25, 0.25])) == [0.25, 0.25]
    assert bootstrap.interval(np.array([np.nan])) is None
