"""Worker: one clip through every codec, and what was measured as JSON values."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import soxr
import torch
from transformers.utils import logging

from llm_codec.bench import codecs
from llm_codec.bench.clips import Clip
from llm_codec.bench.codecs.base import fit
from llm_codec.bench.metrics import RATE, Scorer
from llm_codec.bench.metrics.neural import Wanted
from llm_codec.manifest import load_clip

DIGITS = 6  # behind the point, of a metric in a record
WARM_UP = 0.5  # seconds of noise before the first clip, so that no first call is timed

Line = dict[str, Any]


class Worker:
    """Holds the codecs and measures clips with them, on one thread.

    Args:
        specs: names of the codecs, in the order of their rows.
        wanted: measures that need weights of their own.
    """

    def __init__(self, specs: Sequence[str], wanted: Wanted) -> None:
        self.codecs = [codecs.load(spec) for spec in specs]
        self.extra = wanted.load()
        noise = np.random.default_rng(0).normal(0, 0.1, round(WARM_UP * RATE)).astype(np.float32)
        for codec in self.codecs:
            reconstruct(codec, noise)

    def measure(self, clip: Clip) -> Line:
        """Everything about one clip; a clip that cannot be read is reported, not raised.

        Returns:
            ``clip``, ``kind``, ``source`` and either ``error``, or ``sha256`` of its samples and
            ``rows``: one for each codec, with ``metrics``, ``failed``, ``codes`` (how often each
            was used, by scale) and ``cost`` (what differs from run to run), or with ``error``.
        """
        head = {"clip": clip.name, "kind": clip.kind, "source": clip.source}
        try:
            wave = load_clip(clip.path, RATE)
        except (ValueError, OSError) as error:
            return {**head, "error": _reason(error)}
        with one_thread():
            scorer = Scorer(wave, clip.kind, self.extra, clip.transcript)
            rows = [self._row(codec, wave, scorer) for codec in self.codecs]
        digest = hashlib.sha256(wave.tobytes()).hexdigest()[:16]
        return {**head, "seconds": len(wave) / RATE, "sha256": digest, "rows": rows}

    def _row(self, codec: codecs.Codec, wave: np.ndarray, scorer: Scorer) -> Line:
        try:
            decoded, encoded, cost = reconstruct(codec, wave)
        except (ValueError, OSError, RuntimeError) as error:
            return {"codec": codec.spec, "error": _reason(error)}
        values, failed = scorer.score(decoded)
        return {
            "codec": codec.spec, "bits": encoded.bits, "tokens": encoded.tokens,
            "metrics": {name: round(value, DIGITS) for name, value in values.items()},
            "failed": failed,
            "codes": [_counts(scale) for scale in encoded.codes],
            "cost": cost,
        }


def quiet() -> None:
    """Keeps stderr for this program's own lines: transformers reports every model it loads."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def reconstruct(
    codec: codecs.Codec, wave: np.ndarray
) -> tuple[np.ndarray, codecs.Encoded, dict[str, float]]:
    """A clip (S,) at 16 kHz through a codec: decoded (S,), what was sent, seconds of both ways.

    Where the codec has another rate, soxr resamples both ways; that is not timed.
    """
    there = _resample(wave, RATE, codec.sample_rate)
    start = time.perf_counter()
    encoded = codec.encode(there)
    between = time.perf_counter()
    decoded = codec.decode(encoded, len(there))
    end = time.perf_counter()
    back = fit(_resample(decoded, codec.sample_rate, RATE), len(wave))
    cost = {"encode_s": round(between - start, 5), "decode_s": round(end - between, 5)}
    return np.clip(back, -1, 1), encoded, cost


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: sums come out the same on any machine size, and times compare."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _resample(wave: np.ndarray, rate: int, target: int) -> np.ndarray:
    if rate == target:
        return wave
    resampled = soxr.resample(wave, rate, target)
    return resampled if len(resampled) else wave[:1]


def _counts(codes: torch.Tensor) -> dict[str, int]:
    """How often each code is in (T_k,); unused ones are left out."""
    values, counts = np.unique(codes.numpy(), return_counts=True)
    return {str(value): int(count) for value, count in zip(values, counts)}


def _reason(error: Exception) -> str:
    """An error on one line."""
    return " ".join((str(error) or type(error).__name__).split())
