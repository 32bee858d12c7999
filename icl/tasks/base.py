"""What a task is: labelled clips in a folder, with a name and a version."""

from __future__ import annotations

import csv
import io
import os
import tarfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from llm_codec import audio

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
    """

    path: Path
    label: str
    speaker: str = ""
    seconds: float = 0.0

    def load(self, sample_rate: int = 16000) -> np.ndarray:
        """Samples: float32 (S,), mono in [-1, 1], at ``sample_rate`` Hz.

        Raises:
            AudioError, OSError: the file is missing or is not audio.
        """
        if self.path.parent.suffix == ".tar":
            return _load_member(self.path, sample_rate)
        return audio.load(self.path, sample_rate)


class Task(ABC):
    """A data set read as labelled clips.

    Attributes:
        name: how users ask for it.
        version: raised whenever the clips, labels or splits change.
        description: one line.
    """

    name: str
    version: int
    description: str

    @abstractmethod
    def load(self, root: Path, split: str = "dev") -> list[Clip]:
        """Clips of one split, in a fixed order.

        Raises:
            DataError: ``root`` does not hold this task or this split.
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


def read_manifest(root: Path) -> list[dict[str, str]]:
    """Rows of ``root/manifest.csv``.

    Raises:
        DataError: a column this package reads is missing.
    """
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = {"path", "source", "split", "label", "speaker", "seconds"}
    if missing := expected.difference(rows[0] if rows else ()):
        raise DataError(f"{root / 'manifest.csv'} has no column {', '.join(sorted(missing))}")
    return rows


def _load_member(path: Path, sample_rate: int) -> np.ndarray:
    import soundfile

    try:
        offset, size = _members(path.parent)[path.name]
        with path.parent.open("rb") as archive:
            archive.seek(offset)
            samples, rate = soundfile.read(io.BytesIO(archive.read(size)), dtype="float32")
    except FileNotFoundError as error:
        raise DataError(f"{path.parent} is not there; is the data folder complete?") from error
    except (KeyError, tarfile.TarError, soundfile.LibsndfileError) as error:
        raise DataError(f"{path} cannot be read from its archive ({error})") from error
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    (wave,) = audio.prepare(mono, rate, sample_rate)
    return wave.numpy()


@lru_cache(maxsize=8)
def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of every member of an uncompressed tar: listing one takes long, so once."""
    with tarfile.open(path, "r:") as archive:
        return {member.name: (member.offset_data, member.size) for member in archive}
