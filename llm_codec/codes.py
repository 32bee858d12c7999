"""Codes: what a clip becomes, and the file it is kept in."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_codec import atomic, container
from llm_codec.container import MAGIC, ContainerError

__all__ = ["MAGIC", "SUFFIX", "Codes", "CodesError"]

SUFFIX = ".lcc"
_FINGERPRINTS = ("codec", "vocabulary")
_PER_CLIP = ("scales", "num_samples", "gain")  # all other fields belong to the codec


class CodesError(ValueError):
    """Codes or a code file cannot be used; the message says what was seen and expected."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Indices into the codebooks of every scale, coarse to fine, for a batch of clips.

    Args:
        scales: K int64 tensors (B, T_k), values in [0, V_k).
        num_samples: int64 (B,), true samples of each clip at ``sample_rate``: what decoding gives
            back. The codes reach further, to a whole block.
        gain: float32 (B,), factor the decoded wave is multiplied by to restore its level.
        codebook_sizes: V_k of each scale.
        codec: fingerprint of the codec that made them; empty if not known, as when they were
            parsed from an LLM's output.
        vocabulary: fingerprint of the vocabulary that spells them; empty if there is none.
        vq_strides: full-rate frames per code of each scale.
        hop_length: samples per full-rate frame.
        sample_rate: Hz.

    Raises:
        CodesError: shapes, types or values do not fit one another.
    """

    scales: tuple[Tensor, ...]
    num_samples: Tensor
    gain: Tensor
    codebook_sizes: tuple[int, ...]
    codec: str = ""
    vocabulary: str = ""
    vq_strides: tuple[int, ...] = (4, 2, 1)
    hop_length: int = 480
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        for name in ("scales", "codebook_sizes", "vq_strides"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        counts = {len(self.scales), len(self.codebook_sizes), len(self.vq_strides)}
        if len(counts) > 1 or not self.scales:
            raise CodesError(
                f"codes have {len(self.scales)} scales, {len(self.codebook_sizes)} codebook sizes "
                f"and {len(self.vq_strides)} strides; expected one of each per scale"
            )
        for number, (codes, size) in enumerate(zip(self.scales, self.codebook_sizes), start=1):
            _check_scale(number, codes, size, batch=len(self.num_samples))
        _check_lengths(self)

    def __len__(self) -> int:
        """B, the number of clips."""
        return len(self.num_samples)

    def __getitem__(self, index: int) -> Codes:
        """Clip ``index`` as a batch of one; negative indices count from the end."""
        if not -len(self) <= index < len(self):  # also what ends a for loop over Codes
            raise IndexError(f"clip {index} of a batch of {len(self)}")
        one = slice(index % len(self), index % len(self) + 1)
        scales = tuple(codes[one] for codes in self.scales)
        return Codes(scales, self.num_samples[one], self.gain[one], **_shared(self))

    def __eq__(self, other: object) -> bool:
        """Same words in the same scales. Length, level and origin are beside the words."""
        if not isinstance(other, Codes):
            return NotImplemented
        return (
            self.codebook_sizes == other.codebook_sizes
            and self.vq_strides == other.vq_strides
            and all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(self.scales, other.scales))
        )

    __hash__ = None  # type: ignore[assignment]  # tensors inside: equal values, many objects

    @classmethod
    def stack(cls, items: Sequence[Codes]) -> Codes:
        """One batch of several; their T_k and their codec must agree, for padding is not a word.

        Raises:
            CodesError: nothing to stack, or clips of different codecs or lengths.
        """
        if not items:
            raise CodesError("no codes to stack; expected at least one clip")
        first = items[0]
        for item in items:
            if _shared(item) != _shared(first):
                raise CodesError("codes of different codecs cannot be stacked; encode with one")
            if _frames(item) != _frames(first):
                raise CodesError(
                    f"codes of different lengths cannot be stacked ({_frames(first)} and "
                    f"{_frames(item)} codes per scale); keep them in a list"
                )
        scales = tuple(torch.cat(parts) for parts in zip(*(item.scales for item in items)))
        num_samples = torch.cat([item.num_samples for item in items])
        return cls(scales, num_samples, torch.cat([item.gain for item in items]), **_shared(first))

    def save(self, path: str | PathLike) -> None:
        """Writes an ``.lcc`` file: header, then every code in ceil(log2 V_k) bits, then a checksum.

        Args:
            path: where; written whole or not at all.

        Raises:
            CodesError: there are too many clips for one file, or a fingerprint is none.
            OSError: the file cannot be written.
        """
        header = {name: _shorten(getattr(self, name)) for name in _FINGERPRINTS}
        header = header | _shared(self) | header  # in the order that the container knows
        header["frames"] = self.scales[0].shape[1] * self.vq_strides[0]
        header |= {"num_samples": self.num_samples.tolist(), "gain": _shortest(self.gain)}
        packed = [container.pack(*pair) for pair in zip(self.scales, self.codebook_sizes)]
        try:
            content = container.write(header, b"".join(packed))
        except ContainerError as error:
            raise CodesError(f"{path}: {error}") from None
        atomic.write_bytes(path, content)

    @classmethod
    def load(cls, path: str | PathLike) -> Codes:
        """Reads an ``.lcc`` file.

        Raises:
            CodesError: the file is missing, foreign, damaged, cut short, or from a newer version.
        """
        try:
            content = Path(path).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise CodesError(f"{path} is not a file; expected an .lcc file") from None
        try:
            return cls._parse(*container.read(content))
        except ContainerError as error:
            raise CodesError(f"{path} {error}") from None
        except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise CodesError(f"{path} is not a valid .lcc file ({reason}); encode again") from error

    @classmethod
    def _parse(cls, header: dict[str, Any], packed: bytes) -> Codes:
        """Codes of a header and of the packed bits behind it."""
        if not isinstance(header, dict):  # a number or a list is JSON too
            raise CodesError("its header is no object")
        num_samples = torch.tensor(header.pop("num_samples"), dtype=torch.int64)
        gain = torch.tensor(header.pop("gain"), dtype=torch.float32)
        sizes, frames = header["codebook_sizes"], header.pop("frames")
        if not isinstance(frames, list):  # version 1 had the codes of each scale
            frames = [frames // stride for stride in header["vq_strides"]]
        header |= {name: _lengthen(header[name]) for name in _FINGERPRINTS}
        for values in (sizes, frames, header["vq_strides"]):
            if not isinstance(values, list) or any(type(v) is not int or v < 1 for v in values):
                raise CodesError(f"{values} where numbers from 1 up are expected")
        shapes = [(len(num_samples), count) for count in frames]
        pairs = list(zip(shapes, sizes, strict=True))
        lengths = [container.packed_bytes(rows * count, size) for (rows, count), size in pairs]
        if sum(lengths) != len(packed):  # before anything of that length is made
            raise CodesError(f"{len(packed)} bytes of codes where the header says {sum(lengths)}")
        parts = [packed[end - length : end] for end, length in zip(np.cumsum(lengths), lengths)]
        scales = [container.unpack(part, *pair) for part, pair in zip(parts, pairs)]
        return cls(tuple(scales), num_samples, gain, **header)


def _check_scale(number: int, codes: Tensor, size: int, batch: int) -> None:
    """Rejects codes of one scale that are not int64 (B, T_k) in [0, V_k)."""
    if codes.dtype != torch.int64 or codes.ndim != 2 or len(codes) != batch or not codes.numel():
        raise CodesError(
            f"scale {number} is {codes.dtype} of shape {tuple(codes.shape)}; expected int64 of "
            f"shape ({batch}, T) with T >= 1"
        )
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= size:
        raise CodesError(
            f"scale {number} holds codes from {low} to {high}; its codebook has 0 to {size - 1}"
        )


def _check_lengths(codes: Codes) -> None:
    """Rejects scales that do not span the same time, and clips longer than their codes."""
    for name in ("hop_length", "sample_rate"):
        if type(getattr(codes, name)) is not int or getattr(codes, name) < 1:
            raise CodesError(f"{name} is {getattr(codes, name)!r}; expected a number from 1 up")
    for name in _FINGERPRINTS:
        if not isinstance(getattr(codes, name), str):
            raise CodesError(f"{name} is {getattr(codes, name)!r}; expected a fingerprint")
    spans = {part.shape[1] * stride for part, stride in zip(codes.scales, codes.vq_strides)}
    if len(spans) > 1:
        raise CodesError(f"scales of {_frames(codes)} codes do not fit strides {codes.vq_strides}")
    if codes.num_samples.shape != codes.gain.shape or codes.gain.ndim != 1:
        raise CodesError("num_samples and gain must both have shape (B,)")
    limit = spans.pop() * codes.hop_length
    if int(codes.num_samples.min()) < 1 or int(codes.num_samples.max()) > limit:
        raise CodesError(
            f"num_samples is {codes.num_samples.tolist()}; these codes hold 1 to {limit} samples"
        )
    if not bool((torch.isfinite(codes.gain) & (codes.gain >= 0)).all()):
        raise CodesError(f"gain is {codes.gain.tolist()}; expected finite numbers from 0 up")


def _shared(codes: Codes) -> dict[str, Any]:
    """Fields that belong to the codec, not to one clip."""
    names = [field.name for field in fields(Codes) if field.name not in _PER_CLIP]
    return {name: getattr(codes, name) for name in names}


def _frames(codes: Codes) -> list[int]:
    """T_k of each scale."""
    return [part.shape[1] for part in codes.scales]


def _shortest(gain: Tensor) -> list[float]:
    """Numbers with no more digits than a float32 needs to come back."""
    return [float(str(value)) for value in gain.cpu().numpy()]


def _shorten(fingerprint: str) -> str:
    """16 hexadecimal digits as the 11 of base 64: a file of ten seconds is 1 % smaller."""
    if fingerprint and not re.fullmatch("[0-9a-f]{16}", fingerprint):
        raise CodesError(f"{fingerprint!r} is no fingerprint; expected 16 hexadecimal digits")
    return base64.urlsafe_b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _lengthen(text: str) -> str:
    """Inverse of `_shorten`; what versions 1 and 2 of the file had is taken as it is."""
    if len(text) in (0, 16):
        return text
    if len(text) != 11:
        raise CodesError(f"{text!r} is no fingerprint")
    return base64.urlsafe_b64decode(text + "=").hex()
