"""Numbers come with their uncertainty and with what is needed to get them again."""

import json

import numpy as np
import pytest

from icl.record import Record, Score


@pytest.fixture
def record() -> Record:
    return Record(
        task="fsdd", task_version=1, split="dev", ways=2, shots=1, speakers="any", seed=0,
        score=Score(((40, 50), (30, 50))), chance=0.5,
        references={"uniform": Score(((25, 50), (25, 50)))}, settings={},
        fingerprints={"llm": "ab"}, versions={}, command="icl evaluate fsdd", seconds=1.0,
        tokens_run=10, tokens_saved=90, items=[{"gold": "one", "predicted": "two"}],
    )  # fmt: skip


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


def test_a_record_is_one_line_of_json(record):
    assert "\n" not in record.to_json()
    loaded = json.loads(record.to_json())
    assert loaded["accuracy"] == 0.7 and loaded["n"] == 100 and len(loaded["interval_95"]) == 2
    assert loaded["clips"] == 2 and loaded["clip_bootstrap_interval_95"] == [0.6, 0.8]
    assert loaded["references"]["uniform"]["accuracy"] == 0.5
    assert loaded["items"] == record.items


def test_saving_leaves_the_file_and_nothing_else(record, tmp_path):
    record.save(tmp_path / "record.json")
    assert json.loads((tmp_path / "record.json").read_text()) == record.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_the_table_names_every_method_with_n_and_interval(record):
    table = record.table()
    assert "language model" in table and "uniform" in table
    assert "chance 50.0%" in table and "60.4% to 78.1%" in table
    assert "over clips" in table and "60.0% to 80.0%" in table
