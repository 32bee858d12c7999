"""Free Spoken Digit Dataset: English digits zero to nine (Jackson et al., CC BY-SA 4.0)."""

from __future__ import annotations

from pathlib import Path

from icl.tasks.base import Clip, DataError, Task
from llm_codec.manifest import read_manifest

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = tuple(map(str, range(10)))  # how the data set itself labels them
TEST_TAKES = 5  # the data set's own rule: takes 0..4 of every speaker and digit are its test set


class SpokenDigits(Task):
    """Digits as words.

    Two forms of the data are read: a folder with a ``manifest.csv`` (rows of source ``fsdd``,
    splits as the manifest names them), and the public repository's ``recordings`` folder of
    ``{digit}_{speaker}_{take}.wav``, where takes 0 to 4 are split ``test`` and the rest ``train``.
    """

    name = "fsdd"
    version = 1
    description = "spoken English digits, labels zero to nine"

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
        if split not in clips:
            raise DataError(f"{root} has no split {split!r} of fsdd; it has {sorted(clips)}")
        return sorted(clips[split], key=lambda clip: clip.path)


def _from_manifest(root: Path) -> dict[str, list[Clip]]:
    clips: dict[str, list[Clip]] = {}
    for row in read_manifest(root):
        if row["source"] == "fsdd":
            clips.setdefault(row["split"], []).append(_clip(root, row))
    return clips


def _clip(root: Path, row: dict[str, str]) -> Clip:
    try:
        digit, seconds = DIGITS.index(row["label"]), float(row["seconds"])
    except ValueError as error:
        raise DataError(
            f"{root}/manifest.csv: {row['path']} has label {row['label']!r} and seconds "
            f"{row['seconds']!r}; expected a digit 0 to 9 and a number"
        ) from error
    return Clip(root / row["path"], WORDS[digit], row["speaker"], seconds)


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
