"""Distances between spectra of several resolutions, and SI-SDR."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from llm_codec.bench.metrics import RATE, Undefined

MELS = {32: 5, 64: 10, 128: 20, 256: 40, 512: 80, 1024: 160, 2048: 320}  # bands by window
STFTS = (2048, 512)  # windows
FLOOR = 1e-5
BEST_SI_SDR = 100.0  # dB; 16-bit rounding of loud audio lies near 90


class Distances:
    """Mel and STFT distance to one clip, with the parameters of the Descript Audio Codec.

    ``mel``: L1 between log10 mel magnitudes, summed over seven resolutions (arXiv 2306.06546,
    section 3.4; Slaney's mel scale and area norm). ``stft``: L1 between log10 power spectra plus L1
    between magnitudes, summed over two. Windows are Hann, the hop a quarter of them, magnitudes are
    floored at 1e-5; both signals are padded by reflection, or with zeros where they are too short.

    Args:
        reference: float32 (S,) at 16 kHz.
    """

    def __init__(self, reference: np.ndarray) -> None:
        self.magnitudes = _magnitudes(reference)
        self.mels = _mels(self.magnitudes)

    def __call__(self, decoded: np.ndarray) -> Mapping[str, float]:
        """Distances of a reconstruction (S,); 0 is equal."""
        magnitudes = _magnitudes(decoded)
        mels = _mels(magnitudes)
        stft = sum(
            2 * _l1(_log(self.magnitudes[w]), _log(magnitudes[w]))
            + _l1(self.magnitudes[w], magnitudes[w])
            for w in STFTS
        )
        return {"mel": sum(_l1(self.mels[w], mels[w]) for w in MELS), "stft": stft}


def si_sdr(reference: np.ndarray, decoded: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio, dB (Le Roux et al. 2019, eq. 3), at most 100.

    Means are removed first. A higher value is not always a better sound: codecs that draw new
    phases score low and may sound well.

    Args:
        reference, decoded: float32 (S,).

    Raises:
        Undefined: one of them is constant.
    """
    a, b = (wave.astype(np.float64) - wave.mean(dtype=np.float64) for wave in (reference, decoded))
    if not (a @ a > 1e-12 and b @ b > 1e-12):
        raise Undefined("the clip or its reconstruction is silent")
    target = (a @ b) / (a @ a) * a
    rest = b - target
    signal, noise = target @ target, rest @ rest
    if noise <= signal * 10 ** (-BEST_SI_SDR / 10):
        return BEST_SI_SDR
    return max(-BEST_SI_SDR, 10 * np.log10(max(signal, 1e-300) / noise))


def _magnitudes(wave: np.ndarray) -> dict[int, Tensor]:
    """Magnitude spectra (window / 2 + 1, T) by window."""
    tensor = torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32))
    found = {}
    for window in MELS:
        mode = "reflect" if len(tensor) > window // 2 else "constant"
        found[window] = torch.stft(
            tensor, window, window // 4, window=_hann(window), pad_mode=mode, return_complex=True
        ).abs()
    return found


def _mels(magnitudes: dict[int, Tensor]) -> dict[int, Tensor]:
    """Log10 mel magnitudes (bands, T) by window."""
    return {w: _log(_filters(w, bands) @ magnitudes[w]) for w, bands in MELS.items()}


def _log(magnitudes: Tensor) -> Tensor:
    return magnitudes.clamp_min(FLOOR).log10()


def _l1(a: Tensor, b: Tensor) -> float:
    return (a - b).abs().mean().item()


@lru_cache
def _hann(window: int) -> Tensor:
    return torch.hann_window(window)


@lru_cache
def _filters(window: int, bands: int) -> Tensor:
    """Slaney's mel filters, (bands, window / 2 + 1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # narrow bands hold no bin, as in the published measure
        filters = mel_filter_bank(
            window // 2 + 1, bands, 0.0, RATE / 2, RATE, norm="slaney", mel_scale="slaney"
        )
    return torch.from_numpy(filters.T.astype(np.float32))
