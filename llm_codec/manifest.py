"""Lists of clips with labels, speakers and splits: a ``manifest.csv`` beside audio files or tars."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from llm_codec.audio import AudioError, load

SAMPLE_RATE = 16000


@dataclass(frozen=True)
class Clip:
    """One row of a manifest.

    Args:
        path: file below the manifest's folder; ``SOURCE.tar/MEMBER`` names a member of a tar.
        source: dataset the clip comes from.
        split: such as ``train`` or ``dev``.
        label: what it is an example of; empty where unknown.
        label_kind: what sort of label that is.
        speaker: who speaks; empty where unknown.
        seconds: length.
    """

    path: str
    source: str
    split: str
    label: str
    label_kind: str
    speaker: str
    seconds: float


def read_manifest(root: Path, split: str | None = None) -> list[Clip]:
    """Clips of ``root/manifest.csv`` in file order, of one split or of all.

    Raises:
        FileNotFoundError: there is no manifest.
        ValueError: a column is missing.
    """
    path = root / "manifest.csv"
    if not path.exists():
        raise FileNotFoundError(f"no manifest.csv in {root}")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in Clip.__dataclass_fields__ if rows and name not in rows[0]]
    if names:
        raise ValueError(f"{path} lacks the columns {names}")
    clips = [Clip(**{name: row[name] for name in Clip.__dataclass_fields__} |
                  {"seconds": float(row["seconds"])}) for row in rows]
    return [clip for clip in clips if split is None or clip.split == split]


def read_clips(root: Path, clips: Sequence[Clip]) -> Iterator[np.ndarray]:
    """Audio of every clip in order, mono float32 (S,) at 16 kHz; tars are opened once.

    Raises:
        AudioError: a clip cannot be read.
    """
    archives: dict[Path, tarfile.TarFile] = {}
    try:
        for clip in clips:
            yield _read(root, clip, archives)
    finally:
        for archive in archives.values():
            archive.close()


def _read(root: Path, clip: Clip, archives: dict[Path, tarfile.TarFile]) -> np.ndarray:
    folder, mark, member = clip.path.partition(".tar/")
    if not mark:
        return load(root / clip.path)
    path = root / f"{folder}.tar"
    if path not in archives:
        archives[path] = tarfile.open(path)
    data = archives[path].extractfile(member)
    samples, rate = soundfile.read(io.BytesIO(data.read()), dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise AudioError(f"{clip.path} has {rate} Hz inside a tar; {SAMPLE_RATE} Hz is expected there")
    return samples.mean(axis=1)
