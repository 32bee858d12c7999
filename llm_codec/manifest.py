"""Lists of clips: a ``manifest.csv`` beside audio files, or beside tars of audio files."""

from __future__ import annotations

import csv
import io
import tarfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from llm_codec import audio

COLUMNS = ("path", "source", "split", "label", "label_kind", "speaker", "seconds")


class ManifestError(ValueError):
    """A manifest or an archive that is missing or cannot be read."""


def read_manifest(root: Path) -> list[dict[str, str]]:
    """Rows of ``root/manifest.csv`` in file order; every one has `COLUMNS`.

    A row's ``path`` is a file below ``root``, or ``SOURCE.tar/MEMBER``.

    Raises:
        ManifestError: it is not there, or lacks a column.
    """
    path = Path(root) / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read ({error})") from error
    if missing := [name for name in COLUMNS if name not in (rows[0] if rows else ())]:
        raise ManifestError(f"{path} has no column {', '.join(missing)}")
    return rows


def load_clip(path: Path, sample_rate: int = 16000) -> np.ndarray:
    """Audio of a manifest's clip: (S,) float32, mono in [-1, 1], at ``sample_rate`` Hz.

    Args:
        path: an audio file, or ``ARCHIVE.tar/MEMBER`` for a member of an uncompressed tar.
        sample_rate: Hz.

    Raises:
        AudioError: the file is missing or is not audio.
        ManifestError: the archive is missing, or has no such member.
    """
    if path.parent.suffix != ".tar":
        return audio.load(path, sample_rate)
    try:
        offset, size = _members(path.parent)[path.name]
        with path.parent.open("rb") as archive:
            archive.seek(offset)
            samples, rate = soundfile.read(io.BytesIO(archive.read(size)), dtype="float32")
    except FileNotFoundError as error:
        raise ManifestError(f"{path.parent} is not there; is the data folder complete?") from error
    except (KeyError, tarfile.TarError, soundfile.LibsndfileError) as error:
        raise ManifestError(f"{path} cannot be read from its archive ({error})") from error
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    (wave,) = audio.prepare(mono, rate, sample_rate)
    return wave.numpy()


@lru_cache(maxsize=8)
def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of every member of an uncompressed tar: listing one takes long, so once."""
    with tarfile.open(path, "r:") as archive:
        return {member.name: (member.offset_data, member.size) for member in archive}
