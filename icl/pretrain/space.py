"""The space in which word strings are near or far: the core of the words' embeddings."""

from __future__ import annotations

import numpy as np


class WordSpace:
    """Words as points, and the word nearest to any point.

    A codec writes audio as the words nearest to a path through its latent space. Strings for the
    word games are made the same way, from random paths through the model's own embedding space:
    text only, but with the habits of such strings.

    Args:
        points: (W, core) float array, a point for each word.
        words: (W,) token ids that strings may use.
    """

    def __init__(self, points: np.ndarray, words: np.ndarray) -> None:
        self.words = words
        self.points = points.astype(np.float32)
        self._half_squares = 0.5 * np.square(self.points).sum(axis=1)

    @property
    def core(self) -> int:
        """Directions of the space."""
        return self.points.shape[1]

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """Token id of the word nearest to each point; (N, core) -> (N,)."""
        best = (points.astype(np.float32) @ self.points.T - self._half_squares).argmax(axis=1)
        return self.words[best]

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points of random words, (count, core)."""
        return self.points[rng.integers(len(self.points), size=count)]


def principal_space(table: np.ndarray, words: np.ndarray, core: int) -> WordSpace:
    """The space of a table's ``core`` leading principal directions, each of unit variance.

    Args:
        table: (W, E) float, an embedding for each word.
        words: (W,) token ids.
        core: directions, at most E.
    """
    centred = table.astype(np.float64) - table.mean(axis=0)
    points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:core].T
    return WordSpace(points / np.maximum(points.std(axis=0), 1e-12), words)
