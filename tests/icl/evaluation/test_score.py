"""Numbers come with their uncertainty."""

import numpy as np
import pytest

from icl.evaluation.score import Score, mean_of


def test_the_wilson_interval_matches_published_values():
    low, high = Score(((81, 263),)).interval  # Newcombe 1998, table I, method 3
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert [round(end, 4) for end in Score(((0, 20),)).interval] == [0.0, 0.1611]
    assert Score(((20, 20),)).interval[1] == 1.0


def test_answers_are_counted_clip_by_clip():
    score = Score.of([True, False, True, True], ["a", "b", "a", "c"])
    assert score.clips == ((2, 2), (0, 1), (1, 1))
    assert (score.correct, score.n, score.accuracy) == (3, 4, 0.75)
    with pytest.raises(ValueError, match="zip"):
        Score.of([True], ["a", "b"])


def test_the_interval_over_clips_is_that_of_the_mean_of_independent_clips():
    rng = np.random.default_rng(0)
    score = Score(tuple((int(hit), 1) for hit in rng.random(400) < 0.7))
    error = np.sqrt(score.accuracy * (1 - score.accuracy) / 400)
    low, high = score.clip_interval
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.08)
    assert low < score.accuracy < high
    assert score.clip_interval == (low, high)  # seeded


def test_answers_that_hang_together_widen_the_interval_over_clips_alone():
    hits = np.random.default_rng(1).random(50) < 0.7
    together = Score(tuple((8 * int(hit), 8) for hit in hits))
    apart = Score(tuple((int(hit), 1) for hit in np.repeat(hits, 8)))
    assert together.interval == apart.interval

    def width(score: Score) -> float:
        return score.clip_interval[1] - score.clip_interval[0]

    assert width(together) == pytest.approx(np.sqrt(8) * width(apart), rel=0.15)


def test_clips_asked_about_more_often_count_for_more():
    score = Score(((10, 10), (0, 1)))
    assert score.clip_interval == (0.0, 1.0) and score.accuracy == 10 / 11


def test_a_score_tells_itself_as_json_values():
    told = Score(((40, 50), (30, 50))).to_dict()
    assert told["accuracy"] == 0.7 and told["n"] == 100 and len(told["interval_95"]) == 2
    assert told["clips"] == 2 and told["clip_bootstrap_interval_95"] == [0.6, 0.8]
    assert told["standard_error"] == pytest.approx(np.sqrt(0.7 * 0.3 / 100))


def test_a_mean_has_the_error_of_independent_values_and_an_interval_over_clips():
    values = np.random.default_rng(2).normal(3.0, 2.0, 400)
    apart = mean_of(values, range(400))
    assert apart["mean"] == pytest.approx(values.mean()) and apart["n"] == apart["clips"] == 400
    assert apart["standard_error"] == pytest.approx(2.0 / 20, rel=0.1)
    low, high = apart["clip_bootstrap_interval_95"]
    assert high - low == pytest.approx(2 * 1.96 * apart["standard_error"], rel=0.1)
    together = mean_of(values.repeat(4), np.arange(400).repeat(4))
    assert together["clip_bootstrap_interval_95"] == pytest.approx([low, high])


def test_the_mean_of_one_value_has_no_spread():
    assert mean_of([2.0], ["a"])["standard_error"] == 0.0
