"""Free Spoken Digit Dataset: English digits zero to nine (Jackson et al., CC BY-SA 4.0)."""

from __future__ import annotations

from pathlib import Path

from icl.spoken import WORDS
from icl.tasks.base import ClassificationTask, Clip, DataError, clips_of
from icl.tasks.manifest import by_split

DIGITS = tuple(map(str, range(10)))  # how the data set itself labels them
TEST_TAKES = 5  # the data set's own rule: takes 0..4 of every speaker and digit are its test set


class SpokenDigits(ClassificationTask):
    """Digits as words.

    Two forms of the data are read: a folder with a ``manifest.csv`` (rows of source ``fsdd``,
    splits as the manifest names them), and the public repository's ``recordings`` folder of
    ``{digit}_{speaker}_{take}.wav``, where takes 0 to 4 are split ``test`` and the rest ``train``.
    """

    name = "fsdd"
    version = 1
    description = "spoken English digits, labels zero to nine; speakers of dev are not in train"
    licence = "CC BY-SA 4.0"

    def load(self, root: Path, split: str = "dev") -> list[Clip]:
        """Clips of ``split`` under ``root``, sorted by path."""
        if (root / "manifest.csv").is_file():
            clips = _from_manifest(root)
        else:
            clips = _from_recordings(root)
        if not clips:
            raise DataError(
                f"{root} holds no spoken digits; expected a manifest.csv with rows of source "
                "'fsdd', or a 'recordings' folder of files such as 7_jackson_0.wav"
            )
        return clips_of(clips, split, self.name, root)


def _from_manifest(root: Path) -> dict[str, list[Clip]]:
    return by_split(
        root,
        keep=lambda row: row["source"] == "fsdd",
        label=lambda row: WORDS[DIGITS.index(row["label"])],
    )


def _from_recordings(root: Path) -> dict[str, list[Clip]]:
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    clips: dict[str, list[Clip]] = {}
    for path in folder.glob("[0-9]_*_*.wav"):
        digit, speaker, take = path.stem.split("_", 2)
        if take.isdigit():
            split = "test" if int(take) < TEST_TAKES else "train"
            clips.setdefault(split, []).append(Clip(path, WORDS[int(digit)], speaker))
    return clips


TASK = SpokenDigits()
