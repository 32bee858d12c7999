"""Codecs whose result is known beforehand; a benchmark that gets them wrong is wrong."""

from __future__ import annotations

import numpy as np

from llm_codec.bench.codecs.base import Codec, Encoded

RATE = 16000
MU = 255.0


class Identity(Codec):
    """Gives back what it was given, as float32 samples: the top of every scale."""

    counted = "32-bit samples"

    def __init__(self, spec: str = "identity") -> None:
        super().__init__(spec, RATE)

    def encode(self, wave: np.ndarray) -> Encoded:
        """See `Codec.encode`."""
        payload = wave.astype("<f4").tobytes()
        return Encoded(payload, 8 * len(payload))

    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """See `Codec.decode`."""
        return np.frombuffer(encoded.payload, "<f4")


class MuLaw(Codec):
    """Eight bits a sample on the mu-law curve (ITU-T G.711, the continuous curve, mu = 255).

    Its noise lies about 38 dB under speech of any level well above the smallest step.
    """

    counted = "8-bit samples"

    def __init__(self, spec: str = "mulaw") -> None:
        super().__init__(spec, RATE)

    def encode(self, wave: np.ndarray) -> Encoded:
        """See `Codec.encode`."""
        curved = np.sign(wave) * np.log1p(MU * np.abs(wave)) / np.log1p(MU)
        payload = np.round((curved + 1) / 2 * 255).astype(np.uint8).tobytes()
        return Encoded(payload, 8 * len(payload))

    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """See `Codec.decode`."""
        curved = np.frombuffer(encoded.payload, np.uint8) / 255 * 2 - 1
        wave = np.sign(curved) * np.expm1(np.abs(curved) * np.log1p(MU)) / MU
        return wave.astype(np.float32)
