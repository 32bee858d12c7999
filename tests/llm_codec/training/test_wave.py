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
def test_augmenting_changes_the_length_within_bounds(samples: int) -> None:
    draw, wave = np.random.default_rng(0), np.full(samples, 0.1, np.float32)  # of any length
    lengths = set()
    for _ in range(50):
        changed = augment(wave, draw)
        assert changed.dtype == np.float32 and np.isfinite(changed).all()
        lengths.add(len(changed) - samples)
    slow, fast = round(samples * 0.14) + 1, round(samples * 0.12) + 1
    assert min(lengths) >= -min(1200 + fast, samples - 1) and max(lengths) <= 1200 + slow
    assert len(lengths) > 20


def test_augmenting_keeps_the_sound_but_for_speed_start_and_noise() -> None:
    draw, times = np.random.default_rng(0), np.arange(16000) / 16000
    wave = (0.1 * np.sin(2 * np.pi * 300 * times)).astype(np.float32)
    speeds, starts, below = set(), [], []
    for _ in range(30):
        changed = augment(wave, draw)
        late = int(np.flatnonzero(np.abs(changed) > 0.05)[0])
        heard = changed[late : late + 12000]
        peak = np.abs(np.fft.rfft(heard * np.hanning(12000), 16 * 12000)).argmax() / 12
        speeds.add(round(peak))
        angle = 2 * np.pi * peak * np.arange(12000) / 16000
        tone = np.stack([np.sin(angle), np.cos(angle)])
        rest = heard - (heard @ tone.T / 6000) @ tone
        below.append(rms_db(heard) - rms_db(rest))
        starts.append(late)
    assert 300 / 1.15 < min(speeds) < 285 and 315 < max(speeds) < 300 / 0.87
    assert 13 < min(below) < 22 and max(below) > 30  # dB, what is not the tone
    assert max(starts) > 600
