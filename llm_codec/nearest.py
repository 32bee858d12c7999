"""Nearest class mean: the simplest classifier there is, and features of one size for it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

STEPS = 12  # points in time a clip's words are stretched to, so that clips of any length compare


def stretch(rows: np.ndarray, length: int) -> np.ndarray:
    """Rows (N, D) linearly interpolated to (length, D)."""
    places = np.linspace(0, len(rows) - 1, length)
    columns = [np.interp(places, np.arange(len(rows)), column) for column in rows.T]
    return np.stack(columns, axis=1)


def standardise(features: Mapping[Hashable, np.ndarray]) -> dict[Hashable, np.ndarray]:
    """Features (N, D) of clips, each of the D columns at mean 0 and deviation 1 over all clips.

    It uses clips without their labels, and those asked about too: that can only help a reference.

    Returns:
        Vectors (N * D,) under the same keys.
    """
    rows = np.concatenate([*features.values()])
    mean, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-12)
    return {key: ((value - mean) / spread).ravel() for key, value in features.items()}


class NearestMean:
    """Label of the class whose mean feature is nearest by cosine."""

    def fit(self, features: Sequence[np.ndarray], labels: Sequence[str]) -> NearestMean:
        """Average the features (each (D,)) of every label."""
        self.classes_ = sorted(set(labels))
        rows, names = np.stack(list(features)), np.array(list(labels))
        self._means = _unit(np.stack([rows[names == name].mean(axis=0) for name in self.classes_]))
        return self

    def predict(self, feature: np.ndarray) -> str:
        """Label for one feature (D,)."""
        return self.classes_[int((self._means @ _unit(feature)).argmax())]


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., D) at length 1; zero stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
