"""Distances between a clip and its reconstruction, all at 16 kHz."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE = 16000
SPEECH = ("speech", "unknown")  # kinds of audio that measures of speech are for


class Undefined(Exception):
    """A metric has no value for this clip; the message says why."""


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Args:
        title: of a column; a band is always named.
        higher: whether more is better.
        speech: whether it is measured on speech only.
        digits: shown behind the point.
    """

    title: str
    higher: bool
    speech: bool = False
    digits: int = 2


METRICS = {
    "pesq_wb": Metric("PESQ-WB", True, speech=True),
    "pesq_nb": Metric("PESQ-NB", True, speech=True),
    "stoi": Metric("STOI", True, speech=True, digits=3),
    "estoi": Metric("ESTOI", True, speech=True, digits=3),
    "mel": Metric("mel distance", False),
    "stft": Metric("STFT distance", False),
    "si_sdr": Metric("SI-SDR, dB", True, digits=1),
    "mcd": Metric("MCD, dB", False),
    "f0_correlation": Metric("F0 correlation", True, speech=True, digits=3),
    "voicing_error": Metric("voicing error", False, speech=True, digits=3),
    "utmos": Metric("UTMOS", True, speech=True),
    "dnsmos": Metric("DNSMOS OVRL", True, speech=True),
    "wer": Metric("WER", False, speech=True, digits=3),
    "speaker": Metric("speaker similarity", True, speech=True, digits=3),
}

Measure = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]
"""(reference (S,), decoded (S,)) -> values by name; raises `Undefined`."""


class Scorer:
    """Everything measured between one clip and its reconstructions.

    What depends on the clip alone is computed once, whatever the number of codecs.

    Args:
        reference: float32 (S,) at 16 kHz.
        kind: of audio; measures of speech are left out for sound and music.
        extra: further measures that were asked for, by name: `neural.Measures`.
        transcript: what is said, if known.
    """

    def __init__(
        self, reference: np.ndarray, kind: str, extra: Any = None, transcript: str = ""
    ) -> None:
        from llm_codec.bench.metrics import cepstral, perceptual, pitch, spectral

        self.parts: dict[tuple[str, ...], Callable[[np.ndarray], Mapping[str, float]]] = {
            ("mel", "stft"): spectral.Distances(reference),
            ("si_sdr",): lambda decoded: {"si_sdr": spectral.si_sdr(reference, decoded)},
            ("mcd",): cepstral.Distortion(reference),
        }
        if kind in SPEECH:
            self.parts |= perceptual.measures(reference)
            self.parts["f0_correlation", "voicing_error"] = pitch.Pitch(reference)
            if extra is not None:
                self.parts |= extra.measures(reference, transcript)

    def score(self, decoded: np.ndarray) -> tuple[dict[str, float], dict[str, str]]:
        """Values by name, and for those that have none, the reason. decoded: (S,)."""
        values: dict[str, float] = {}
        failures: dict[str, str] = {}
        for names, measure in self.parts.items():
            try:
                values |= {name: float(value) for name, value in measure(decoded).items()}
            except Undefined as error:
                failures |= dict.fromkeys(names, str(error))
        bad = [name for name, value in values.items() if not np.isfinite(value)]
        failures |= {name: f"the value is {values.pop(name)}" for name in bad}
        order = [name for name in METRICS if name in values or name in failures]
        return ({name: values[name] for name in order if name in values},
                {name: failures[name] for name in order if name in failures})
