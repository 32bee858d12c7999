"""A judge of generated sound: a classifier of real clips, with its own accuracy beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from icl.baseline import mfcc
from icl.evaluation.score import Score

SAMPLE_RATE = 16000  # Hz of all clips
SHORTEST = 400  # samples; below, there is no frame to look at


class Judge:
    """Names a clip by a support vector machine on its MFCCs (`icl.baseline.mfcc`).

    It never sees the language model or the codec: trained on real clips, it is as good a judge of
    generated ones as they are like real ones.
    """

    def fit(self, waves: Sequence[np.ndarray], labels: Sequence[str]) -> Judge:
        """Train on real clips.

        Args:
            waves: float (S,) at 16 kHz, two labels or more.
            labels: one for each clip.

        Raises:
            ImportError: scikit-learn is not installed; the message says how to get it.
        """
        try:
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
            from sklearn.svm import SVC
        except ImportError as error:
            raise ImportError(
                "judging generated sound needs scikit-learn: pip install 'llm-codec[bench]'"
            ) from error
        model = make_pipeline(StandardScaler(), SVC(C=10.0))
        self._model = model.fit([_features(wave) for wave in waves], list(labels))
        return self

    def predict(self, waves: Sequence[np.ndarray]) -> list[str]:
        """Label of each clip (S,)."""
        return [str(label) for label in self._model.predict([_features(wave) for wave in waves])]

    def accuracy(
        self,
        waves: Sequence[np.ndarray],
        labels: Sequence[str],
        through: Callable[[np.ndarray], np.ndarray] = lambda wave: wave,
    ) -> dict[str, Any]:
        """Score on other real clips, each passed ``through`` something first."""
        named = self.predict([through(wave) for wave in waves])
        right = [name == label for name, label in zip(named, labels, strict=True)]
        return Score.of(right, range(len(right))).to_dict()


def _features(wave: np.ndarray) -> np.ndarray:
    wave = np.asarray(wave, dtype=np.float64)
    return mfcc(np.pad(wave, (0, max(0, SHORTEST - len(wave)))), SAMPLE_RATE).ravel()
