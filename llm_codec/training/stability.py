"""Stability: how many words of a clip stay when the clip is changed in ways that do not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from llm_codec.codec import LLMCodec
from llm_codec.parts import sounding
from llm_codec.training.wave import mix

SHIFT, GAIN, SNR = 0.01, -6.0, 20.0  # seconds; dB; dB


def words_kept(codec: LLMCodec, waves: Sequence[np.ndarray], seed: int) -> dict[str, float]:
    """Share of scale-1 words that are the same at the same place, over all words of all clips.

    Args:
        codec: to ask.
        waves: clips (S,) float32.
        seed: of the noise.

    Returns:
        ``kept_gain`` under -6 dB, ``kept_shift`` after a start 10 ms later, ``kept_noise`` under
        white noise at 20 dB SNR; each 0 to 1.
    """
    found = words_kept_by_clip(codec, waves, coarse_words(codec, waves), seed)
    return {name: int(counts[:, 0].sum()) / int(counts[:, 1].sum())
            for name, counts in found.items()}


def words_kept_by_clip(
    codec: LLMCodec, waves: Sequence[np.ndarray], words: Sequence[np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """How many scale-1 words of each clip are the same at the same place.

    Args:
        codec, waves, seed: as for `words_kept`.
        words: of the clips as they are, what `coarse_words` gives.

    Returns:
        int64 (N, 2) under the names of `words_kept`: words kept of a clip, and words compared.
    """
    rng = np.random.default_rng(seed)
    late = np.zeros(round(SHIFT * codec.config.sample_rate), np.float32)
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "kept_gain": lambda wave: wave * np.float32(10 ** (GAIN / 20)),
        "kept_shift": lambda wave: np.concatenate([late, wave]),
        "kept_noise": lambda wave: mix(
            wave, rng.standard_normal(len(wave)).astype(np.float32), SNR),
    }
    return {name: _same(words, coarse_words(codec, [change(wave) for wave in waves]))
            for name, change in changes.items()}


def coarse_words(codec: LLMCodec, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Codes of scale 1 that stand for sound, (T_1,) int64 for each clip (S,)."""
    return [sounding(codes, 0).numpy() for codes in codec.encode(list(waves), scales=1)]


def word_vectors(codec: LLMCodec, words: np.ndarray) -> np.ndarray:
    """Vectors of scale-1 words. int64 (T_1,) -> float32 (T_1, D)."""
    book = codec.quantizer.codebooks[0]
    return book.vectors(torch.from_numpy(words).to(book.table.device)).cpu().numpy()


def _same(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> np.ndarray:
    pairs = [(a, b, min(len(a), len(b))) for a, b in zip(one, two, strict=True)]
    return np.array([[(a[:n] == b[:n]).sum(), n] for a, b, n in pairs], np.int64)
