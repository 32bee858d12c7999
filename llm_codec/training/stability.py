"""Stability: how many words of a clip stay when the clip is changed in ways that do not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from llm_codec.codec import LLMCodec
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
    rng = np.random.default_rng(seed)
    late = np.zeros(round(SHIFT * codec.config.sample_rate), np.float32)
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "kept_gain": lambda wave: wave * np.float32(10 ** (GAIN / 20)),
        "kept_shift": lambda wave: np.concatenate([late, wave]),
        "kept_noise": lambda wave: mix(
            wave, rng.standard_normal(len(wave)).astype(np.float32), SNR),
    }
    before = coarse_words(codec, waves)
    return {name: _same(before, coarse_words(codec, [change(wave) for wave in waves]))
            for name, change in changes.items()}


def coarse_words(codec: LLMCodec, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Codes of scale 1 that stand for sound, (T_1,) int64 for each clip (S,)."""
    step = codec.config.hop_length * codec.config.vq_strides[0]
    return [codes.scales[0][0, : -(-len(wave) // step)].numpy()
            for wave, codes in zip(waves, codec.encode(list(waves), scales=1), strict=True)]


def _same(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> float:
    lengths = [min(len(a), len(b)) for a, b in zip(one, two, strict=True)]
    same = sum(int((a[:n] == b[:n]).sum()) for a, b, n in zip(one, two, lengths, strict=True))
    return same / sum(lengths)
