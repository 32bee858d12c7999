"""Quality falls with noise, and an answer of any length or of silence still gets a number."""

import numpy as np
import pytest

from icl.evaluation.quality import WORST_PESQ, pesq, stoi


@pytest.fixture(scope="module")
def clean():
    time = np.arange(24000) / 16000
    buzz = np.sin(2 * np.pi * 150 * time) + np.sin(2 * np.pi * 1200 * time)
    return (0.1 * buzz * (1 + np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def noisy(clean, level):
    return clean + level * np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)


@pytest.mark.parametrize("measure", [stoi, pesq])
def test_noise_lowers_it(clean, measure):
    perfect, little, much = (measure(clean, noisy(clean, level)) for level in (0, 0.001, 0.1))
    assert perfect > little > much


@pytest.mark.parametrize("measure", [stoi, pesq])
def test_answers_are_cut_or_filled_up_to_the_length_of_the_clean_clip(clean, measure):
    longer = np.concatenate([clean, noisy(clean, 0.5)])
    assert measure(clean, longer) == pytest.approx(measure(clean, clean))
    assert measure(clean, clean[:8000]) < measure(clean, clean)


def test_silence_gets_the_least(clean):
    silence = np.zeros_like(clean)
    assert pesq(clean, silence) == WORST_PESQ
    assert abs(stoi(clean, silence)) < 0.05
