"""The space in which word strings are near or far: principal directions of word embeddings."""

from __future__ import annotations

import numpy as np


class WordSpace:
    """Words as points, and the word nearest to any point.

    A codec writes audio as the words nearest to a path through its latent space. Strings for the
    word games are made the same way, from random paths through the model's own embedding space:
    text only, but with the habits of such strings.

    Args:
        embeddings: (V, E) float array, the model's input embeddings.
        words: token ids that strings may use.
        core: principal directions that span the space.
    """

    def __init__(self, embeddings: np.ndarray, words: np.ndarray, core: int) -> None:
        values = embeddings[words].astype(np.float64)
        values -= values.mean(axis=0)
        _, _, directions = np.linalg.svd(values, full_matrices=False)
        points = values @ directions[:core].T
        self.words = words
        self.points = (points / points.std(axis=0)).astype(np.float32)  # (W, core)
        self._half_squares = 0.5 * (self.points**2).sum(axis=1)

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
