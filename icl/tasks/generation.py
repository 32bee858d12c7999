"""What tasks of generation have in common: questions that are answered with sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from icl.tasks.base import Task

Through = Callable[[np.ndarray], np.ndarray]  # a clip (S,) encoded and decoded by the codec


@dataclass(frozen=True, eq=False)
class Question:
    """Example pairs, and a source whose target is wanted.

    Args:
        name: names the query in a record.
        support: names of the examples; questions with equal ones share their examples.
        sources: of the examples: texts, or clips (S,).
        targets: clips (S,), one for each source.
        query: text or clip (S,).
        gold: label of a right answer; empty where the answer is measured instead.
        choices: labels the answer is among; empty where it is measured.
        clean: clip (S,) that a perfect answer equals; None where there is none.
        groups: kinds of question, to be summarised apart.
        speaker: of the examples; empty if unknown.
        cluster: names what other questions share that an answer hangs on, so that intervals draw
            them together; empty for the name.
    """

    name: str
    support: tuple[str, ...]
    sources: tuple[Any, ...]
    targets: tuple[np.ndarray, ...]
    query: Any
    gold: str = ""
    choices: tuple[str, ...] = ()
    clean: np.ndarray | None = None
    groups: tuple[str, ...] = ()
    speaker: str = ""
    cluster: str = ""


class Grader(ABC):
    """Tells how good a generated clip is.

    Attributes:
        about: who judges and how well, for the record.
    """

    about: dict[str, Any]

    @abstractmethod
    def grade(self, wave: np.ndarray, question: Question) -> dict[str, Any]:
        """Parts of an item: ``predicted``, ``gold`` and ``choices``, or ``metrics``.

        Args:
            wave: the answer, float32 (S,) at 16 kHz.
            question: what was asked.
        """


class GenerationTask(Task, ABC):
    """Questions drawn from a data folder, and a grader of their answers.

    Attributes:
        learner: what a generator calls the task.
    """

    learner: str

    @abstractmethod
    def draw(
        self, root: Path, split: str, ways: int, shots: int, limit: int, seed: int
    ) -> list[Question]:
        """``limit`` questions at most, the same for the same seed.

        Raises:
            DataError: the data is missing or too small.
        """

    @abstractmethod
    def grader(
        self, root: Path, split: str, questions: list[Question], through: Through
    ) -> Grader:
        """A grader of answers to these questions; its own figures are measured here."""


def excerpt(wave: np.ndarray, seconds: float, sample_rate: int = 16000) -> np.ndarray:
    """The loudest stretch of a clip, filled up with zeros where it is shorter: float32 (S,)."""
    size = round(seconds * sample_rate)
    if len(wave) <= size:
        return np.pad(wave, (0, size - len(wave))).astype(np.float32)
    start = loudest(wave, size)
    return np.ascontiguousarray(wave[start : start + size], dtype=np.float32)


def loudest(wave: np.ndarray, size: int) -> int:
    """Where the ``size`` loudest samples in a row of a clip (S,) begin; 0 if it has no more."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    return int((energy[size:] - energy[:-size]).argmax()) if len(wave) > size else 0
