"""The references work, so that losing to them means something."""

import numpy as np

from llm_codec.mfcc import COEFFICIENTS, FRAMES, mfcc
from llm_codec.nearest import NearestMean


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
