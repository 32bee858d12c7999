"""What the benchmark asks of a codec: bytes that a decoder turns back into the clip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_codec import container


class Missing(Exception):
    """A codec cannot run here; the message says what to install or to fetch."""


class SpecError(ValueError):
    """The text that names a codec is wrong."""


@dataclass(frozen=True)
class Encoded:
    """A clip on its way from encoder to decoder.

    Args:
        payload: all that the decoder is given, beside the clip's length.
        bits: what counts as sent; `Codec.describe` says what is in it.
        codes: int64 (T_k,) of every scale, for codecs that have codes; else none.
    """

    payload: bytes
    bits: int
    codes: tuple[Tensor, ...] = ()

    @property
    def tokens(self) -> int:
        """Codes of all scales."""
        return sum(len(scale) for scale in self.codes)


class Codec(ABC):
    """One codec at one rate.

    Args:
        spec: how it was asked for; the name of its rows.
        sample_rate: Hz of what it takes and gives.
        codebook_sizes: V_k of every scale; empty for a codec without codes.
    """

    counted = "all bytes"  # what `Encoded.bits` holds

    def __init__(
        self, spec: str, sample_rate: int, codebook_sizes: Sequence[int] = ()
    ) -> None:
        self.spec = spec
        self.sample_rate = sample_rate
        self.codebook_sizes = tuple(codebook_sizes)

    @abstractmethod
    def encode(self, wave: np.ndarray) -> Encoded:
        """Float32 (S,) in [-1, 1] at `sample_rate` -> what is sent."""

    @abstractmethod
    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """What was sent -> float32 (num_samples,), in time with what was encoded."""

    def describe(self) -> dict[str, Any]:
        """What a record says of it: JSON values, the same on every call."""
        return {
            "codec": self.spec, "sample_rate": self.sample_rate, "bits_counted": self.counted,
            "codebook_sizes": list(self.codebook_sizes), **self.origin(),
        }

    def origin(self) -> dict[str, Any]:
        """Version or fingerprint of what does the work."""
        return {}


class NeuralCodec(Codec):
    """A codec whose payload is its codes, packed as in a ``.lcc`` file, without a header.

    Its networks see only what `container.unpack` finds in the payload.
    """

    counted = "ceil(log2 V) bits a code, padded to bytes for each clip; no header"

    @abstractmethod
    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """Float32 (1, 1, S) -> int64 (T_k,) of every scale."""

    @abstractmethod
    def to_wave(self, codes: list[Tensor]) -> Tensor:
        """Int64 (T_k,) of every scale -> float32 (..., S') with S' >= S."""

    @torch.inference_mode()
    def encode(self, wave: np.ndarray) -> Encoded:
        """See `Codec.encode`."""
        codes = [scale.cpu() for scale in self.to_codes(torch.from_numpy(wave)[None, None])]
        payload = pack(codes, self.codebook_sizes)
        return Encoded(payload, 8 * len(payload), tuple(codes))

    @torch.inference_mode()
    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """See `Codec.decode`."""
        codes = unpack(encoded.payload, [*map(len, encoded.codes)], self.codebook_sizes)
        return fit(self.to_wave(codes).reshape(-1).float().cpu().numpy(), num_samples)


def pack(codes: Sequence[Tensor], sizes: Sequence[int]) -> bytes:
    """Codes (T_k,) of every scale, ceil(log2 V_k) bits each, one behind the other."""
    bits = [_bits(container.pack(scale, size))[: len(scale) * container.code_bits(size)]
            for scale, size in zip(codes, sizes, strict=True)]
    return np.packbits(np.concatenate(bits)).tobytes()


def unpack(payload: bytes, lengths: Sequence[int], sizes: Sequence[int]) -> list[Tensor]:
    """Inverse of `pack`; ``lengths`` are T_k."""
    counts = [length * container.code_bits(size)
              for length, size in zip(lengths, sizes, strict=True)]
    parts = np.split(_bits(payload), np.cumsum(counts))[:-1]
    return [container.unpack(np.packbits(part).tobytes(), (1, length), size)[0]
            for part, length, size in zip(parts, lengths, sizes)]


def _bits(packed: bytes) -> np.ndarray:
    """Bits of bytes, (8 N,) uint8, most significant first."""
    return np.unpackbits(np.frombuffer(packed, np.uint8))


def fit(wave: np.ndarray, num_samples: int, delay: int = 0) -> np.ndarray:
    """Drops ``delay`` samples at the start, then cuts or fills with silence. -> (num_samples,)."""
    wave = wave[delay : delay + num_samples].astype(np.float32)
    return np.pad(wave, (0, num_samples - len(wave)))
