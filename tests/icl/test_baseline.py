"""The references work, so that losing to them means something."""

import numpy as np
import pytest

from icl.baseline import COEFFICIENTS, FRAMES, mfcc
from llm_codec.nearest import NearestMean, standardise, stretch


def test_features_have_one_size_for_any_length(tone):
    sizes = {mfcc(tone(300, seconds)).shape for seconds in (0.01, 0.2, 1.7)}
    assert sizes == {(FRAMES, COEFFICIENTS - 1)}


def test_features_ignore_level_and_silence_around_the_sound(tone):
    sound = tone(300) + tone(1200)
    quiet = np.pad(sound * 0.1, (3200, 3200))
    near = np.corrcoef(mfcc(sound).ravel(), mfcc(quiet).ravel())[0, 1]
    assert near > 0.9


def test_silence_has_features_too():
    assert np.isfinite(mfcc(np.zeros(1000))).all()


def test_the_nearest_mean_names_sounds_that_move_differently():
    def sweep(start: float, stop: float, phase: float) -> np.ndarray:
        hertz = np.linspace(start, stop, 8000)
        return 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / 16000 + phase)

    pairs = {"up": (300, 3000), "down": (3000, 300)}
    support = [(mfcc(sweep(*ends, 0.0)).ravel(), label) for label, ends in pairs.items()]
    model = NearestMean().fit(*zip(*support, strict=True))
    for label, (start, stop) in pairs.items():
        assert model.predict(mfcc(sweep(start * 1.1, stop * 0.9, 1.0)).ravel()) == label


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
