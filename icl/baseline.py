"""References that use no language model: nearest class mean on MFCCs, and a uniform guess."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

WINDOW = 400  # samples, 25 ms at 16 kHz: the usual speech frame
HOP = 160  # samples, 10 ms
BINS = 512  # points of the Fourier transform
MELS = 40
COEFFICIENTS = 13
FRAMES = 20  # frames every clip is stretched to, so that clips of any length compare
SILENCE_DB = 30.0  # frames this far below the loudest are cut at both ends


def mfcc(wave: np.ndarray, sample_rate: int = 16000) -> np.ndarray:
    """Mel cepstrum of a clip, stretched to a fixed length.

    Args:
        wave: float (S,) in [-1, 1].
        sample_rate: Hz.

    Returns:
        float64 (FRAMES * COEFFICIENTS,); each coefficient has its mean over time taken out, so
        that level and microphone do not matter.
    """
    log_mel = _trim(_log_mel(wave, sample_rate))
    cepstrum = log_mel @ _cosines(MELS, COEFFICIENTS)
    places = np.linspace(0, len(cepstrum) - 1, FRAMES)
    columns = [np.interp(places, np.arange(len(cepstrum)), column) for column in cepstrum.T]
    stretched = np.stack(columns, axis=1)
    return (stretched - stretched.mean(axis=0)).ravel()


class NearestMean:
    """Label of the class whose mean feature is nearest by cosine."""

    def fit(self, features: Sequence[np.ndarray], labels: Sequence[str]) -> NearestMean:
        """Average the features (each (D,)) of every label."""
        self.classes_ = sorted(set(labels))
        rows, names = np.stack(list(features)), np.array(list(labels))
        self._means = _unit(np.stack([rows[names == name].mean(axis=0) for name in self.classes_]))
        return self

    def predict(self, feature: np.ndarray) -> str:
        """Label for one feature (D,)."""
        return self.classes_[int((self._means @ _unit(feature)).argmax())]


def uniform_guess(labels: Sequence[str], rng: random.Random) -> str:
    """One of ``labels``, each equally likely."""
    return rng.choice(list(labels))


def _log_mel(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log-mel energies in dB: (frames, MELS)."""
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    filters = mel_filter_bank(
        num_frequency_bins=BINS // 2 + 1,
        num_mel_filters=MELS,
        min_frequency=20.0,
        max_frequency=sample_rate / 2,
        sampling_rate=sample_rate,
    )
    padded = np.pad(np.asarray(wave, dtype=np.float64), (0, max(0, BINS - len(wave))))
    energies = spectrogram(
        padded,
        window_function(WINDOW, "hann"),
        frame_length=WINDOW,
        hop_length=HOP,
        fft_length=BINS,
        power=2.0,
        mel_filters=filters,
        log_mel="dB",
    )
    return energies.T


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


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., D) at length 1; zero stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
