"""What a task is: a name, a version, and labelled clips to draw questions from."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_codec.manifest import load_clip

DATA_VARIABLE = "LLM_CODEC_DATA"  # environment variable that names the data folder
NEIGHBOUR = Path("../shared/audio")  # tried last, from the working directory


class DataError(ValueError):
    """Data that is not there, or not in a form a task can read."""


@dataclass(frozen=True)
class Clip:
    """One labelled recording.

    Args:
        path: an audio file, or ``ARCHIVE.tar/MEMBER`` for a member of an uncompressed tar.
        label: what is heard, as a word or a few.
        speaker: who speaks; empty if unknown.
        seconds: duration; 0 if unknown.
        exactly: seconds that it is cut to, from its start, or filled up to with zeros; 0 leaves it.
    """

    path: Path
    label: str
    speaker: str = ""
    seconds: float = 0.0
    exactly: float = 0.0

    def load(self, sample_rate: int = 16000) -> np.ndarray:
        """Samples: float32 (S,), mono in [-1, 1], at ``sample_rate`` Hz.

        Raises:
            AudioError, ManifestError: the file or its archive is missing, or is not audio.
        """
        wave = load_clip(self.path, sample_rate)
        if not self.exactly:
            return wave
        size = round(self.exactly * sample_rate)
        return np.pad(wave[:size], (0, max(0, size - len(wave))))


class Task:
    """Something to ask of a learner that has seen a few examples.

    Attributes:
        name: how users ask for it.
        version: raised whenever the clips, labels, splits or questions change.
        description: one line: what is asked, and which splits there are.
        licence: of the recordings.
        ways, shots: labels in an episode and examples of each, unless told otherwise.
    """

    name: str
    version: int
    description: str
    licence: str
    ways: int = 2
    shots: int = 1


class ClassificationTask(Task, ABC):
    """A data set read as labelled clips."""

    @abstractmethod
    def load(self, root: Path, split: str = "dev") -> list[Clip]:
        """Clips of one split, in a fixed order.

        Raises:
            DataError: ``root`` does not hold this task or this split.
            ManifestError: its manifest cannot be read.
        """


def data_root(given: str | Path | None = None) -> Path:
    """The data folder: ``given``, else ``$LLM_CODEC_DATA``, else ``../shared/audio``.

    Raises:
        DataError: there is none; the message says how to name one.
    """
    named = given or os.environ.get(DATA_VARIABLE)
    root = Path(named) if named else NEIGHBOUR
    if root.is_dir():
        return root
    seen = f"{root} is not a folder" if named else "no data folder is known"
    raise DataError(f"{seen}; name one with --data DIR or the environment variable {DATA_VARIABLE}")


def clips_of(splits: Mapping[str, list[Clip]], split: str, task: str, root: Path) -> list[Clip]:
    """Clips of one split, sorted by path.

    Raises:
        DataError: there is no such split; the message lists those there are.
    """
    if split not in splits:
        raise DataError(f"{root} has no split {split!r} of {task}; it has {sorted(splits)}")
    return sorted(splits[split], key=lambda clip: clip.path)
