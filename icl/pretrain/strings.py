"""Strings of words around a hidden path: alike but seldom equal, as two takes of one sound are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from icl.pretrain.space import WordSpace


@dataclass(frozen=True)
class Noise:
    """How far two strings of one class may differ.

    Args:
        spread: standard deviation of the offset of each word, in units of the space.
        shared: standard deviation of the offset that a whole string shares (another voice).
        stretch: largest relative change of speed.
        shift: largest part of the string by which it may start early or late.
        jitter: largest relative change of the number of words.
        drop: share of words left out.
        distract: share of words with a word of no class put before them.
    """

    spread: float = 0.0
    shared: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    jitter: float = 0.0
    drop: float = 0.0
    distract: float = 0.0

    def scaled(self, factor: float) -> Noise:
        """The same noise, every part times ``factor``."""
        return Noise(*(factor * part for part in astuple(self)))


class StringMaker:
    """Draws classes of strings (paths) and noisy strings of a class.

    Args:
        space: where paths run.
        rng: source of every choice.
    """

    def __init__(self, space: WordSpace, rng: np.random.Generator) -> None:
        self.space = space
        self.rng = rng

    def path(self, length: int) -> np.ndarray:
        """A path of ``length`` words, (N, core), at a pace of its own.

        Some change with every word, as speech does, others hold a point for up to twenty, as the
        sound of rain or a bell does.
        """
        longest = round(float(np.exp(self.rng.uniform(0, np.log(20)))))
        holds = self.rng.integers(1, longest + 1, size=length)
        holds = holds[: int(np.searchsorted(np.cumsum(holds), length)) + 1]
        points = self.space.sample(len(holds), self.rng)
        return np.repeat(points, holds, axis=0)[:length]

    def layered_points(self, paths: Sequence[np.ndarray], noise: Noise) -> np.ndarray:
        """Noisy points along each path in turn; later ones differ more from take to take.

        So codecs of several scales write a sound: first in few words, then ever finer.
        """
        takes = [self.string_points(path, noise.scaled(n)) for n, path in enumerate(paths, 1)]
        return np.concatenate(takes)

    def string_points(self, path: np.ndarray, noise: Noise) -> np.ndarray:
        """Noisy points along a path: another speed, start, voice and jitter, (N', core), N' > 0."""
        rng, length = self.rng, len(path)
        words = max(1, round(length * (1 + noise.jitter * rng.uniform(-1, 1))))
        speed = 1 + noise.stretch * rng.uniform(-1, 1)
        start = noise.shift * rng.uniform(-1, 1) * length
        centre = np.linspace(0, 1, words) if words > 1 else np.zeros(1)
        where = start + centre * (length - 1) * speed
        lower = np.clip(np.floor(where), 0, length - 1).astype(int)
        upper = np.minimum(lower + 1, length - 1)
        part = np.clip(where - lower, 0, 1)[:, None]
        points = (1 - part) * path[lower] + part * path[upper]
        points = points + noise.shared * rng.standard_normal((1, path.shape[1]))
        points = points + noise.spread * rng.standard_normal(points.shape)
        return self._disturbed(points, noise)

    def _disturbed(self, points: np.ndarray, noise: Noise) -> np.ndarray:
        """Points with some left out, at least one kept, and strange ones put before others."""
        kept = self.rng.random(len(points)) >= noise.drop
        kept[self.rng.integers(len(points))] = True
        points = points[kept]
        places = np.flatnonzero(self.rng.random(len(points)) < noise.distract)
        return np.insert(points, places, self.space.sample(len(places), self.rng), axis=0)
