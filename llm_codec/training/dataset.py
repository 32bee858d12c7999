"""Recordings of a data set of `datasets`, from the hub or from a folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from llm_codec.audio import AudioError, prepare

COLUMNS = {  # of a manifest: names that data sets give to it, the first that is there
    "label": ("label", "labels", "class", "category", "command", "keyword", "digit"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "transcript": ("transcript", "transcription", "text", "sentence"),
}


class Recordings:
    """Rows of a data set, and their audio when it is asked for.

    Args:
        name: folder written by ``save_to_disk``, or name on the hub, ``owner/name[:config]``.
        split: name of the rows of a data set without splits.

    Attributes:
        stamp: another one for other contents.

    Raises:
        FileNotFoundError: there is no such data set.
        ImportError: `datasets` is not installed.
        ValueError: it has no column of audio.
    """

    def __init__(self, name: str, split: str) -> None:
        found = _open(name)
        self._parts = found if isinstance(found, dict) else {split: found}
        self.stamp = " ".join(part._fingerprint for part in self._parts.values())
        self._column = _audio_column(name, self._parts)
        self.rows = [row for part in self._parts for row in self._rows_of(name, part)]
        self._undecoded = {part: _undecoded(rows, self._column)
                           for part, rows in self._parts.items()}

    def _rows_of(self, name: str, part: str) -> list[dict[str, str]]:
        from llm_codec.training.corpus import row_of

        table = self._parts[part]
        columns = {ours: _values(table, theirs) for ours, theirs in COLUMNS.items()}
        return [row_of(f"{part}/{number}", name, part,
                       **{key: values[number] for key, values in columns.items() if values})
                for number in range(len(table))]

    def load(self, row: dict[str, str], sample_rate: int) -> np.ndarray:
        """Audio of a row: float32 (S,) in [-1, 1], mono at ``sample_rate`` Hz.

        Raises:
            AudioError: it cannot be decoded.
        """
        part, _, number = row["path"].rpartition("/")
        samples, rate = _decode(self._undecoded[part][int(number)][self._column], row["path"])
        mono = samples if samples.ndim == 1 else samples.mean(axis=1)
        (wave,) = prepare(mono.astype(np.float32), rate, sample_rate)
        return wave.numpy()


def _open(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError(f"{name} is no folder of audio files; to read it as a data set, "
                          "pip install 'llm-codec[train]'") from error
    try:
        if Path(name).is_dir():
            return datasets.load_from_disk(name)
        path, _, config = name.partition(":")
        return datasets.load_dataset(path, config or None)
    except (OSError, ValueError) as error:  # no network, no such data set, no such config
        raise FileNotFoundError(
            f"{name} is no folder with audio in it, and no data set of that name could be had "
            f"({type(error).__name__})") from error


def _audio_column(name: str, parts: dict[str, Any]) -> str:
    """The column called audio, or the first of that type."""
    import datasets

    features = next(iter(parts.values())).features
    found = [key for key, kind in features.items()
             if key == "audio" or isinstance(kind, datasets.Audio)]
    if not found:
        raise ValueError(f"{name} has columns {sorted(features)}; expected one with audio")
    return found[0]


def _undecoded(table: Any, column: str) -> Any:
    """The table with the files' bytes: they are decoded here, as all other audio is."""
    import datasets

    if isinstance(table.features[column], datasets.Audio):
        return table.cast_column(column, datasets.Audio(decode=False))
    return table


def _values(table: Any, names: tuple[str, ...]) -> list[Any] | None:
    """A column under the first of its names; numbers of classes become their names."""
    name = next((name for name in names if name in table.column_names), None)
    if name is None:
        return None
    kind = table.features[name]
    values = table[name][:]
    if not hasattr(kind, "int2str"):
        return values
    return [None if value is None or value < 0 else kind.int2str(value) for value in values]


def _decode(value: dict[str, Any] | str | None, name: str) -> tuple[np.ndarray, int]:
    """Samples (S,) or (S, C) and rate, of bytes, of a path, or of an array in the table."""
    value = value if isinstance(value, dict) else {"path": value}
    if value.get("array") is not None:
        samples = np.asarray(value["array"])
        tall = samples.ndim == 1 or samples.shape[0] >= samples.shape[1]  # else channels first
        return samples if tall else samples.T, int(value["sampling_rate"])
    source = io.BytesIO(value["bytes"]) if value.get("bytes") else value.get("path")
    try:
        return soundfile.read(source, dtype="float32")
    except (soundfile.SoundFileError, TypeError, OSError) as error:
        raise AudioError(f"clip {name} cannot be decoded ({error})") from error
