"""The codecs of this project, at all their scales or at the leading ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_codec.bench.codecs.base import Codec, Encoded, SpecError, fit, pack, unpack
from llm_codec.codec import LLMCodec

LEVEL = "<f2"  # of a clip: a step is 0.008 dB at most


class Words(Codec):
    """An `LLMCodec`, decoded with seed 0.

    Args:
        spec: the name of its rows.
        codec: the codec.
        scales: leading scales to send; None sends all.

    Raises:
        SpecError: it has no such number of scales.
    """

    counted = "ceil(log2 V) bits a code, padded to bytes for each clip, and 16 for the level"

    def __init__(self, spec: str, codec: LLMCodec, scales: int | None = None) -> None:
        try:
            codec.check_scales(scales)
        except ValueError as error:
            raise SpecError(f"{spec}: {error}") from error
        super().__init__(spec, codec.config.sample_rate, codec.config.codebook_sizes[:scales])
        self.codec, self.scales = codec, scales

    def encode(self, wave: np.ndarray) -> Encoded:
        """See `Codec.encode`."""
        codes = self.codec.encode(wave, scales=self.scales)
        scales = tuple(scale[0] for scale in codes.scales)
        payload = codes.gain.numpy().astype(LEVEL).tobytes() + pack(scales, self.codebook_sizes)
        return Encoded(payload, 8 * len(payload), scales)

    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """See `Codec.decode`."""
        level, packed = encoded.payload[:2], encoded.payload[2:]
        gain = float(np.frombuffer(level, LEVEL)[0])
        scales = unpack(packed, [*map(len, encoded.codes)], self.codebook_sizes)
        codes = self.codec.codes([scale[None] for scale in scales], [num_samples], [gain])
        return fit(self.codec.decode(codes, seed=0)[0, 0].numpy(), num_samples)

    def origin(self) -> dict[str, Any]:
        """Fingerprints of weights and words."""
        words = self.codec.vocabulary
        return {"fingerprints": {"codec": self.codec.fingerprint,
                                 "vocabulary": words.fingerprint if words else ""}}
