"""Features of one size, with nothing in them that all clips share."""

import numpy as np

from llm_codec.nearest import standardise, stretch


def test_standardised_features_forget_what_all_clips_share():
    rng = np.random.default_rng(0)
    offset = np.array([100.0, 0.0, -5.0])
    features = {name: rng.normal(offset, [9.0, 0.1, 1.0], (20, 3)) for name in "abcdef"}
    vectors = standardise(features)
    rows = np.concatenate([value.reshape(20, 3) for value in vectors.values()])
    assert np.allclose(rows.mean(axis=0), 0) and np.allclose(rows.std(axis=0), 1)
    assert set(vectors) == set(features) and vectors["a"].shape == (60,)


def test_stretching_keeps_ends_and_length():
    rows = np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 9.0]])
    assert stretch(rows, 5)[[0, -1]].tolist() == [[0.0, 5.0], [2.0, 9.0]]
    assert stretch(rows, 12).shape == (12, 2) and stretch(rows[:1], 4).tolist() == [[0.0, 5.0]] * 4
