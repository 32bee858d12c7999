"""How near a clip is to a clean one: a number for any answer."""

from __future__ import annotations

import numpy as np

from llm_codec.bench.metrics import Undefined, perceptual

# What an answer gets in which a measure finds no speech.
WORST_PESQ = 1.0  # below what the measure gives
WORST_STOI = 1e-5  # what pystoi gives where too little speech is left


def stoi(clean: np.ndarray, clip: np.ndarray) -> float:
    """Short-time objective intelligibility (Taal et al. 2011), about 0 to 1.

    Args:
        clean, clip: float (S,) at 16 kHz; ``clip`` is cut or filled up to the length of ``clean``.

    Raises:
        ImportError: pystoi is not installed; the message says how to get it.
    """
    try:
        return float(perceptual.stoi(clean, fitted(clip, len(clean))))
    except Undefined:
        return WORST_STOI


def pesq(clean: np.ndarray, clip: np.ndarray) -> float:
    """Wide-band PESQ (ITU-T P.862.2), 1.0 to 4.6; arguments as for `stoi`.

    Raises:
        ImportError: pesq is not installed; the message says how to get it.
    """
    try:
        return float(perceptual.pesq(clean, fitted(clip, len(clean)), "wb"))
    except Undefined:
        return WORST_PESQ


def fitted(clip: np.ndarray, size: int) -> np.ndarray:
    """The first ``size`` samples, filled up with zeros."""
    return np.pad(clip[:size], (0, max(0, size - len(clip))))
