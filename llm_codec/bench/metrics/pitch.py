"""Fundamental frequency and voicing, by Praat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from llm_codec.bench.metrics import RATE, Undefined
from llm_codec.bench.needs import needs

STEP, FLOOR, CEILING = 0.01, 75.0, 600.0  # seconds, Hz, Hz
LEAST = 5  # frames voiced in both that a correlation needs


class Pitch:
    """F0 of a clip, and what a reconstruction makes of it.

    Praat's autocorrelation method (Boersma 1993) through parselmouth, a frame every 10 ms, 75 to
    600 Hz. ``f0_correlation``: Pearson's, of Hz, over frames that are voiced in both.
    ``voicing_error``: share of all frames that are voiced in one and unvoiced in the other.

    Args:
        reference: float32 (S,) at 16 kHz.
    """

    def __init__(self, reference: np.ndarray) -> None:
        self.hertz = _hertz(reference)

    def __call__(self, decoded: np.ndarray) -> Mapping[str, float]:
        """Both measures of a reconstruction (S,).

        The correlation is NaN where too few frames are voiced or the pitch is constant.

        Raises:
            Undefined: the clip is shorter than an analysis window, or nothing in it is voiced.
        """
        if self.hertz is None or not self.hertz.any():
            raise Undefined("the clip has no voiced frame" if self.hertz is not None
                            else "the clip is shorter than an analysis window")
        hertz = _hertz(decoded)
        voiced = (self.hertz > 0) & (hertz > 0)
        error = np.mean((self.hertz > 0) != (hertz > 0))
        return {"f0_correlation": _correlation(self.hertz[voiced], hertz[voiced]),
                "voicing_error": error}


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < LEAST or not (a.std() > 0 and b.std() > 0):
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _hertz(wave: np.ndarray) -> np.ndarray | None:
    """F0 (T,), 0 where unvoiced; None if the clip is too short."""
    if len(wave) < 3 / FLOOR * RATE + 1:
        return None
    sound = needs("parselmouth").Sound(wave.astype(np.float64), sampling_frequency=RATE)
    pitch = sound.to_pitch_ac(time_step=STEP, pitch_floor=FLOOR, pitch_ceiling=CEILING)
    return pitch.selected_array["frequency"]
