"""ESC-50: environmental sounds of fifty classes (Piczak 2015, CC BY-NC 3.0)."""

from __future__ import annotations

import csv
from pathlib import Path

from icl.tasks.base import ClassificationTask, Clip, DataError, clips_of

TEST_FOLD = 5  # folds are the data set's own; the last is asked about, as the first four train
COLUMNS = {"filename", "fold", "category"}


class Esc50(ClassificationTask):
    """The public repository: ``meta/esc50.csv`` and ``audio/``. Fold 5 is split ``test``."""

    name = "esc50"
    version = 2  # 1 did not say which recording a clip is cut from
    description = ("environmental sounds, the public repository; fold 5 is split test, others "
                   "train; as speaker counts the recording that a clip is cut from")
    licence = "CC BY-NC 3.0"

    def load(self, root: Path, split: str = "test") -> list[Clip]:
        """Clips of ``split`` under ``root``, sorted by path."""
        table = root / "meta" / "esc50.csv"
        try:
            with table.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{table} cannot be read; is {root} a copy of ESC-50?") from error
        if not rows or not COLUMNS <= set(rows[0]):
            raise DataError(f"{table} lacks one of the columns {sorted(COLUMNS)}")
        splits: dict[str, list[Clip]] = {}
        for row in rows:
            name = "test" if row["fold"] == str(TEST_FOLD) else "train"
            label = row["category"].replace("_", " ")
            path, recording = root / "audio" / row["filename"], row.get("src_file") or ""
            splits.setdefault(name, []).append(Clip(path, label, speaker=recording))
        return clips_of(splits, split, self.name, root)


TASK = Esc50()
