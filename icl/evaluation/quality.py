"""How near a clip is to a clean one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

SAMPLE_RATE = 16000  # Hz of all clips
WORST_PESQ = 1.0  # below what the measure gives: for an answer in which it finds no speech


def stoi(clean: np.ndarray, clip: np.ndarray) -> float:
    """Short-time objective intelligibility (Taal et al. 2011), about 0 to 1.

    Args:
        clean, clip: float (S,) at 16 kHz; ``clip`` is cut or filled up to the length of ``clean``.

    Raises:
        ImportError: pystoi is not installed; the message says how to get it.
    """
    measure = _library("pystoi").stoi
    with warnings.catch_warnings():  # too little speech gives 1e-5, which says enough
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(measure(clean, fitted(clip, len(clean)), SAMPLE_RATE))


def pesq(clean: np.ndarray, clip: np.ndarray) -> float:
    """Wide-band PESQ (ITU-T P.862.2), 1.0 to 4.6; arguments as for `stoi`.

    Raises:
        ImportError: pesq is not installed; the message says how to get it.
    """
    library = _library("pesq")
    try:
        return float(library.pesq(SAMPLE_RATE, clean, fitted(clip, len(clean)), "wb"))
    except (library.NoUtterancesError, ValueError):  # digital silence makes it divide by zero
        return WORST_PESQ


def fitted(clip: np.ndarray, size: int) -> np.ndarray:
    """The first ``size`` samples, filled up with zeros."""
    return np.pad(clip[:size], (0, max(0, size - len(clip))))


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f"measuring quality needs {name}: pip install 'llm-codec[bench]'"
        ) from error
