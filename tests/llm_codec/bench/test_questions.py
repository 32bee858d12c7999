"""Questions are balanced, disjoint and seeded, and their answers are counted rightly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from llm_codec.bench.labelled import Source
from llm_codec.bench.questions import Quiz, draw

LABELS = [name for name, count in (("a", 5), ("b", 3), ("c", 2), ("d", 1)) for _ in range(count)]


@pytest.fixture
def source() -> Source:
    return Source("s", [*range(len(LABELS))], LABELS, [""] * len(LABELS))


def test_questions_are_of_two_labels_and_three_clips():
    questions = draw(LABELS, 300, seed=0)
    for query, right, wrong in questions:
        assert LABELS[query] == LABELS[right] != LABELS[wrong] and query != right
    assert questions == draw(LABELS, 300, seed=0) != draw(LABELS, 300, seed=1)


def test_labels_and_their_clips_are_asked_for_equally_often():
    asked = [query for query, _, _ in draw(LABELS, 90, seed=0)]
    assert Counter(LABELS[query] for query in asked) == {"a": 30, "b": 30, "c": 30}  # d has one
    assert {Counter(asked)[clip] for clip in range(5)} == {6}
    assert {LABELS[wrong] for _, _, wrong in draw(LABELS, 90, seed=0)} == {*"abcd"}


def test_features_that_tell_labels_apart_are_always_right(source):
    features = [np.eye(4)["abcd".index(label)][None] for label in LABELS]
    quiz = Quiz([source], 60, seed=0)
    line = quiz.score(quiz.answer({"s": features}))["sources"]["s"]
    assert line == {"accuracy": 1.0, "n": 60, "clips": 10, "chance": 0.5, "interval_95": [1, 1]}


def test_answers_are_those_of_the_nearer_example(source):
    rows = np.random.default_rng(0).normal(size=(len(LABELS), 3, 2))
    scaled = (rows - rows.mean(axis=(0, 1))) / rows.std(axis=(0, 1))
    unit = [row.ravel() / np.linalg.norm(row) for row in scaled]
    quiz = Quiz([source], 80, seed=0)
    wanted = [unit[q] @ unit[right] > unit[q] @ unit[wrong]
              for q, right, wrong in quiz.questions["s"]]
    answers = quiz.answer({"s": [*rows]})
    assert answers["s"].tolist() == wanted and 0.2 < np.mean(wanted) < 0.8


def test_the_mean_weighs_sources_alike_and_differences_are_paired(source):
    other = Source("t", source.clips, source.labels, source.speakers)
    quiz = Quiz([source, other], 40, seed=0)
    right = {"s": np.ones(40), "t": np.arange(40) % 2 * 1.0}
    same = quiz.score(right, right)
    assert same["mean"]["accuracy"] == 0.75 and same["mean"]["n"] == 80
    assert same["mean"]["less_reference"] == {"mean": 0.0, "interval_95": [0.0, 0.0]}
    low, high = same["mean"]["interval_95"]
    ends = same["sources"]["t"]["interval_95"]
    assert low < 0.75 < high and high - low == pytest.approx((ends[1] - ends[0]) / 2, abs=1e-5)
    less = quiz.score(right, {"s": np.zeros(40), "t": np.ones(40)})
    assert less["sources"]["s"]["less_reference"] == {"mean": 1.0, "interval_95": [1.0, 1.0]}
    assert less["mean"]["less_reference"]["mean"] == 0.25
