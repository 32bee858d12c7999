"""MFCCs of one size for clips of any length: features that need no language model."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from llm_codec.nearest import stretch

WINDOW = 400  # samples, 25 ms at 16 kHz: the usual speech frame
HOP = 160  # samples, 10 ms
BINS = 512  # points of the Fourier transform
MELS = 40
COEFFICIENTS = 20  # the first, which is level, is left out
FRAMES = 20  # frames every clip is stretched to, so that clips of any length compare
SILENCE_DB = 30.0  # frames this far below the loudest are cut at both ends


def mfcc(
    wave: np.ndarray,
    sample_rate: int = 16000,
    band: tuple[float, float] = (20.0, math.inf),
    floor_db: float | None = None,
) -> np.ndarray:
    """Mel cepstrum of a clip, without its level and outer silence, stretched to a fixed length.

    Args:
        wave: float (S,) in [-1, 1].
        sample_rate: Hz.
        band: lowest and highest frequency looked at, Hz; the highest is at most half the rate.
        floor_db: energies further below the loudest count as this far below; None leaves them.

    Returns:
        float64 (FRAMES, COEFFICIENTS - 1).
    """
    log_mel = _log_mel(wave, sample_rate, band)
    if floor_db is not None:
        log_mel = np.maximum(log_mel, log_mel.max() - floor_db)
    log_mel = _trim(log_mel)
    return stretch(log_mel @ _cosines(MELS, COEFFICIENTS)[:, 1:], FRAMES)


def _log_mel(wave: np.ndarray, sample_rate: int, band: tuple[float, float]) -> np.ndarray:
    """Log-mel energies in dB: (frames, MELS)."""
    from transformers.audio_utils import spectrogram, window_function

    padded = np.pad(np.asarray(wave, dtype=np.float64), (0, max(0, BINS - len(wave))))
    energies = spectrogram(
        padded,
        window_function(WINDOW, "hann"),
        frame_length=WINDOW,
        hop_length=HOP,
        fft_length=BINS,
        power=2.0,
        mel_filters=_filters(sample_rate, band),
        log_mel="dB",
    )
    return energies.T


@lru_cache
def _filters(sample_rate: int, band: tuple[float, float]) -> np.ndarray:
    from transformers.audio_utils import mel_filter_bank

    return mel_filter_bank(
        num_frequency_bins=BINS // 2 + 1,
        num_mel_filters=MELS,
        min_frequency=band[0],
        max_frequency=min(band[1], sample_rate / 2),
        sampling_rate=sample_rate,
    )


def _trim(log_mel: np.ndarray) -> np.ndarray:
    """Cut quiet frames at both ends; the loudest frame always stays."""
    level = log_mel.mean(axis=1)
    (loud,) = np.nonzero(level >= level.max() - SILENCE_DB)
    return log_mel[loud[0] : loud[-1] + 1]


def _cosines(size: int, count: int) -> np.ndarray:
    """First ``count`` columns of the orthonormal DCT-II: (size, count)."""
    places, orders = np.arange(size)[:, None] + 0.5, np.arange(count)[None, :]
    basis = np.cos(np.pi * places * orders / size) * np.sqrt(2.0 / size)
    basis[:, 0] /= np.sqrt(2.0)
    return basis
