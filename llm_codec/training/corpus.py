"""Where training audio comes from: a manifest, a plain folder, or a data set of `datasets`."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_codec import audio
from llm_codec.manifest import load_clip, read_manifest

Row = dict[str, str]
HELD_OUT = 10  # one clip in so many, where the data does not say what to evaluate on
VALIDATION = ("validation", "valid", "val")  # other names of the split to evaluate on


@dataclass(frozen=True)
class Corpus:
    """Clips by row; nothing is decoded before `load` is called.

    Args:
        name: for messages.
        rows: of every split, with the columns of a manifest (see `llm_codec.manifest`).
        load: (row, sample rate in Hz) -> float32 (S,) in [-1, 1].
        stamp: tells this data from other data of the same name and rows.
    """

    name: str
    rows: Sequence[Row]
    load: Callable[[Row, int], np.ndarray]
    stamp: str = ""

    def part(self, split: str) -> list[Row]:
        """Rows of a split.

        Raises:
            ValueError: there are none.
        """
        if rows := [row for row in self.rows if row["split"] == split]:
            return rows
        known = ", ".join(sorted({row["split"] for row in self.rows}))
        raise ValueError(f"{self.name} has no clips of the split {split!r}; there are {known}, "
                         "which the recipe's split and evaluate_split may name")


def open_corpus(name: str, split: str, evaluate_split: str) -> Corpus:
    """Finds what is called ``name``.

    Args:
        name: a folder with ``manifest.csv``; a folder of audio files, where the folder that a file
            lies in is its label; a folder written by `datasets`' ``save_to_disk``; else the name
            of a data set on the Hugging Face hub, ``owner/name`` or ``owner/name:config``.
        split, evaluate_split: for data that has no splits of its own, the names of the two parts
            it is cut into. A folder whose first level is called ``split`` has its own. A split
            called validation stands for ``evaluate_split`` where there is none of that name.

    Raises:
        FileNotFoundError: nothing of that name, or no audio in it.
        ImportError: `datasets` is needed and not installed.
        ValueError: the manifest or the data set cannot be used; says why.
    """
    root, stamp = Path(name), ""

    def load(row: Row, sample_rate: int) -> np.ndarray:
        return load_clip(root / row["path"], sample_rate)

    if (root / "manifest.csv").is_file():
        return Corpus(name, read_manifest(root), load)
    if root.is_dir() and not saved_by_datasets(root):
        rows = _folder_rows(root, split)
    else:
        from llm_codec.training.dataset import Recordings

        recordings = Recordings(name, split)
        rows, load, stamp = recordings.rows, recordings.load, recordings.stamp
    splits = {row["split"] for row in rows}
    if splits == {split}:
        rows = _cut(rows, evaluate_split)
    elif evaluate_split not in splits:
        rows = [row | {"split": evaluate_split} if row["split"] in VALIDATION else row
                for row in rows]
    return Corpus(name, rows, load, stamp)


def row_of(path: str, source: str, split: str, **columns: Any) -> Row:
    """A row with every column of a manifest; what is not known is empty.

    A label without a kind counts as the class of a sound: clips of one label sound alike.
    """
    known = dict.fromkeys(("label", "speaker", "transcript", "group", "seconds"), "")
    known |= {name: str(value) for name, value in columns.items() if value is not None}
    kind = "sound_class" if known["label"] else ""
    return {"label_kind": kind, **known, "path": path, "source": source, "split": split}


def saved_by_datasets(root: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return any((root / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _folder_rows(root: Path, split: str) -> list[Row]:
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in audio.SUFFIXES)
    if not files:
        raise FileNotFoundError(f"{root} holds neither a manifest.csv nor audio files "
                                f"({', '.join(audio.SUFFIXES)})")
    return [_file_row(path.relative_to(root), root.name, split, (root / split).is_dir())
            for path in files]


def _file_row(path: Path, source: str, split: str, has_splits: bool) -> Row:
    first, inner = path.parts[0], len(path.parts) > 1
    own = has_splits and inner
    label = path.parent.name if len(path.parts) > (2 if own else 1) else ""
    return row_of(path.as_posix(), source, first if own else split, label=label)


def _cut(rows: list[Row], evaluate_split: str) -> list[Row]:
    """Moves one row in ten, and at least one of several, to the other split, by its name."""
    order = sorted(range(len(rows)), key=lambda number: zlib.crc32(rows[number]["path"].encode()))
    moved = set(order[: max(1, len(rows) // HELD_OUT)]) if len(rows) > 1 else set()
    return [row | {"split": evaluate_split} if number in moved else row
            for number, row in enumerate(rows)]
