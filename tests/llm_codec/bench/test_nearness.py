"""Nearness of classes is the area under the curve that scikit-learn finds, and by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from llm_codec.bench.nearness import Nearness


@pytest.fixture
def blurred() -> tuple[list[np.ndarray], list[str]]:
    """24 points on a coarse grid, so that many distances are equal, of four classes."""
    draw = np.random.default_rng(0)
    labels = [name for name in "abcd" for _ in range(6)]
    return [draw.integers(0, 3, 3) + 1.0 * (name == "a") for name in labels], labels


def test_a_case_counted_by_hand():
    nearness = Nearness([np.array([x]) for x in (0.0, 1.0, 3.0, 7.0)], [*"aabb"])
    # Of one class 1 and 4 apart; of two classes 3, 7, 2 and 6: 1 is nearer than all, 4 than two.
    assert nearness.auc(np.arange(4)) == 6 / 8
    line = nearness.score(0)
    assert (line["auc"], line["chance"], line["clips"]) == (0.75, 0.5, 4)
    assert (line["pairs"], line["pairs_of_one_class"]) == (6, 2)
    assert line["interval_95"][0] <= 0.75 <= line["interval_95"][1]


def test_it_is_the_area_that_scikit_learn_finds(blurred):
    features, labels = blurred
    pairs = [*combinations(range(len(labels)), 2)]
    same = [labels[a] == labels[b] for a, b in pairs]
    near = [-np.linalg.norm(features[a] - features[b]) for a, b in pairs]
    nearness = Nearness(features, labels)
    assert nearness.auc(np.arange(24)) == pytest.approx(roc_auc_score(same, near))
    drawn = np.random.default_rng(1).integers(0, 24, 24)
    times = np.bincount(drawn, minlength=24)
    weights = [times[a] * times[b] for a, b in pairs]
    wanted = roc_auc_score(same, near, sample_weight=weights)
    assert nearness.auc(drawn) == pytest.approx(wanted)


def test_equal_clips_are_at_chance():
    line = Nearness([np.ones(3)] * 6, [*"aaabbb"]).score(0)
    assert line["auc"] == 0.5 and line["interval_95"] == [0.5, 0.5]


def test_clips_of_one_class_alone_have_no_area(blurred):
    assert np.isnan(Nearness(*blurred).auc(np.zeros(24, np.int64)))
    assert np.isnan(Nearness(*blurred).auc(np.arange(6)))


def test_the_interval_repeats_for_a_seed(blurred):
    first, again, other = (Nearness(*blurred).score(seed) for seed in (0, 0, 1))
    assert first == again and first["interval_95"] != other["interval_95"]
    assert first["interval_95"][0] < first["auc"] < first["interval_95"][1]
