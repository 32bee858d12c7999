"""Calibration: what labels get without any content, and how sure a model may be.

Contextual calibration is that of Zhao et al. 2021 (arXiv 2102.09690, sec. 4): the probabilities
that labels get after a query without content are divided out. Here such queries are silence,
noise, random words, or no words at all. Temperature scaling is that of Guo et al. 2017
(arXiv 1706.04599, sec. 4.2), fitted on answers about the examples themselves, each left out once,
with one of each other label.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch

from icl.template import SettingError
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes

CONTENT_FREE = ("silence", "noise", "words", "empty")
ENOUGH = 8  # examples that can be left out; with fewer a fitted temperature says little
TEMPERATURES = np.geomspace(0.1, 10.0, 81)
SPREAD = 1.0  # natural log units: how far a temperature is from what is usual (ours)


def content_free(
    kinds: Sequence[str], codec: LLMCodec, examples: Sequence[Codes], seed: int = 0
) -> list[Codes | list[int]]:
    """Queries that say nothing, as long as the examples are in the middle.

    Args:
        kinds: some of `CONTENT_FREE`.
        codec: encodes silence and noise.
        examples: codes of clips.
        seed: of noise and of random words.

    Raises:
        SettingError: there is no such kind, or none was asked for.
    """
    if not kinds or set(kinds) - set(CONTENT_FREE):
        raise SettingError(f"content_free is {list(kinds)}; expected some of {CONTENT_FREE}")
    middle = sorted(examples, key=lambda codes: int(codes.num_samples))[len(examples) // 2]
    samples = int(middle.num_samples)
    rng = torch.Generator().manual_seed(seed)

    def make(kind: str) -> Codes | list[int]:
        if kind == "empty":
            return []
        if kind == "words":
            sizes = zip(middle.scales, middle.codebook_sizes, strict=True)
            drawn = (torch.randint(size, part.shape, generator=rng) for part, size in sizes)
            return dataclasses.replace(middle, scales=tuple(drawn))
        if kind == "silence":
            return codec.encode(torch.zeros(samples))
        return codec.encode(0.05 * torch.randn(samples, generator=rng))

    return [make(kind) for kind in kinds]


def log_prior(scores: np.ndarray) -> np.ndarray:
    """Log of the mean probability (C,) of each label over content-free scores (N, C)."""
    return np.log(softmax(scores).mean(axis=0))


def left_out(labels: Sequence[str]) -> list[list[int]]:
    """Places of examples to leave out together: one of each label at a time, every one once.

    A label's only example is never left out, since nothing would tell of the label then.
    """
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    known = [group for group in places.values() if len(group) > 1]
    rounds = itertools.zip_longest(*known)
    return [[place for place in turn if place is not None] for turn in rounds]


def fit_temperature(probabilities: np.ndarray, gold: Sequence[int], usual: float = 1.0) -> float:
    """The temperature that makes held-out answers most likely.

    Args:
        probabilities: of each label for N answers (N, C).
        gold: index of the right label of each.
        usual: temperature before any answer was seen.

    Returns:
        0.1 to 10, drawn towards ``usual`` by a normal prior on its logarithm.
    """
    rows = np.arange(len(gold))
    losses = [
        -np.log(sharpen(probabilities, temperature)[rows, gold]).sum()
        + 0.5 * (np.log(temperature / usual) / SPREAD) ** 2
        for temperature in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def sharpen(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Rows (N, C) of probabilities with their logarithms divided by ``temperature``."""
    return softmax(np.log(np.maximum(probabilities, 1e-300)) / temperature)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Rows (N, C) of log-likelihoods to probabilities: float64, rows sum to 1."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=1, keepdims=True)
