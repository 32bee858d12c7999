"""Mel-cepstral distortion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from llm_codec.bench.metrics import RATE
from llm_codec.bench.needs import needs
from llm_codec.mel import mel_filters

COEFFICIENTS = 13
BANDS, WINDOW, HOP = 80, 400, 80  # 25 ms every 5 ms
RANGE = 1e-3  # 60 dB: bands further under the clip's loudest are as good as silent


class Distortion:
    """Mean distance between mel cepstra 1 to 13, dB (Kubichek 1993, eq. 3).

    Frames are compared one to one: a codec keeps time, so there is no warping. Cepstra are of 80
    HTK mel bands of magnitude, 25 ms every 5 ms. Everything more than 60 dB under the loudest band
    of the clip is raised to that floor, ours, because digital silence would rule the mean.

    Args:
        reference: float32 (S,) at 16 kHz.
    """

    def __init__(self, reference: np.ndarray) -> None:
        bands = _bands(reference)
        self.floor = max(float(bands.max()) * RANGE, 1e-7)
        self.cepstra = _cepstra(bands, self.floor)

    def __call__(self, decoded: np.ndarray) -> Mapping[str, float]:
        """Distortion of a reconstruction (S,); 0 is equal."""
        difference = self.cepstra - _cepstra(_bands(decoded), self.floor)
        frames = np.sqrt(2 * np.square(difference).sum(axis=0))
        return {"mcd": 10 / np.log(10) * frames.mean()}


_FILTERS = mel_filters(RATE, WINDOW // 2 + 1, BANDS)
_HANN = torch.hann_window(WINDOW)


def _bands(wave: np.ndarray) -> np.ndarray:
    """Mel magnitudes (80, T)."""
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32)), WINDOW, HOP, window=_HANN,
        pad_mode="constant", return_complex=True,
    )
    return (_FILTERS @ spectrum.abs()).numpy()


def _cepstra(bands: np.ndarray, floor: float) -> np.ndarray:
    """(13, T): ln magnitude = c0 + sum over m of c_m cos(m w)."""
    dct = needs("scipy.fft").dct
    logs = np.log(np.maximum(bands, floor))
    return np.sqrt(2 / BANDS) * dct(logs, axis=0, norm="ortho")[1 : COEFFICIENTS + 1]
