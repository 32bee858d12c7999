"""Changes of a clip: levels are reached, speed and start move, noise lies where it should."""

from __future__ import annotations

import numpy as np
import pytest

from llm_codec.training.wave import augment, level, mix


def rms_db(wave: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))


def test_noise_lies_as_far_below_the_clip_as_asked() -> None:
    draw = np.random.default_rng(0)
    clip, noise = (draw.normal(0, part, 16000).astype(np.float32) for part in (0.1, 0.7))
    for snr in (-5.0, 20.0):
        noisy = mix(clip, noise, snr)
        assert rms_db(clip) - rms_db(noisy - clip) == pytest.approx(snr, abs=0.01)
        assert noisy.dtype == np.float32
    silence = np.zeros_like(clip)
    assert np.array_equal(mix(clip, silence, 0), clip) and not mix(silence, noise, 0).any()


def test_level_is_reached_and_silence_stays() -> None:
    wave = np.random.default_rng(0).normal(0, 0.01, 1000).astype(np.float32)
    assert rms_db(level(wave, -20)) == pytest.approx(-20, abs=1e-3)
    assert not level(np.zeros(10, np.float32), -20).any()


@pytest.mark.parametrize("samples", [1, 500, 1199, 8000])
def test_augmenting_moves_and_keeps_the_sound(samples: int) -> None:
    draw, wave = np.random.default_rng(0), np.full(samples, 0.1, np.float32)
    lengths = set()
    for _ in range(50):
        changed = augment(wave, draw)
        assert changed.dtype == np.float32 and np.isfinite(changed).all()
        lengths.add(len(changed) - samples)
    slow, fast = round(samples * 0.14) + 1, round(samples * 0.12) + 1
    assert min(lengths) >= -min(1200 + fast, samples - 1) and max(lengths) <= 1200 + slow
    assert len(lengths) > 20
