"""Questions of generation tasks: make a sound, and have it graded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from icl.evaluation.models import Models, digest, settings_of
from icl.evaluation.row import Row
from icl.tasks.generation import GenerationTask, Question
from llm_codec.audio import AudioError


class Generation:
    """Answers the questions of one row.

    Args:
        row: what to run; ``limit`` counts the questions of a seed.
        task: the row's task.
        models: codec and language model.
        root: data folder.

    Attributes:
        questions: (seed, question), in order.
    """

    def __init__(self, row: Row, task: GenerationTask, models: Models, root: Path) -> None:
        self.questions = [
            (seed, question)
            for seed in range(row.seeds)
            for question in task.draw(root, row.split, row.ways, row.shots, row.limit, seed)
        ]
        self.models = models
        self._learner = models.generator(task.learner, row)
        asked = [question for _, question in self.questions]
        self._grader = task.grader(root, row.split, asked, models.through_codec)
        self._shown: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """What answers follow from, beside row and models: settings, draws and who judges."""
        drawn = [[seed, q.name, *q.support] for seed, q in self.questions]
        return {
            "settings": settings_of(self._learner, self.models.names),
            "drawn": digest(drawn),
            "grader": self._grader.about,
        }

    def prepare(self, progress: bool = False) -> None:
        """Nothing is shared: examples differ, and are encoded with their question."""

    def answer(self, question: tuple[int, Question]) -> dict[str, Any]:
        """One item of the record."""
        seed, asked = question
        about = {
            "seed": seed,
            "query": asked.name,
            "support": [*asked.support],
            "groups": [*asked.groups],
            "cluster": asked.cluster or asked.name,
        }
        try:
            with self.models.metered() as spent:
                wave = self._make(asked, seed)
        except AudioError as error:  # of one of its clips
            return {**about, "left_out": str(error)}
        return {**about, "samples": len(wave), **self._grader.grade(wave, asked), **spent}

    def _make(self, asked: Question, seed: int) -> np.ndarray:
        if self._shown != asked.support:
            self._shown = ()
            self._learner.fit([*asked.sources], [*asked.targets])
            self._shown = asked.support
        return samples(self._learner.generate(asked.query, seed=seed))


def samples(wave: Any) -> np.ndarray:
    """A generated clip, tensor or array of any leading dimensions of size 1: float32 (S,)."""
    array = wave.detach().cpu().numpy() if hasattr(wave, "detach") else np.asarray(wave)
    return array.astype(np.float32).reshape(-1)
