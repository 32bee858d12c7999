"""Changes of a clip that training draws at random: level, speed, start, noise."""

from __future__ import annotations

import numpy as np

SILENT = 1e-6  # RMS


def rms(wave: np.ndarray) -> float:
    """Root of the mean square of (S,)."""
    return float(np.sqrt(np.mean(wave**2)))


def level(wave: np.ndarray, decibels: float) -> np.ndarray:
    """Bring a clip to an RMS level in dBFS; silence stays silent."""
    loudness = rms(wave)
    return wave if loudness < SILENT else wave * np.float32(10 ** (decibels / 20) / loudness)


def mix(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """A clip (S,) with noise (S,) ``snr`` dB below it; silence on either side changes nothing."""
    loudness = rms(wave)
    return wave if loudness < SILENT else wave + level(noise, 20 * np.log10(loudness) - snr)


def augment(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speak faster and higher or slower and lower, start later or earlier, add a little noise.

    All are changes that no word of the coarsest scale should follow.
    """
    count = max(1, round(len(wave) * rng.uniform(0.88, 1.14)))
    wave = np.interp(np.linspace(0, len(wave) - 1, count), np.arange(len(wave)), wave)
    wave = wave.astype(np.float32)
    shift = int(rng.integers(-1200, 1201))
    cut = min(max(0, -shift), len(wave) - 1)  # some of the shortest clip is left
    wave = np.concatenate([np.zeros(max(0, shift), np.float32), wave[cut:]])
    noise = rng.standard_normal(len(wave)).astype(np.float32)
    return wave + noise * np.float32(rms(wave) * 10 ** (-rng.uniform(15, 45) / 20))
